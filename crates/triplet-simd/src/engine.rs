//! The fused engine: the stages in order, on one executor.

use crate::{
    aligned::Aligned,
    block::Source,
    executor::{Executor, Inline},
    isa::{Element, Selected},
    layout::Layout,
    pack::Packed,
    search::{Best, ladder::Ladder},
    stages,
};
use triplet_core::{
    Coefficients, Engine, Executed, Mined, Problem, Result, coefficients::Entry, tally::RowSpace,
};

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

/// What one worker needs for itself.
pub(crate) struct Scratch<T: Element> {
    /// One block of keys.
    pub(crate) keys: Aligned<T::Key>,
    /// The best candidates that this worker has seen.
    pub(crate) best: Best<T::Key>,
    /// The ladders of the anchors being searched.
    pub(crate) ladders: Vec<Ladder<T>>,
    /// For each of them the farthest negative: its key and row.
    pub(crate) far: Vec<(T::Key, T::Key)>,
    /// The floors of one of them.
    pub(crate) floors: Vec<T::Key>,
    /// Slices of a row of keys.
    pub(crate) places: Aligned<T::Key>,
    /// For the gradient: the row being assembled.
    pub(crate) row_space: RowSpace,
    /// For the gradient: its entries.
    pub(crate) entries: Vec<Entry<T>>,
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
        let scratch = |_| Scratch {
            keys: Aligned::default(),
            best: Best::default(),
            ladders: Vec::new(),
            far: Vec::new(),
            floors: Vec::new(),
            places: Aligned::default(),
            row_space: RowSpace::default(),
            entries: Vec::new(),
        };
        Self {
            backend,
            selected,
            executor,
            layout: Layout::default(),
            packed: Packed::default(),
            floors: Aligned::default(),
            scratches: (0..threads).map(scratch).collect(),
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
            scratch.places.resize(layout.stride());
        }
        stages::pack::run(executor, scratches, selected, problem, layout, packed);
        let source = Source { layout, packed, distance: problem.distance() };
        stages::thresholds::run(executor, scratches, selected, problem, source, floors, out);
        stages::triangle::run(executor, scratches, selected, problem, source, floors);
        stages::ladders::run(executor, scratches, selected, problem, source, out);
        stages::collect::run(executor, scratches, &mut idle[..workers], problem, layout, floors, out);
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
