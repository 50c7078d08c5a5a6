//! The masked minimum search, over the rows and over the columns of a block.
//!
//! The search finds, for every threshold, the smallest key at or above it. Subtracting the
//! threshold with wrap-around makes that a plain unsigned minimum: keys below the
//! threshold, and masked ones, become larger than any that may be chosen. What is kept is
//! this *excess* over the threshold, and the row it belongs to. New bests are rare, so
//! some rows or columns are reduced first, and searched for the row only if something improved.

mod block_search;
pub(crate) mod buckets;
mod columns;
mod rows;

pub(crate) use block_search::{BlockSearch, overlaps};
#[cfg(test)]
pub(crate) use columns::WARMUP_ROWS;

use crate::gram::{aligned::Aligned, layout::Layout};
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

/// The anchors of all panels: their thresholds, and the best candidates among the blocks of one worker.
pub(crate) struct Anchors<'a, K: Key> {
    layout: &'a Layout,
    thresholds: &'a [K],
    excess: &'a mut [K],
    nearest_row: &'a mut [K],
    far: &'a mut [K],
    farthest_row: &'a mut [K],
    seen: &'a mut [u32],
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
        self.farthest_row.fill(K::SIGNED_MAX);
        self.seen.clear();
        self.seen.resize(layout.panels, 0);
    }

    /// As if a panel's columns had been compared with so many rows.
    #[cfg(test)]
    pub(crate) fn skip_warmup(&mut self, panel: usize, rows: u32) {
        self.seen[panel] = rows;
    }

    /// What a search compares with and writes to.
    pub(crate) fn anchors<'a>(&'a mut self, layout: &'a Layout, thresholds: &'a [K]) -> Anchors<'a, K> {
        let Self { excess, nearest_row, far, farthest_row, seen } = self;
        Anchors { layout, thresholds, excess, nearest_row, far, farthest_row, seen }
    }
}

/// The excess of a threshold that nothing has reached.
fn unreached<K: Key>(threshold: K) -> K {
    if threshold == K::UNREACHABLE { K::ZERO } else { K::SIGNED_MAX.wrapping_sub(threshold) }
}

/// The keys of a row panel with a column panel, and the rows they belong to. Keys of padding are masked.
#[derive(Clone, Copy)]
pub(crate) struct Block<'a, K> {
    /// Keys, row by row.
    pub(crate) keys: &'a [K],
    /// Original row of each block row.
    pub(crate) row_ids: &'a [K],
    /// Original row of each column.
    pub(crate) column_ids: &'a [K],
}
