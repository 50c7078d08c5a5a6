//! How many threads a batch is worth.

use crate::Rayon;
use triplet_core::{
    Engine, Executed, Mined, Problem, Result,
    choices::ChoiceSpace,
    pull::{Factors, Pull},
    retrieval::{Score, Search},
};
use triplet_simd::{Element, Fused, Selected};

/// Multiply-adds below which a batch stays on the calling thread: waking another
/// costs about as much as it saves.
const SERIAL_BELOW: u64 = 3_000_000;

/// The fused engine on rayon's threads; small batches stay on the calling thread.
///
/// ```
/// use triplet_core::Engine;
/// let engine = triplet_par::Parallel::<f32>::with_threads(2)?;
/// assert_eq!(engine.executed().backend, "par");
/// # Ok::<(), triplet_core::Error>(())
/// ```
pub struct Parallel<T: Element> {
    fused: Fused<T, Rayon>,
}

impl<T: Element> Parallel<T> {
    /// With a number of threads, on the fastest instruction set of this CPU.
    ///
    /// # Errors
    /// As [`Rayon::with_threads`] and [`Selected::best`].
    pub fn with_threads(threads: usize) -> Result<Self> {
        Ok(Self::new(Selected::best()?, Rayon::with_threads(threads)?))
    }

    /// With an instruction set and an executor of the caller's choice.
    #[must_use]
    pub fn new(selected: Selected, executor: Rayon) -> Self {
        Self { fused: Fused::new("par", selected, executor) }
    }

    fn plan(&mut self, problem: &Problem<'_, T>) {
        let rows = problem.batch_size() as u64;
        self.plan_for(rows * rows / 2 * problem.width() as u64);
    }

    fn plan_for(&mut self, work: u64) {
        let executor = self.fused.executor_mut();
        executor.limit(if work < SERIAL_BELOW { 1 } else { executor.most() });
    }
}

impl<T: Element> Engine<T> for Parallel<T> {
    fn mine(&mut self, problem: &Problem<'_, T>, out: &mut Mined<T>) {
        self.plan(problem);
        self.fused.mine(problem, out);
    }

    fn gradient(&mut self, pull: Pull<'_, T>, space: &mut ChoiceSpace, out: &mut [T]) {
        self.plan(pull.problem);
        self.fused.gradient(pull, space, out);
    }

    fn mine_and_gradient(
        &mut self,
        problem: &Problem<'_, T>,
        mined: &mut Mined<T>,
        factors: Factors<'_, T>,
        space: &mut ChoiceSpace,
        out: &mut [T],
    ) {
        self.plan(problem);
        self.fused.mine_and_gradient(problem, mined, factors, space, out);
    }

    fn retrieve(&mut self, search: &Search<'_, T>, scores: &mut [Score]) {
        let [queries, references] = [search.queries(), search.references()].map(Problem::batch_size);
        self.plan_for(queries as u64 * references as u64 * search.queries().width() as u64);
        self.fused.retrieve(search, scores);
    }

    fn needed(&self, problem: &Problem<'_, T>) -> usize {
        self.fused.needed(problem)
    }

    fn executed(&self) -> Executed {
        self.fused.executed()
    }
}
