//! Anchors against other candidates: each panel of anchors against every panel of candidates.
//!
//! Candidates are in class order, as in the square batch, anchors in their own order. A block is searched for its
//! rows alone, since its columns are no anchors. An anchor's row of the gradient follows from its own triplets; that of
//! a candidate, on request, from the triplets of the anchors that use it.

mod gradient;
mod mine;
mod sorted;
mod to_candidates;

pub(crate) use gradient::run as gradient;
pub(crate) use mine::run as mine;
pub(crate) use to_candidates::run as gradient_to_candidates;

use crate::{
    cpu::isa::{Element, Selected},
    executor::Executor,
    gram::{aligned::Aligned, block::PackedRows},
    search::Best,
};
use triplet_core::{Matches, Problem};

/// The anchors of one panel.
#[derive(Debug)]
struct PanelState<T: Element> {
    /// The most slots of an anchor.
    slots: usize,
    thresholds: Aligned<T::Key>,
    best: Best<T::Key>,
    /// Ranking values of the positives, anchor by anchor.
    near: Vec<T>,
}

impl<T: Element> Default for PanelState<T> {
    fn default() -> Self {
        Self { slots: 0, thresholds: Aligned::default(), best: Best::default(), near: Vec::new() }
    }
}

/// Memory of one worker.
#[derive(Debug)]
pub(crate) struct AgainstScratch<T: Element> {
    /// Of the panels at work.
    panels: Vec<PanelState<T>>,
    /// Ranking values of an anchor's negatives.
    far: Vec<T>,
    /// What the triplets of an anchor put on its pairs.
    pairs: Vec<gradient::Pair<T>>,
}

impl<T: Element> Default for AgainstScratch<T> {
    fn default() -> Self {
        Self { panels: Vec::new(), far: Vec::new(), pairs: Vec::new() }
    }
}

/// Anchors and candidates, both packed.
#[derive(Clone, Copy)]
pub(crate) struct Sides<'a, T: Element> {
    pub(crate) executor: &'a dyn Executor,
    pub(crate) selected: Selected,
    pub(crate) problem: &'a Problem<'a, T>,
    pub(crate) matches: &'a Matches,
    pub(crate) anchors: PackedRows<'a, T>,
    pub(crate) candidates: PackedRows<'a, T>,
}
