//! What each worker keeps for itself, so that none waits for another.

use crate::{
    aligned::Aligned,
    isa::Element,
    search::{Best, ladder::Ladder},
};
use triplet_core::{coefficients::Entry, tally::RowSpace};

/// What one worker needs for itself.
#[derive(Debug)]
pub(crate) struct Scratch<T: Element> {
    /// One block of keys.
    pub(crate) keys: Aligned<T::Key>,
    /// The best candidates that this worker has seen.
    pub(crate) best: Best<T::Key>,
    /// The ladders of the anchors being searched.
    pub(crate) ladders: Vec<Ladder<T>>,
    /// For each of them the farthest negative: its key and row.
    pub(crate) far: Vec<(T::Key, T::Key)>,
    /// The floors of one of them.
    pub(crate) floors: Vec<T::Key>,
    /// Slices of a row of keys.
    pub(crate) places: Aligned<T::Key>,
    /// For the gradient: the row being assembled.
    pub(crate) row_space: RowSpace,
    /// For the gradient: its entries.
    pub(crate) entries: Vec<Entry<T>>,
}

impl<T: Element> Default for Scratch<T> {
    fn default() -> Self {
        Self {
            keys: Aligned::default(),
            best: Best::default(),
            ladders: Vec::new(),
            far: Vec::new(),
            floors: Vec::new(),
            places: Aligned::default(),
            row_space: RowSpace::default(),
            entries: Vec::new(),
        }
    }
}
