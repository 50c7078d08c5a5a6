//! Memory of one worker.

use crate::{
    against::AgainstScratch,
    cpu::isa::Element,
    gradient::{Distances, Entries, TallyBuffers, dense::PairCounts, projection::Columns},
    gram::aligned::Aligned,
    mining::Held,
    retrieval::Nearest,
    screening::Screener,
    search::buckets::{Anchor, Buckets},
};
use core::ops::Range;
use triplet_core::terms::TripletCounts;

/// Memory of one worker, kept from call to call.
#[derive(Debug)]
pub(crate) struct Scratch<T: Element> {
    /// One block of keys.
    pub(crate) keys: Aligned<T::Key>,
    /// The best candidates for the panels at work.
    pub(crate) held: Held<T::Key>,
    /// For anchors against other candidates: the panel at work.
    pub(crate) against: AgainstScratch<T>,
    /// For candidates that may be those of the last call: the panel at work.
    pub(crate) packed: Aligned<T>,
    /// For screening: the block at work.
    pub(crate) screener: Screener,
    /// The anchors of large classes at work.
    pub(crate) anchors: Vec<Anchor<T>>,
    /// The candidates of one of them.
    pub(crate) buckets: Buckets<T>,
    /// For retrieval: the queries at work.
    pub(crate) nearest: Vec<Nearest<T>>,
    /// Distances of the negatives of one of the anchors.
    pub(crate) negatives: Vec<T>,
    /// Counts over the triplets that this worker evaluated.
    pub(crate) counts: TripletCounts,
    /// For the gradient: distances that were not kept.
    pub(crate) distances: Distances<T>,
    /// For the gradient of few classes: counts of the pairs of a block of rows.
    pub(crate) pair_counts: PairCounts<T>,
    /// For the gradient: the row being assembled.
    pub(crate) tally: TallyBuffers<T>,
    /// For the gradient: rows that are projected.
    pub(crate) columns: Columns<T>,
    /// For the gradient in parts: choices of an anchor.
    pub(crate) appended: Vec<u32>,
    /// For the gradient in parts: some rows of it.
    pub(crate) rows: Vec<T>,
    /// For the gradient: the entries of some rows.
    pub(crate) entries: Entries<T>,
    /// For the gradient: the range of them that each row has not consumed yet.
    pub(crate) unconsumed: Vec<Range<usize>>,
}

impl<T: Element> Default for Scratch<T> {
    fn default() -> Self {
        Self {
            keys: Aligned::default(),
            held: Held::default(),
            against: AgainstScratch::default(),
            packed: Aligned::default(),
            screener: Screener::default(),
            anchors: Vec::new(),
            buckets: Buckets::default(),
            nearest: Vec::new(),
            negatives: Vec::new(),
            counts: TripletCounts::default(),
            distances: Distances::default(),
            pair_counts: PairCounts::default(),
            tally: TallyBuffers::default(),
            columns: Columns::default(),
            appended: Vec::new(),
            rows: Vec::new(),
            entries: Entries::default(),
            unconsumed: Vec::new(),
        }
    }
}
