//! The best candidates of all panels, which workers share.
//!
//! A worker copies what is known of the panels of its piece, goes on from there, and leaves what it found. An
//! old copy costs time only: a worker with a bound that another has already lowered finds more candidates, which
//! [`Best::merge`] then drops.

use super::rectangle::Rectangle;
use crate::{
    cpu::isa::Element,
    gram::layout::Layout,
    lanes::{Kernel, Lanes},
    scratch::Scratch,
    search::Best,
};
use std::sync::{Mutex, MutexGuard, PoisonError};
use triplet_core::real::Key;

/// The best candidates of every panel. A lock is held while those of one panel are copied.
#[derive(Debug, Default)]
pub(crate) struct Bests<K: Key> {
    panels: Vec<Mutex<Best<K>>>,
}

impl<K: Key> Bests<K> {
    /// Makes room for the panels; what is found for them is unspecified.
    pub(crate) fn resize(&mut self, layout: &Layout) {
        if self.panels.len() < layout.panels {
            self.panels.resize_with(layout.panels, Mutex::default);
        }
        for (panel, best) in self.panels[..layout.panels].iter_mut().enumerate() {
            let best = best.get_mut().unwrap_or_else(PoisonError::into_inner);
            best.resize(layout.panel, layout.slots(panel));
        }
    }

    /// From now on keeps so many candidates of each threshold; what is found is unspecified.
    pub(crate) fn keep(&mut self, layout: &Layout, candidates: usize) {
        for best in &mut self.panels[..layout.panels] {
            best.get_mut().unwrap_or_else(PoisonError::into_inner).keep(candidates);
        }
    }

    /// What has been found for a panel.
    pub(crate) fn panel(&self, panel: usize) -> MutexGuard<'_, Best<K>> {
        self.panels[panel].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A worker's copies for the panels of its piece.
#[derive(Debug, Default)]
pub(crate) struct Held<K: Key> {
    piece: Rectangle,
    /// Of the row panels, then of the column panels that are not among them.
    copies: Vec<Best<K>>,
}

impl<K: Key> Held<K> {
    /// Copies what is known of the panels of a piece.
    #[inline(always)]
    pub(crate) fn copy(&mut self, bests: &Bests<K>, layout: &Layout, piece: &Rectangle) {
        self.piece = piece.clone();
        let count = piece.panels().count();
        if self.copies.len() < count {
            self.copies.resize_with(count, Best::default);
        }
        for (panel, copy) in piece.panels().zip(&mut self.copies) {
            copy.resize(layout.panel, layout.slots(panel));
            copy.copy(&bests.panel(panel));
        }
    }

    /// Copies what is known of the rows of a piece whose columns are no anchors.
    #[inline(always)]
    pub(crate) fn copy_rows(&mut self, bests: &Bests<K>, layout: &Layout, piece: &Rectangle) {
        self.copy(bests, layout, &Rectangle { rows: piece.rows.clone(), columns: 0..0 });
    }

    /// The copies of the panels of a block's rows and columns; of the first alone where they are the same, or columns are no anchors.
    #[inline(always)]
    pub(crate) fn of_block(&mut self, [row, column]: [usize; 2]) -> (&mut Best<K>, Option<&mut Best<K>>) {
        let Rectangle { rows, columns } = &self.piece;
        let first = row - rows.start;
        if columns.is_empty() {
            return (&mut self.copies[first], None);
        }
        let second = if column < rows.end {
            column - rows.start
        } else {
            rows.len() + column - columns.start.max(rows.end)
        };
        // Columns are at or right of the diagonal.
        let (before, from) = self.copies.split_at_mut(first + 1);
        (&mut before[first], (second > first).then(|| &mut from[second - first - 1]))
    }

    /// Rows that those panels of a block were compared with at least that have thresholds.
    #[inline(always)]
    pub(crate) fn seen(&mut self, block: [usize; 2]) -> u32 {
        let (row, column) = self.of_block(block);
        let seen = |best: &Best<K>| if best.excess.is_empty() { u32::MAX } else { best.seen };
        column.map_or(u32::MAX, |column| seen(column)).min(seen(row))
    }

    /// Leaves what was found since, if anything was.
    #[inline(always)]
    pub(super) fn leave(&mut self, bests: &Bests<K>) {
        let piece = core::mem::take(&mut self.piece);
        for (panel, found) in piece.panels().zip(&self.copies) {
            bests.panel(panel).merge(found);
        }
    }
}

/// Leaves what a worker found for the others.
pub(crate) struct Leave<'a, T: Element> {
    pub(crate) scratch: &'a mut Scratch<T>,
    pub(crate) bests: &'a Bests<T::Key>,
}

impl<T: Element> Kernel<T> for Leave<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes<Real = T>>(self, _: L) {
        self.scratch.held.leave(self.bests);
    }
}
