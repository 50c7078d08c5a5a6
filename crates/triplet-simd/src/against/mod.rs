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

pub(crate) use excluded::Excluded;
pub(crate) use gradient::run as gradient;
pub(crate) use search::run as search;
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
use triplet_core::{Classes, Matches, Problem, Triplets};

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

impl<T: Element> AgainstScratch<T> {
    /// Room for so many panels of anchors.
    pub(crate) fn excluded(&mut self, panels: usize) -> &mut [Excluded] {
        if self.excluded.len() < panels {
            self.excluded.resize_with(panels, Default::default);
        }
        &mut self.excluded
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

/// What the search of a rectangle needs of a problem.
#[derive(Clone, Copy)]
pub(crate) struct Compared<'a, T: Element> {
    pub(crate) executor: &'a dyn Executor,
    pub(crate) selected: Selected,
    pub(crate) matches: &'a Matches,
    /// Of the candidates.
    pub(crate) classes: &'a Classes,
    /// Whether an anchor none of whose candidates reaches a threshold takes the farthest.
    pub(crate) far: bool,
    pub(crate) anchors: PackedRows<'a, T>,
    pub(crate) candidates: PackedRows<'a, T>,
}

impl<'a, T: Element> Sides<'a, T> {
    fn compared(&self) -> Compared<'a, T> {
        let Self { executor, selected, problem, matches, anchors, candidates } = *self;
        let (classes, far) = (problem.classes(), !problem.rule().one_per_anchor());
        Compared { executor, selected, matches, classes, far, anchors, candidates }
    }
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
    search::run(sides.compared(), words, scratches, thresholds, bests);
    count_screened(scratches, screened);
    sorted::run(sides, scratches, out);
    collect::run(context, counts, thresholds, (bests, passing), out);
    count_all(scratches, counts, out);
}
