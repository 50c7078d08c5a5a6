//! An engine that works in parts, however small the batch.

use triplet_core::{
    Engine, ExecutionInfo, GradientInputs, GradientScale, Problem, Result, Triplets,
    nearest::{Mutual, Nearest, NearestTask, Portion},
    retrieval::{RetrievalTask, Score},
};
use triplet_simd::Element;

/// An engine that says of kept triplets that they take all memory there is, and that works in parts within the
/// least that these take, and some bytes more.
pub(crate) struct Cramped<E> {
    engine: E,
    more: usize,
}

impl<E> Cramped<E> {
    pub(crate) fn new(engine: E, more: usize) -> Self {
        Self { engine, more }
    }
}

impl<T: Element, E: Engine<T>> Engine<T> for Cramped<E> {
    fn mine(&mut self, problem: &Problem<'_, T>, out: &mut Triplets<T>) -> Result<()> {
        self.engine.mine(problem, out)
    }

    fn gradient(&mut self, inputs: GradientInputs<'_, T>, out: &mut [T]) -> Result<()> {
        self.engine.gradient(inputs, out)
    }

    fn gradient_to_candidates(&mut self, inputs: GradientInputs<'_, T>, out: &mut [T]) -> Result<()> {
        self.engine.gradient_to_candidates(inputs, out)
    }

    fn retrieve(&mut self, task: &RetrievalTask<'_, T>, scores: &mut [Score]) {
        self.engine.retrieve(task, scores);
    }

    fn search_nearest(
        &mut self,
        task: &NearestTask<'_, T>,
        portion: &Portion<'_, T>,
        found: &mut Nearest<T>,
    ) -> Result<()> {
        self.engine.search_nearest(task, portion, found)
    }

    fn search_nearest_mutual(
        &mut self,
        task: &NearestTask<'_, T>,
        mutual: Mutual,
        found: &mut Nearest<T>,
    ) -> Result<()> {
        self.engine.search_nearest_mutual(task, mutual, found)
    }

    fn bytes_needed(&self, problem: &Problem<'_, T>, with_gradient: bool) -> usize {
        match self.engine.least_bytes_in_parts(problem, with_gradient) {
            Some(_) => usize::MAX,
            // Of one triplet an anchor, which have no parts.
            None => self.engine.bytes_needed(problem, with_gradient),
        }
    }

    fn least_bytes_in_parts(&self, problem: &Problem<'_, T>, with_gradient: bool) -> Option<usize> {
        self.engine.least_bytes_in_parts(problem, with_gradient)
    }

    fn run_in_parts(
        &mut self,
        problem: &Problem<'_, T>,
        _: usize,
        out: &mut Triplets<T>,
        gradient: Option<(GradientScale<'_, T>, &mut [T])>,
    ) -> Result<()> {
        let least = self.engine.least_bytes_in_parts(problem, gradient.is_some()).unwrap_or(0);
        self.engine.run_in_parts(problem, least.saturating_add(self.more), out, gradient)
    }

    fn release(&mut self) {
        self.engine.release();
    }

    fn executed(&self) -> ExecutionInfo {
        self.engine.executed()
    }
}
