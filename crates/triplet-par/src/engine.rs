//! The engine on several threads, and how many of them it uses for a batch.

use crate::{Pool, Rayon, Result};
use core::ops::Range;
use triplet_core::{
    Engine, ExecutionInfo, GradientInputs, Problem, ScreenedPairs, Triplets,
    gradient_inputs::GradientScale,
    nearest::{Mutual, Nearest, NearestTask, Portion},
    retrieval::{RetrievalTask, Score},
    shares::{Merging, Share},
};
use triplet_simd::{Element, Fused, Selected};

/// Multiply-adds below which a batch stays on the calling thread: waking another
/// costs about as much as it saves.
const SERIAL_BELOW: u64 = 3_000_000;

/// The fused engine on the threads of a pool, rayon's unless another is named; small batches stay on the
/// calling thread.
///
/// ```
/// use triplet_core::Engine;
/// let engine = triplet_par::Parallel::<f32>::with_threads(2)?;
/// assert_eq!(engine.executed().backend, "par");
/// # Ok::<(), triplet_par::Error>(())
/// ```
pub struct Parallel<T: Element, P: Pool = Rayon> {
    fused: Fused<T, P>,
    /// What the last call ran on, by the pool's word.
    backend: &'static str,
}

impl<T: Element> Parallel<T> {
    /// With a number of threads, on the fastest instruction set of this CPU.
    ///
    /// # Errors
    /// As [`Rayon::with_threads`] and [`Selected::best`].
    pub fn with_threads(threads: usize) -> Result<Self> {
        Ok(Self::new(Selected::best()?, Rayon::with_threads(threads)?))
    }
}

impl<T: Element, P: Pool> Parallel<T, P> {
    /// With an instruction set and an executor of the caller's choice.
    #[must_use]
    pub fn new(selected: Selected, executor: P) -> Self {
        let backend = executor.backend();
        Self { fused: Fused::new(backend, selected, executor), backend }
    }

    fn choose_threads(&mut self, problem: &Problem<'_, T>) {
        let rows = problem.anchors().len() as u64;
        self.choose_threads_for(rows * rows / 2 * problem.anchors().width() as u64);
    }

    fn choose_threads_for(&mut self, multiply_adds: u64) {
        let executor = self.fused.executor_mut();
        executor.set_active(if multiply_adds < SERIAL_BELOW { 1 } else { executor.max_threads() });
        self.backend = executor.backend();
    }
}

impl<T: Element, P: Pool> Engine<T> for Parallel<T, P> {
    fn mine(&mut self, problem: &Problem<'_, T>, out: &mut Triplets<T>) -> triplet_core::Result<()> {
        self.choose_threads(problem);
        self.fused.mine(problem, out)
    }

    fn gradient(&mut self, inputs: GradientInputs<'_, T>, out: &mut [T]) -> triplet_core::Result<()> {
        self.choose_threads(inputs.problem);
        self.fused.gradient(inputs, out)
    }

    fn gradient_to_candidates(
        &mut self,
        inputs: GradientInputs<'_, T>,
        out: &mut [T],
    ) -> triplet_core::Result<()> {
        self.choose_threads(inputs.problem);
        self.fused.gradient_to_candidates(inputs, out)
    }

    fn mine_share(
        &mut self,
        problem: &Problem<'_, T>,
        share: &Share,
        out: &mut Triplets<T>,
    ) -> triplet_core::Result<()> {
        self.choose_threads(problem);
        self.fused.mine_share(problem, share, out)
    }

    fn merge_shares(
        &mut self,
        problem: &Problem<'_, T>,
        merging: &Merging<'_, T>,
        out: &mut Triplets<T>,
    ) -> triplet_core::Result<()> {
        self.fused.merge_shares(problem, merging, out)
    }

    fn gradient_of_rows(
        &mut self,
        inputs: GradientInputs<'_, T>,
        rows: Range<usize>,
        out: &mut [T],
    ) -> triplet_core::Result<()> {
        self.choose_threads(inputs.problem);
        self.fused.gradient_of_rows(inputs, rows, out)
    }

    fn mine_and_gradient(
        &mut self,
        problem: &Problem<'_, T>,
        triplets: &mut Triplets<T>,
        scale: GradientScale<'_, T>,
        out: &mut [T],
    ) -> triplet_core::Result<()> {
        self.choose_threads(problem);
        self.fused.mine_and_gradient(problem, triplets, scale, out)
    }

    fn retrieve(&mut self, task: &RetrievalTask<'_, T>, scores: &mut [Score]) {
        let (queries, references) = (task.comparison().anchors(), task.comparison().candidates());
        self.choose_threads_for(queries.len() as u64 * references.len() as u64 * queries.width() as u64);
        self.fused.retrieve(task, scores);
    }

    fn search_nearest(
        &mut self,
        task: &NearestTask<'_, T>,
        portion: &Portion<'_, T>,
        found: &mut Nearest<T>,
    ) -> triplet_core::Result<()> {
        let (anchors, candidates) = (task.anchors(), portion.points);
        self.choose_threads_for(anchors.len() as u64 * candidates.len() as u64 * anchors.width() as u64);
        self.fused.search_nearest(task, portion, found)
    }

    fn search_nearest_mutual(
        &mut self,
        task: &NearestTask<'_, T>,
        mutual: Mutual,
        found: &mut Nearest<T>,
    ) -> triplet_core::Result<()> {
        let rows = task.anchors().len() as u64;
        self.choose_threads_for(rows * rows / 2 * task.anchors().width() as u64);
        self.fused.search_nearest_mutual(task, mutual, found)
    }

    fn bytes_needed(&self, problem: &Problem<'_, T>, with_gradient: bool) -> usize {
        self.fused.bytes_needed(problem, with_gradient)
    }

    fn least_bytes_in_parts(&self, problem: &Problem<'_, T>, with_gradient: bool) -> Option<usize> {
        self.fused.least_bytes_in_parts(problem, with_gradient)
    }

    fn run_in_parts(
        &mut self,
        problem: &Problem<'_, T>,
        bytes: usize,
        out: &mut Triplets<T>,
        gradient: Option<(GradientScale<'_, T>, &mut [T])>,
    ) -> triplet_core::Result<()> {
        self.choose_threads(problem);
        self.fused.run_in_parts(problem, bytes, out, gradient)
    }

    fn release(&mut self) {
        self.fused.release();
    }

    fn gains_from_distances(&self, problem: &Problem<'_, T>, with_gradient: bool) -> bool {
        self.fused.gains_from_distances(problem, with_gradient)
    }

    fn limit_listed_choices(&mut self, most: usize) {
        self.fused.limit_listed_choices(most);
    }

    fn allow_copies(&mut self, allowed: bool) {
        self.fused.allow_copies(allowed);
    }

    fn screened(&self) -> ScreenedPairs {
        self.fused.screened()
    }

    fn executed(&self) -> ExecutionInfo {
        ExecutionInfo { backend: self.backend, ..self.fused.executed() }
    }
}
