//! Rows to panels: the layout that the register tile reads.

use super::{aligned::Aligned, layout::Layout};
use crate::lanes::Lanes;
use triplet_core::{Points, Real, real::Key};

/// The rows of a batch in class order, packed: `[panel][k][row in panel]`.
///
/// One copy serves as both operands of every tile. Rows past the last are zero.
#[derive(Debug)]
pub(crate) struct Packed<T: Real> {
    /// The panels.
    pub(crate) panels: Aligned<T>,
    /// Squared norm of each packed row.
    pub(crate) norms: Aligned<T>,
    /// Original row of each packed row, as a key; the padding's is no row.
    pub(crate) ids: Aligned<T::Key>,
}

impl<T: Real> Default for Packed<T> {
    fn default() -> Self {
        Self { panels: Aligned::default(), norms: Aligned::default(), ids: Aligned::default() }
    }
}

impl<T: Real> Packed<T> {
    /// Makes room.
    pub(crate) fn resize(&mut self, layout: &Layout) {
        self.panels.resize(layout.panels * layout.packed_panel());
        self.norms.resize(layout.panels * layout.panel);
        self.ids.resize(layout.panels * layout.panel);
    }
}

/// What one panel's packing writes.
pub(crate) struct PanelOut<'a, T: Real> {
    pub(crate) panel: &'a mut [T],
    pub(crate) norms: &'a mut [T],
    pub(crate) ids: &'a mut [T::Key],
}

/// Columns transposed at a time: a cache line of each row.
const STRIP: usize = 16;

/// Packs the rows of one panel and computes their squared norms.
#[inline(always)]
pub(crate) fn pack<L: Lanes>(
    lanes: L,
    points: Points<'_, L::Real>,
    rows: &[u32],
    out: PanelOut<'_, L::Real>,
) {
    let height = L::PANEL;
    for (id, r) in out.ids.iter_mut().zip(0..) {
        *id = rows.get(r).map_or(Key::SIGNED_MAX, |&row| Key::from_row(row));
    }
    if rows.len() < height {
        out.panel.fill(L::Real::ZERO);
    }
    for (strip, start) in out.panel.chunks_mut(STRIP * height).zip((0..).step_by(STRIP)) {
        let depth = strip.len() / height;
        for (r, &row) in rows.iter().enumerate() {
            let values = &points.row(row)[start..start + depth];
            for (step, &x) in strip.chunks_exact_mut(height).zip(values) {
                step[r] = x;
            }
        }
    }
    norms(lanes, out.panel, out.norms);
}

/// `n_i = g_ii`, by the chain of every inner product.
#[inline(always)]
fn norms<L: Lanes>(lanes: L, panel: &[L::Real], norms: &mut [L::Real]) {
    const { assert!(L::PANEL <= MAX_VECTORS * L::LEN) };
    // A panel is several vectors wide: their chains hide each other's latency.
    let mut sums = [lanes.splat(L::Real::ZERO); MAX_VECTORS];
    let sums = &mut sums[..L::PANEL / L::LEN];
    for step in panel.chunks_exact(L::PANEL) {
        for (sum, x) in sums.iter_mut().zip(step.chunks_exact(L::LEN)) {
            let x = lanes.load(x);
            *sum = lanes.fma(x, x, *sum);
        }
    }
    for (&sum, norms) in sums.iter().zip(norms.chunks_exact_mut(L::LEN)) {
        lanes.store(norms, sum);
    }
}

/// No panel is wider.
const MAX_VECTORS: usize = 12;
