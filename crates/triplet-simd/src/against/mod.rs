//! Anchors against other candidates: each panel of anchors against every panel of candidates.
//!
//! Both sides are packed in their own order, so that candidates that stay from call to call stay packed. A block is
//! searched for its rows alone, since its columns are no anchors; any worker may search any piece, as in the square
//! batch. An anchor's row of the gradient follows from its own triplets; that of a candidate, on request, from the
//! triplets of the anchors that use it.

mod excluded;
mod gradient;
mod positives;
mod search;
mod sorted;
mod thresholds;
mod to_candidates;

pub(crate) use gradient::run as gradient;
pub(crate) use to_candidates::run as gradient_to_candidates;

use crate::{
    cpu::{
        float_mode::with_default_mode,
        isa::{Element, Selected},
    },
    executor::Executor,
    gram::{aligned::Aligned, block::PackedRows},
    mining::{MiningBuffers, StageContext, begin, begin_screening, collect, count_all, count_screened},
    scratch::Scratch,
    screening::Workers,
};
use excluded::Excluded;
use triplet_core::{Matches, Problem, Triplets};

/// Memory of one worker.
#[derive(Debug)]
pub(crate) struct AgainstScratch<T: Element> {
    /// Candidates of one label, packed.
    columns: Aligned<T>,
    /// Of each panel of anchors at work.
    excluded: Vec<Excluded>,
    /// What the triplets of an anchor put on its pairs.
    pairs: Vec<gradient::Pair<T>>,
}

impl<T: Element> Default for AgainstScratch<T> {
    fn default() -> Self {
        Self { columns: Aligned::default(), excluded: Vec::new(), pairs: Vec::new() }
    }
}

/// Anchors and candidates, both packed in their own order.
#[derive(Clone, Copy)]
pub(crate) struct Sides<'a, T: Element> {
    pub(crate) executor: &'a dyn Executor,
    pub(crate) selected: Selected,
    pub(crate) problem: &'a Problem<'a, T>,
    pub(crate) matches: &'a Matches,
    pub(crate) anchors: PackedRows<'a, T>,
    pub(crate) candidates: PackedRows<'a, T>,
}

/// Fills `out` with the triplets of a problem whose sides are packed, and evaluates them.
pub(crate) fn mine<T: Element>(
    sides: Sides<'_, T>,
    scratches: &mut [Scratch<T>],
    buffers: &mut MiningBuffers<T>,
    out: &mut Triplets<T>,
) {
    let Sides { executor, selected, problem, anchors, .. } = sides;
    let context = StageContext { executor, selected, problem, source: anchors };
    begin(anchors.layout, scratches, buffers);
    let screening = buffers.screening();
    let MiningBuffers { thresholds, passing, bests, counts, screen, screened, .. } = buffers;
    thresholds::run(sides, scratches, thresholds, (bests, passing), out);
    let mut workers = Workers { executor, selected, scratches: &mut *scratches };
    let words = with_default_mode(|| {
        screen.prepare(screening, &mut workers, (anchors, &thresholds[..]), Some(sides.candidates))
    });
    let screened = words.is_some().then_some(screened);
    begin_screening(scratches, screened.is_some());
    search::run(sides, words, scratches, thresholds, bests);
    count_screened(scratches, screened);
    sorted::run(sides, scratches, out);
    collect::run(context, counts, thresholds, (bests, passing), out);
    count_all(scratches, counts, out);
}
