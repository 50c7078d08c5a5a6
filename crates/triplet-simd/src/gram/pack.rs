//! Rows to panels: the layout that the register tile reads.

use super::{aligned::Aligned, layout::Layout, transpose::transpose};
use crate::lanes::{Lanes, MAX_PANEL_VECTORS};
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

/// Packs the rows of one panel and computes their squared norms.
#[inline(always)]
pub(crate) fn pack<L: Lanes>(
    lanes: L,
    points: Points<'_, L::Real>,
    rows: &[u32],
    out: PanelOut<'_, L::Real>,
) {
    let height = L::PANEL;
    for (r, id) in out.ids.iter_mut().enumerate() {
        *id = rows.get(r).map_or(Key::SIGNED_MAX, |&row| Key::from_row(row));
    }
    if rows.len() < height {
        out.panel.fill(L::Real::ZERO);
    }
    transpose(|r| points.row(rows[r]), rows.len(), out.panel, height);
    norms(lanes, out.panel, out.norms);
}

/// `n_i = g_ii`, by the chain of every inner product.
#[inline(always)]
fn norms<L: Lanes>(lanes: L, panel: &[L::Real], norms: &mut [L::Real]) {
    // A panel is several vectors wide: their chains hide each other's latency.
    let mut sums = [lanes.splat(L::Real::ZERO); MAX_PANEL_VECTORS];
    for step in panel.chunks_exact(L::PANEL) {
        for v in 0..L::PANEL / L::LEN {
            let x = lanes.load(&step[v * L::LEN..]);
            sums[v] = lanes.fma(x, x, sums[v]);
        }
    }
    for v in 0..L::PANEL / L::LEN {
        lanes.store(&mut norms[v * L::LEN..], sums[v]);
    }
}
