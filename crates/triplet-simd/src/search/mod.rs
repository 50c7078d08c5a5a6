//! The masked minimum search, over the rows and over the columns of a block.
//!
//! The search finds, for every threshold, the smallest key at or above it. Subtracting the
//! threshold with wrap-around makes that a plain unsigned minimum: keys below the
//! threshold, and masked ones, become larger than any that may be chosen. What is kept is
//! this *excess* over the threshold, and the row it belongs to. New bests are rare, so
//! some rows or columns are reduced first, and searched for the row only if something improved.

mod best;
mod block_search;
pub(crate) mod buckets;
mod columns;
mod overlapped;
mod rows;
mod several;

pub(crate) use best::{Anchors, Best};
pub(crate) use block_search::{BlockSearch, overlaps};
#[cfg(test)]
pub(crate) use columns::WARMUP_ROWS;
pub(crate) use overlapped::{calls_a_block, search_and_compute};

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
