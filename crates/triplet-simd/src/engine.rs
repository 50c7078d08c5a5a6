//! The fused engine: the stages in order, on one executor.

use crate::{
    aligned::Aligned,
    block::Source,
    executor::{Executor, Inline},
    isa::{Element, Selected},
    layout::Layout,
    pack::Packed,
    pass::Pass,
    scratch::Scratch,
    stages,
};
use triplet_core::{Coefficients, Engine, Executed, Mined, Problem, Result};

/// Mines fused Gram tiles on one instruction set, on the threads of an executor.
///
/// ```
/// use triplet_core::{Batch, Engine, Mined, Problem, ProblemSpace, Question};
///
/// let batch = Batch::new(&[0.0_f32, 1.0, 1.5, 3.0], 1, &[0, 0, 1, 2])?;
/// let question = Question { distance: Default::default(), rule: Default::default(), margin: 1.0 };
/// let mut space = ProblemSpace::default();
/// let problem = Problem::new(&batch, question, &mut space)?;
///
/// let mut mined = Mined::default();
/// triplet_simd::Fused::best()?.mine(&problem, &mut mined);
/// // Anchor 0 (x = 0) takes row 2 (x = 1.5), anchor 1 (x = 1) row 3 (x = 3).
/// assert_eq!(mined.negatives, [2, 3]);
/// # Ok::<(), triplet_core::Error>(())
/// ```
pub struct Fused<T: Element, X: Executor = Inline> {
    backend: &'static str,
    selected: Selected,
    executor: X,
    layout: Layout,
    packed: Packed<T>,
    floors: Aligned<T::Key>,
    scratches: Vec<Scratch<T>>,
    idle: Vec<()>,
}

impl<T: Element> Fused<T> {
    /// On the calling thread, with the fastest instruction set of this CPU.
    ///
    /// # Errors
    /// [`triplet_core::Error::LanesUntrustworthy`] if none passes its known answers.
    pub fn best() -> Result<Self> {
        Ok(Self::new("simd", Selected::best()?, Inline))
    }
}

impl<T: Element, X: Executor> Fused<T, X> {
    /// With an instruction set and an executor; `backend` is how it reports itself.
    pub fn new(backend: &'static str, selected: Selected, executor: X) -> Self {
        let threads = executor.threads();
        Self {
            backend,
            selected,
            executor,
            layout: Layout::default(),
            packed: Packed::default(),
            floors: Aligned::default(),
            scratches: (0..threads).map(|_| Scratch::default()).collect(),
            idle: vec![(); threads],
        }
    }

    /// The executor, to change how the next call runs.
    pub fn executor_mut(&mut self) -> &mut X {
        &mut self.executor
    }

    fn workers(&self) -> usize {
        self.executor.threads().min(self.scratches.len())
    }
}

impl<T: Element, X: Executor> Engine<T> for Fused<T, X> {
    fn mine(&mut self, problem: &Problem<'_, T>, out: &mut Mined<T>) {
        out.resize(problem);
        if problem.slot_count() == 0 {
            return;
        }
        let workers = self.workers();
        let Self { selected, executor, layout, packed, floors, scratches, idle, .. } = self;
        let (selected, scratches) = (*selected, &mut scratches[..workers]);
        layout.rebuild(problem, selected);
        for scratch in scratches.iter_mut() {
            scratch.keys.resize(layout.panel * layout.stride());
        }
        let executor: &dyn Executor = executor;
        executor.session(&mut || {
            stages::pack::run(executor, scratches, selected, problem, layout, packed);
            let source = Source { layout, packed, distance: problem.distance() };
            let pass = Pass { executor, selected, problem, source };
            stages::thresholds::run(pass, scratches, floors, out);
            stages::triangle::run(pass, scratches, floors);
            stages::large::run(pass, scratches, out);
            stages::collect::run(pass, scratches, &mut idle[..workers], floors, out);
        });
    }

    fn gradient(&mut self, coefficients: &Coefficients<'_, T>, scale: T, out: &mut [T]) {
        let workers = self.workers();
        let scratches = &mut self.scratches[..workers];
        stages::gradient::run(&self.executor, scratches, self.selected, coefficients, scale, out);
    }

    fn executed(&self) -> Executed {
        Executed { backend: self.backend, isa: self.selected.isa().name(), threads: self.workers() }
    }
}
