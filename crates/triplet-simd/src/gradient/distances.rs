//! Distances from a few rows to all, for when the gradient needs what was not kept.

use crate::{
    cpu::isa::Element,
    gram::{
        aligned::Aligned,
        block::{PackedRows, RowPanel},
        pack::{self, PanelOut},
    },
    lanes::Lanes,
};
use triplet_core::Points;

/// As many rows as a register tile has, in a panel of their own, and their distances.
#[derive(Debug)]
pub(crate) struct Distances<T: Element> {
    panel: Aligned<T>,
    norms: Aligned<T>,
    ids: Aligned<T::Key>,
    /// Keys, by row and position.
    keys: Aligned<T::Key>,
    stride: usize,
}

impl<T: Element> Default for Distances<T> {
    fn default() -> Self {
        Self {
            panel: Aligned::default(),
            norms: Aligned::default(),
            ids: Aligned::default(),
            keys: Aligned::default(),
            stride: 0,
        }
    }
}

impl<T: Element> Distances<T> {
    /// Computes those of some original rows, as many as a register tile has at most, by the chain of every inner product.
    #[inline(always)]
    pub(crate) fn compute<L: Lanes<Real = T>>(
        &mut self,
        lanes: L,
        points: Points<'_, T>,
        source: PackedRows<'_, T>,
        rows: &[u32],
    ) {
        let layout = source.layout;
        self.panel.resize(layout.packed_panel());
        self.norms.resize(layout.panel);
        self.ids.resize(layout.panel);
        self.stride = layout.panels * layout.panel;
        self.keys.resize(L::TILE_ROWS * self.stride);
        let out = PanelOut { panel: &mut self.panel, norms: &mut self.norms, ids: &mut self.ids };
        pack::pack(lanes, points, rows, out);
        let panel = RowPanel { rows: &self.panel, norms: &self.norms };
        let (some, columns) = (0..rows.len(), 0..layout.panels);
        source.distances_of(lanes, panel, some, columns, &mut self.keys, self.stride);
    }

    /// Those of one of the rows, by position.
    pub(crate) fn of(&self, row: usize) -> &[T::Key] {
        &self.keys[row * self.stride..][..self.stride]
    }
}
