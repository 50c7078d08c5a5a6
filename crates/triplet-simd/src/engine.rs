//! The fused engine: an executor, and the state of its passes.

use crate::{
    Result,
    cpu::isa::{Element, Selected},
    executor::{Executor, Inline},
    state::State,
};
use triplet_core::{
    Engine, Error, ExecutionInfo, GradientInputs, Problem, Triplets,
    gradient_inputs::GradientScale,
    retrieval::{RetrievalTask, Score},
};

/// What a worker keeps that does not grow with the batch.
const WORKER_BYTES: usize = 4 << 20;

/// Mines fused Gram tiles on one instruction set, on the threads of an executor.
///
/// ```
/// use triplet_core::{Batch, Engine, Objective, Problem, ProblemBuffers, Triplets};
///
/// let batch = Batch::new(&[0.0_f32, 1.0, 1.5, 3.0], 1, &[0, 0, 1, 2])?;
/// let objective = Objective { distance: Default::default(), rule: Default::default(), margin: 1.0 };
/// let mut space = ProblemBuffers::default();
/// let problem = Problem::new(&batch, objective, &mut space)?;
///
/// let mut mined = Triplets::default();
/// let mut engine = triplet_simd::Fused::best().expect("lanes that this CPU has");
/// engine.mine(&problem, &mut mined)?;
/// // Anchor 0 (x = 0) takes row 2 (x = 1.5), anchor 1 (x = 1) row 3 (x = 3).
/// assert_eq!(mined.negatives, [2, 3]);
/// # Ok::<(), triplet_core::Error>(())
/// ```
pub struct Fused<T: Element, X: Executor = Inline> {
    backend: &'static str,
    executor: X,
    state: State<T>,
}

impl<T: Element> Fused<T> {
    /// On the calling thread, with the fastest instruction set of this CPU.
    ///
    /// # Errors
    /// [`crate::Error::LanesUntrustworthy`] if none passes its known answers.
    pub fn best() -> Result<Self> {
        Ok(Self::new("simd", Selected::best()?, Inline))
    }
}

impl<T: Element, X: Executor> Fused<T, X> {
    /// With an instruction set and an executor; `backend` is the name in [`ExecutionInfo`].
    pub fn new(backend: &'static str, selected: Selected, executor: X) -> Self {
        let threads = executor.threads();
        Self { backend, executor, state: State::new(selected, threads) }
    }

    /// The executor, to change how the next call runs.
    pub fn executor_mut(&mut self) -> &mut X {
        &mut self.executor
    }

    fn check(&self, problem: &Problem<'_, T>) -> triplet_core::Result<()> {
        if problem.is_square() { Ok(()) } else { Err(Error::NotSquare { backend: self.backend }) }
    }
}

impl<T: Element, X: Executor> Engine<T> for Fused<T, X> {
    fn mine(&mut self, problem: &Problem<'_, T>, out: &mut Triplets<T>) -> triplet_core::Result<()> {
        self.check(problem)?;
        let Self { executor, state, .. } = self;
        executor.keep_awake(&mut || state.mine(executor, problem, out));
        Ok(())
    }

    fn gradient(&mut self, inputs: GradientInputs<'_, T>, out: &mut [T]) -> triplet_core::Result<()> {
        self.check(inputs.problem)?;
        let Self { executor, state, .. } = self;
        executor.keep_awake(&mut || state.gradient(executor, inputs, out));
        Ok(())
    }

    fn mine_and_gradient(
        &mut self,
        problem: &Problem<'_, T>,
        triplets: &mut Triplets<T>,
        scale: GradientScale<'_, T>,
        out: &mut [T],
    ) -> triplet_core::Result<()> {
        self.check(problem)?;
        let Self { executor, state, .. } = self;
        executor.keep_awake(&mut || state.mine_and_gradient(executor, problem, triplets, scale, out));
        Ok(())
    }

    fn retrieve(&mut self, task: &RetrievalTask<'_, T>, scores: &mut [Score]) {
        let Self { executor, state, .. } = self;
        executor.keep_awake(&mut || state.retrieve(executor, task, scores));
    }

    fn bytes_needed(&self, problem: &Problem<'_, T>, with_gradient: bool) -> usize {
        // Panels and blocks are padded by less than this.
        let rows = problem.candidates().len() + 256;
        let packed = rows.saturating_mul(problem.candidates().width() + 2);
        // Rows of more thresholds are searched by sorting, which keeps none.
        let thresholds =
            if problem.rule().one_per_anchor() { 1 } else { problem.classes().largest().min(64) };
        let thresholds = rows.saturating_mul(thresholds);
        // Thresholds, and what is found for each: a key and a row.
        let shared = packed.saturating_add(thresholds.saturating_mul(3)).saturating_mul(size_of::<T>());
        let listed =
            if with_gradient { self.state.gradient.listed_bytes(problem.slots().count()) } else { 0 };
        // Of each worker: the bests, and for the gradient a tile of rows of coefficients or of
        // distances, and counts by row.
        let bests = thresholds.saturating_add(rows).saturating_mul(2 * size_of::<T>());
        let tile = rows.saturating_mul(16 * (12 + 2 * size_of::<T>()) + 21 + size_of::<T>());
        let columns = problem.candidates().width().saturating_mul(32 * size_of::<T>());
        let worker = bests.saturating_add(tile).saturating_add(columns).saturating_add(WORKER_BYTES);
        shared.saturating_add(listed).saturating_add(self.state.threads().saturating_mul(worker))
    }

    fn limit_listed_choices(&mut self, most: usize) {
        self.state.gradient.limit_listed_choices(most);
    }

    fn executed(&self) -> ExecutionInfo {
        let isa = self.state.selected.isa().name();
        ExecutionInfo { backend: self.backend, isa, threads: self.state.workers(&self.executor) }
    }
}
