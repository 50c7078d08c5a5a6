//! What each worker keeps for itself, so that none waits for another.

use crate::{
    aligned::Aligned,
    distances::Distances,
    isa::Element,
    search::{
        Best,
        buckets::{Anchor, Buckets},
        nearest::Nearest,
    },
};
use core::ops::Range;
use triplet_core::{coefficients::Entry, tally::RowSpace, terms::Verdict};

/// What one worker needs for itself.
#[derive(Debug)]
pub(crate) struct Scratch<T: Element> {
    /// One block of keys.
    pub(crate) keys: Aligned<T::Key>,
    /// The best candidates that this worker has seen.
    pub(crate) best: Best<T::Key>,
    /// The anchors of large classes at work.
    pub(crate) anchors: Vec<Anchor<T>>,
    /// The candidates of one of them.
    pub(crate) buckets: Buckets<T>,
    /// For retrieval: the queries at work.
    pub(crate) nearest: Vec<Nearest<T>>,
    /// Distances of the negatives of one of the anchors.
    pub(crate) negatives: Vec<T>,
    /// Counts over the triplets that this worker judged.
    pub(crate) verdict: Verdict,
    /// For the gradient: distances that were not kept.
    pub(crate) distances: Distances<T>,
    /// For the gradient: the row being assembled.
    pub(crate) row_space: RowSpace,
    /// For the gradient: the entries of some rows.
    pub(crate) entries: Vec<Entry<T>>,
    /// For the gradient: which of them each row has not used yet.
    pub(crate) left: Vec<Range<usize>>,
}

impl<T: Element> Default for Scratch<T> {
    fn default() -> Self {
        Self {
            keys: Aligned::default(),
            best: Best::default(),
            anchors: Vec::new(),
            buckets: Buckets::default(),
            nearest: Vec::new(),
            negatives: Vec::new(),
            verdict: Verdict::default(),
            distances: Distances::default(),
            row_space: RowSpace::default(),
            entries: Vec::new(),
            left: Vec::new(),
        }
    }
}
