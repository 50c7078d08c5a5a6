//! What an engine is asked for, behind a pointer.

use crate::{
    cpu::isa::{Element, Selected},
    executor::Executor,
    screening::Screening,
};
use core::ops::Range;
use triplet_core::{
    GradientInputs, GradientScale, Matches, Problem, ScreenedPairs, Triplets,
    nearest::{Mutual, Nearest, NearestTask, Portion},
    retrieval::{RetrievalTask, Score},
    shares::{Merging, Share},
};

/// The passes of each kind of call, behind a pointer: [`Element::passes`] makes them where the element
/// type is known, so that kernels are compiled with this crate and under its profile, not with the crate
/// that names a type of an engine.
pub trait Passes<T: Element>: Send {
    /// The instruction set.
    fn selected(&self) -> Selected;
    /// Workers of a call.
    fn workers(&self, executor: &dyn Executor) -> usize;
    /// Bytes that [`Fused`](crate::Fused) needs for a problem.
    fn bytes_needed(&self, problem: &Problem<'_, T>, with_gradient: bool) -> usize;
    /// The least bytes of [`Passes::run_in_parts`].
    fn least_bytes_in_parts(&self, problem: &Problem<'_, T>, with_gradient: bool) -> Option<usize>;
    /// Gives all memory back.
    fn release(&mut self);
    /// Lists at most so many choices at a time from now on.
    fn limit_listed_choices(&mut self, most: usize);
    /// Screens pairs from now on, or not.
    fn set_screening(&mut self, screening: Screening);
    /// Whether copies of rows may be kept that only save time.
    fn allow_copies(&mut self, allowed: bool);
    /// The pairs of the last batch that were screened.
    fn screened(&self) -> ScreenedPairs;
    /// Mines a problem, or a share of a square batch.
    fn mine(
        &mut self,
        executor: &dyn Executor,
        problem: &Problem<'_, T>,
        share: Option<&Share>,
        out: &mut Triplets<T>,
    );
    /// Puts together what several shares found.
    fn merge_shares(&mut self, problem: &Problem<'_, T>, merging: &Merging<'_, T>, out: &mut Triplets<T>);
    /// Writes the gradient to some anchors, of a square batch; or else to all.
    fn gradient(
        &mut self,
        executor: &dyn Executor,
        inputs: GradientInputs<'_, T>,
        rows: Range<usize>,
        out: &mut [T],
    );
    /// Writes the gradient to the candidates of anchors that are other rows.
    fn gradient_to_candidates(
        &mut self,
        executor: &dyn Executor,
        inputs: GradientInputs<'_, T>,
        matches: &Matches,
        out: &mut [T],
    );
    /// Writes the sums of a square batch, and on request its gradient, within so many bytes.
    fn run_in_parts(
        &mut self,
        executor: &dyn Executor,
        problem: &Problem<'_, T>,
        bytes: usize,
        out: &mut Triplets<T>,
        gradient: Option<(GradientScale<'_, T>, &mut [T])>,
    );
    /// Improves what was found for some anchors by a portion of the candidates.
    fn search_nearest(
        &mut self,
        executor: &dyn Executor,
        task: &NearestTask<'_, T>,
        portion: &Portion<'_, T>,
        found: &mut Nearest<T>,
    );
    /// Improves what was found for both rows of each pair of rows.
    fn search_nearest_mutual(
        &mut self,
        executor: &dyn Executor,
        task: &NearestTask<'_, T>,
        mutual: Mutual,
        found: &mut Nearest<T>,
    );
    /// Scores every query, by original row.
    fn retrieve(&mut self, executor: &dyn Executor, task: &RetrievalTask<'_, T>, scores: &mut [Score]);
}
