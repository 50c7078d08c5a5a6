//! The masked minimum search, over the rows and over the columns of a block.
//!
//! The search finds, for every threshold, the smallest key at or above it. Subtracting the
//! threshold with wrap-around makes that a plain unsigned minimum: keys below the
//! threshold, and masked ones, become larger than any that may be chosen. What is kept is
//! this *excess* over the threshold, and the row it belongs to. New bests are rare, so
//! a whole run of keys is reduced first and resolved only if something improved.

pub(crate) mod buckets;
pub(crate) mod columns;
pub(crate) mod rows;

use crate::gram::{aligned::Aligned, layout::Layout};
use core::ops::Range;
use triplet_core::real::Key;

/// The best candidates for every threshold, among the blocks of one worker.
#[derive(Debug, Default)]
pub(crate) struct Best<K: Key> {
    /// Smallest excess over each threshold.
    pub(crate) excess: Aligned<K>,
    /// The row that has it.
    pub(crate) nearest_row: Aligned<K>,
    /// Largest key of each row, unmasked.
    pub(crate) far: Aligned<K>,
    /// The row that has it.
    pub(crate) farthest_row: Aligned<K>,
    /// Rows that each panel's columns were compared with.
    seen: Vec<u32>,
}

/// The part of [`Best`] that belongs to one panel, and its thresholds.
pub(crate) struct PanelBest<'a, K: Key> {
    pub(crate) thresholds: &'a [K],
    pub(crate) excess: &'a mut [K],
    pub(crate) nearest_row: &'a mut [K],
    pub(crate) far: &'a mut [K],
    pub(crate) farthest_row: &'a mut [K],
    seen: &'a mut u32,
}

impl<K: Key> Best<K> {
    /// Forgets everything. An excess starts at the largest one of a finite
    /// distance, so that a masked key never equals it.
    pub(crate) fn reset(&mut self, layout: &Layout, thresholds: &[K]) {
        let rows = layout.panels * layout.panel;
        self.excess.resize(thresholds.len());
        self.nearest_row.resize(thresholds.len());
        self.far.resize(rows);
        self.farthest_row.resize(rows);
        for (excess, &threshold) in self.excess.iter_mut().zip(thresholds) {
            *excess = unreached(threshold);
        }
        self.nearest_row.fill(K::SIGNED_MAX);
        self.far.fill(K::MASKED);
        self.seen.clear();
        self.seen.resize(layout.panels, 0);
        self.farthest_row.fill(K::SIGNED_MAX);
    }

    /// The part of one panel.
    pub(crate) fn panel<'a>(
        &'a mut self,
        layout: &Layout,
        panel: usize,
        thresholds: &'a [K],
    ) -> PanelBest<'a, K> {
        let range = layout.threshold_range(panel);
        let rows = panel * layout.panel..(panel + 1) * layout.panel;
        PanelBest {
            thresholds: &thresholds[range.clone()],
            excess: &mut self.excess[range.clone()],
            nearest_row: &mut self.nearest_row[range],
            far: &mut self.far[rows.clone()],
            farthest_row: &mut self.farthest_row[rows],
            seen: &mut self.seen[panel],
        }
    }
}

/// The excess of a threshold that nothing has reached.
fn unreached<K: Key>(threshold: K) -> K {
    if threshold == K::UNREACHABLE { K::ZERO } else { K::SIGNED_MAX.wrapping_sub(threshold) }
}

/// A block of keys and the rows they belong to.
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

/// Thresholds searched together: they and their minima fit the registers.
pub(crate) const THRESHOLDS_PER_PASS: usize = 4;
