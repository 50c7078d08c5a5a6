//! The masked minimum search, over the rows and over the columns of a block.
//!
//! A threshold asks for the smallest key at or above its floor. Subtracting the
//! floor with wrap-around makes that a plain unsigned minimum: keys below the
//! floor, and masked ones, become larger than any that may win. What is kept is
//! this *excess* over the floor, and the row it belongs to. New bests are rare, so
//! a whole run of keys is reduced first and resolved only if something improved.

pub(crate) mod buckets;
pub(crate) mod columns;
pub(crate) mod nearest;
pub(crate) mod rows;

use crate::{aligned::Aligned, layout::Layout};
use core::ops::Range;
use triplet_core::real::Key;

/// The best candidates of every threshold that one worker has seen.
#[derive(Debug, Default)]
pub(crate) struct Best<K: Key> {
    /// Smallest excess over each threshold's floor.
    pub(crate) excess: Aligned<K>,
    /// Whose it is.
    pub(crate) nearest: Aligned<K>,
    /// Largest key of each row, unmasked.
    pub(crate) far: Aligned<K>,
    /// Whose it is.
    pub(crate) farthest: Aligned<K>,
    /// Rows that each panel's columns were compared with.
    seen: Vec<u32>,
}

/// The part of [`Best`] that belongs to one panel, and its floors.
pub(crate) struct PanelBest<'a, K: Key> {
    pub(crate) floors: &'a [K],
    pub(crate) excess: &'a mut [K],
    pub(crate) nearest: &'a mut [K],
    pub(crate) far: &'a mut [K],
    pub(crate) farthest: &'a mut [K],
    seen: &'a mut u32,
}

impl<K: Key> Best<K> {
    /// Forgets everything. An excess starts at the largest one of a finite
    /// distance, so that a masked key never equals it.
    pub(crate) fn reset(&mut self, layout: &Layout, floors: &[K]) {
        let rows = layout.panels * layout.panel;
        self.excess.resize(floors.len());
        self.nearest.resize(floors.len());
        self.far.resize(rows);
        self.farthest.resize(rows);
        for (excess, &floor) in self.excess.iter_mut().zip(floors) {
            *excess = unreached(floor);
        }
        self.nearest.fill(K::SIGNED_MAX);
        self.far.fill(K::MASKED);
        self.seen.clear();
        self.seen.resize(layout.panels, 0);
        self.farthest.fill(K::SIGNED_MAX);
    }

    /// The part of one panel.
    pub(crate) fn panel<'a>(
        &'a mut self,
        layout: &Layout,
        panel: usize,
        floors: &'a [K],
    ) -> PanelBest<'a, K> {
        let thresholds = layout.threshold_range(panel);
        let rows = panel * layout.panel..(panel + 1) * layout.panel;
        PanelBest {
            floors: &floors[thresholds.clone()],
            excess: &mut self.excess[thresholds.clone()],
            nearest: &mut self.nearest[thresholds],
            far: &mut self.far[rows.clone()],
            farthest: &mut self.farthest[rows],
            seen: &mut self.seen[panel],
        }
    }
}

/// The excess of a threshold that nothing has reached.
fn unreached<K: Key>(floor: K) -> K {
    if floor == K::NEVER { K::ZERO } else { K::SIGNED_MAX.wrapping_sub(floor) }
}

/// A block of keys and whose they are.
#[derive(Clone, Copy)]
pub(crate) struct Block<'a, K> {
    /// Keys, `stride` from row to row.
    pub(crate) keys: &'a [K],
    /// Distance between rows.
    pub(crate) stride: usize,
    /// Original row of each block row; padding rows are not listed.
    pub(crate) row_ids: &'a [K],
    /// Original row of each column from the first on.
    pub(crate) column_ids: &'a [K],
}

impl<K> Block<'_, K> {
    /// A run of columns of one row.
    #[inline(always)]
    fn row(&self, r: usize, columns: Range<usize>) -> &[K] {
        &self.keys[r * self.stride..][columns]
    }
}

/// Thresholds searched together: their floors and minima fit the registers.
pub(crate) const TOGETHER: usize = 4;
