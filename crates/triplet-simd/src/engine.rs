//! The fused engine: an executor, and the state of its passes.

use crate::{
    Result,
    cpu::isa::{Element, Selected},
    executor::{Executor, Inline},
    gradient,
    passes::Passes,
    screening::Screening,
};
use core::ops::Range;
use triplet_core::{
    Engine, Error, ExecutionInfo, GradientInputs, Problem, ScreenedPairs, Triplets,
    gradient_inputs::GradientScale,
    nearest::{Mutual, Nearest, NearestTask, Portion},
    retrieval::{RetrievalTask, Score},
    shares::{Merging, Share},
};

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
    passes: Box<dyn Passes<T>>,
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
        Self { backend, executor, passes: T::passes(selected, threads) }
    }

    /// The executor, to change how the next call runs.
    pub fn executor_mut(&mut self) -> &mut X {
        &mut self.executor
    }

    /// When pairs are screened by distances to 16 bits; results are the same. By default where it is faster.
    pub fn set_screening(&mut self, screening: Screening) {
        self.passes.set_screening(screening);
    }

    fn check(&self, problem: &Problem<'_, T>) -> triplet_core::Result<()> {
        if problem.is_square() { Ok(()) } else { Err(Error::NotSquare { backend: self.backend }) }
    }
}

impl<T: Element, X: Executor> Engine<T> for Fused<T, X> {
    fn mine(&mut self, problem: &Problem<'_, T>, out: &mut Triplets<T>) -> triplet_core::Result<()> {
        let Self { executor, passes, .. } = self;
        executor.keep_awake(&mut || passes.mine(executor, problem, None, out));
        Ok(())
    }

    fn mine_share(
        &mut self,
        problem: &Problem<'_, T>,
        share: &Share,
        out: &mut Triplets<T>,
    ) -> triplet_core::Result<()> {
        self.check(problem)?;
        let Self { executor, passes, .. } = self;
        executor.keep_awake(&mut || passes.mine(executor, problem, Some(share), out));
        Ok(())
    }

    fn merge_shares(
        &mut self,
        problem: &Problem<'_, T>,
        merging: &Merging<'_, T>,
        out: &mut Triplets<T>,
    ) -> triplet_core::Result<()> {
        self.check(problem)?;
        self.passes.merge_shares(problem, merging, out);
        Ok(())
    }

    fn gradient(&mut self, inputs: GradientInputs<'_, T>, out: &mut [T]) -> triplet_core::Result<()> {
        let rows = 0..inputs.problem.anchors().len();
        let Self { executor, passes, .. } = self;
        executor.keep_awake(&mut || passes.gradient(executor, inputs, rows.clone(), out));
        Ok(())
    }

    fn gradient_of_rows(
        &mut self,
        inputs: GradientInputs<'_, T>,
        rows: Range<usize>,
        out: &mut [T],
    ) -> triplet_core::Result<()> {
        self.check(inputs.problem)?;
        let Self { executor, passes, .. } = self;
        executor.keep_awake(&mut || passes.gradient(executor, inputs, rows.clone(), out));
        Ok(())
    }

    fn gradient_to_candidates(
        &mut self,
        inputs: GradientInputs<'_, T>,
        out: &mut [T],
    ) -> triplet_core::Result<()> {
        let Some(matches) = inputs.problem.matches() else {
            return Err(Error::Square { backend: self.backend });
        };
        let Self { executor, passes, .. } = self;
        executor.keep_awake(&mut || passes.gradient_to_candidates(executor, inputs, matches, out));
        Ok(())
    }

    fn mine_and_gradient(
        &mut self,
        problem: &Problem<'_, T>,
        triplets: &mut Triplets<T>,
        scale: GradientScale<'_, T>,
        out: &mut [T],
    ) -> triplet_core::Result<()> {
        let Self { executor, passes, .. } = self;
        executor.keep_awake(&mut || {
            passes.mine(executor, problem, None, triplets);
            let rows = 0..problem.anchors().len();
            passes.gradient(executor, GradientInputs { problem, triplets, scale }, rows, out);
        });
        Ok(())
    }

    fn retrieve(&mut self, task: &RetrievalTask<'_, T>, scores: &mut [Score]) {
        let Self { executor, passes, .. } = self;
        executor.keep_awake(&mut || passes.retrieve(executor, task, scores));
    }

    fn search_nearest(
        &mut self,
        task: &NearestTask<'_, T>,
        portion: &Portion<'_, T>,
        found: &mut Nearest<T>,
    ) -> triplet_core::Result<()> {
        task.check(portion)?;
        let Self { executor, passes, .. } = self;
        executor.keep_awake(&mut || passes.search_nearest(executor, task, portion, found));
        Ok(())
    }

    fn search_nearest_mutual(
        &mut self,
        task: &NearestTask<'_, T>,
        mutual: Mutual,
        found: &mut Nearest<T>,
    ) -> triplet_core::Result<()> {
        task.check_mutual(mutual)?;
        let Self { executor, passes, .. } = self;
        executor.keep_awake(&mut || passes.search_nearest_mutual(executor, task, mutual, found));
        Ok(())
    }

    fn bytes_needed(&self, problem: &Problem<'_, T>, with_gradient: bool) -> usize {
        self.passes.bytes_needed(problem, with_gradient)
    }

    fn least_bytes_in_parts(&self, problem: &Problem<'_, T>, with_gradient: bool) -> Option<usize> {
        self.passes.least_bytes_in_parts(problem, with_gradient)
    }

    fn run_in_parts(
        &mut self,
        problem: &Problem<'_, T>,
        bytes: usize,
        out: &mut Triplets<T>,
        gradient: Option<(GradientScale<'_, T>, &mut [T])>,
    ) -> triplet_core::Result<()> {
        self.check(problem)?;
        if problem.rule().one_per_anchor() {
            return Err(Error::NotInParts { backend: self.backend });
        }
        let Self { executor, passes, .. } = self;
        let mut gradient = gradient;
        executor.keep_awake(&mut || passes.run_in_parts(executor, problem, bytes, out, gradient.take()));
        Ok(())
    }

    fn release(&mut self) {
        self.passes.release();
    }

    fn gains_from_distances(&self, problem: &Problem<'_, T>, with_gradient: bool) -> bool {
        gradient::gains_from_distances(problem, with_gradient)
    }

    fn limit_listed_choices(&mut self, most: usize) {
        self.passes.limit_listed_choices(most);
    }

    fn allow_copies(&mut self, allowed: bool) {
        self.passes.allow_copies(allowed);
    }

    fn screened(&self) -> ScreenedPairs {
        self.passes.screened()
    }

    fn executed(&self) -> ExecutionInfo {
        let isa = self.passes.selected().isa().name();
        ExecutionInfo { backend: self.backend, isa, threads: self.passes.workers(&self.executor) }
    }
}
