//! The best candidates of all panels, which workers share.
//!
//! A worker copies what is known of the panels of its piece, goes on from there, and leaves what it found. An
//! old copy costs time only: a worker with a bound that another has already lowered finds more candidates, which
//! [`Best::merge`] then drops.

use super::rectangle::Rectangle;
use crate::{gram::layout::Layout, search::Best};
use core::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};
use triplet_core::real::Key;

/// The best candidates of every panel. A lock is held while those of one panel are copied.
#[derive(Debug, Default)]
pub(crate) struct Bests<K: Key> {
    panels: Vec<Mutex<Best<K>>>,
}

impl<K: Key> Bests<K> {
    /// Makes room for the panels; what is found for them is unspecified.
    pub(super) fn resize(&mut self, layout: &Layout) {
        if self.panels.len() < layout.panels {
            self.panels.resize_with(layout.panels, Mutex::default);
        }
        for (panel, best) in self.panels[..layout.panels].iter_mut().enumerate() {
            let best = best.get_mut().unwrap_or_else(PoisonError::into_inner);
            best.resize(layout.panel, layout.slots(panel));
        }
    }

    /// What has been found for a panel.
    pub(super) fn panel(&self, panel: usize) -> MutexGuard<'_, Best<K>> {
        self.panels[panel].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A worker's copies for the panels of its piece.
#[derive(Debug, Default)]
pub(crate) struct Held<K: Key> {
    piece: Rectangle,
    pub(super) rows: Vec<Best<K>>,
    /// Of panels that are among the rows too, a second copy.
    pub(super) columns: Vec<Best<K>>,
}

impl<K: Key> Held<K> {
    /// Copies what is known of the panels of a piece.
    #[inline(always)]
    pub(super) fn copy(&mut self, bests: &Bests<K>, layout: &Layout, piece: &Rectangle) {
        self.piece = piece.clone();
        copy(&mut self.rows, bests, layout, piece.rows.clone());
        copy(&mut self.columns, bests, layout, piece.columns.clone());
    }

    /// Leaves what was found since, if anything was.
    #[inline(always)]
    pub(super) fn leave(&mut self, bests: &Bests<K>) {
        let piece = core::mem::take(&mut self.piece);
        let rows = piece.rows.zip(&self.rows);
        for (panel, found) in rows.chain(piece.columns.zip(&self.columns)) {
            bests.panel(panel).merge(found);
        }
    }
}

#[inline(always)]
fn copy<K: Key>(to: &mut Vec<Best<K>>, bests: &Bests<K>, layout: &Layout, panels: Range<usize>) {
    if to.len() < panels.len() {
        to.resize_with(panels.len(), Best::default);
    }
    for (panel, to) in panels.zip(to) {
        to.resize(layout.panel, layout.slots(panel));
        to.copy(&bests.panel(panel));
    }
}
