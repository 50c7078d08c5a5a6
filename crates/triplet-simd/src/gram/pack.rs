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
    /// Of each panel a number that is another whenever its rows may be; never 0.
    pub(crate) versions: Vec<u64>,
    /// The last of these.
    pub(crate) version: u64,
    /// Panels, their height and the width of their rows.
    shape: [usize; 3],
}

impl<T: Real> Default for Packed<T> {
    fn default() -> Self {
        Self {
            panels: Aligned::default(),
            norms: Aligned::default(),
            ids: Aligned::default(),
            versions: Vec::new(),
            version: 0,
            shape: [0; 3],
        }
    }
}

impl<T: Real> Packed<T> {
    /// Makes room; whether panels may still be those of the last batch.
    pub(crate) fn resize(&mut self, layout: &Layout) -> bool {
        let shape = [layout.panels, layout.panel, layout.width];
        let same = self.shape == shape;
        self.shape = shape;
        self.versions.resize(layout.panels, 0);
        self.version += 1;
        self.panels.resize(layout.panels * layout.packed_panel());
        self.norms.resize(layout.panels * layout.panel);
        self.ids.resize(layout.panels * layout.panel);
        same
    }
}

impl<T: Real> Packed<T> {
    /// Numbers the rows anew: they are some of a larger set.
    pub(crate) fn number(&mut self, row: impl Fn(u32) -> u32) {
        for id in self.ids.iter_mut().filter(|id| **id != Key::SIGNED_MAX) {
            *id = Key::from_row(row(id.to_row()));
        }
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
    transpose_rows(points, rows, out.panel, L::PANEL);
    complete(lanes, rows, out);
}

/// Writes some rows as a panel of a height.
#[inline(always)]
pub(super) fn transpose_rows<T: Real>(points: Points<'_, T>, rows: &[u32], panel: &mut [T], height: usize) {
    if rows.len() < height {
        panel.fill(T::ZERO);
    }
    transpose(|r| points.row(rows[r]), rows.len(), panel, height);
}

/// Computes the squared norms of a panel, and lists its rows.
#[inline(always)]
pub(super) fn complete<L: Lanes>(lanes: L, rows: &[u32], out: PanelOut<'_, L::Real>) {
    for (r, id) in out.ids.iter_mut().enumerate() {
        *id = id_of(rows, r);
    }
    norms(lanes, out.panel, out.norms);
}

/// What a panel of some rows has for one of them, or for padding.
#[inline(always)]
fn id_of<K: Key>(rows: &[u32], r: usize) -> K {
    rows.get(r).map_or(Key::SIGNED_MAX, |&row| Key::from_row(row))
}

/// Whether the rows of a panel are these, by number.
#[inline(always)]
pub(super) fn are_rows<K: Key>(rows: &[u32], ids: &[K]) -> bool {
    ids.iter().enumerate().all(|(r, &id)| id == id_of(rows, r))
}

/// Whether two panels are the same, signs of zeros and all.
#[inline(always)]
pub(super) fn same_bits<T: Real>(a: &[T], b: &[T]) -> bool {
    // A run at a time: the compiler makes vectors of a run, and most panels are the same to the end.
    const RUN: usize = 256;
    let runs = a.chunks(RUN).zip(b.chunks(RUN));
    a.len() == b.len()
        && runs
            .into_iter()
            .all(|(a, b)| !a.iter().zip(b).fold(false, |other, (a, b)| other | (a.key() != b.key())))
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
