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
use triplet_core::{
    Engine, Executed, Mined, Problem, Result,
    choices::ChoiceSpace,
    coefficients::Entry,
    pull::{Factors, Pull},
    retrieval::{Score, Search},
    terms::Verdict,
};

/// What a worker keeps that does not grow with the batch.
const WORKER_BYTES: usize = 4 << 20;

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
    verdicts: Vec<Verdict>,
    asking: Asking<T>,
}

/// For retrieval: queries that are not searched themselves, packed, and the scores of all
/// queries in packed order.
#[derive(Debug, Default)]
struct Asking<T: Element> {
    layout: Layout,
    packed: Packed<T>,
    scores: Vec<Score>,
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
            verdicts: vec![Verdict::default(); threads],
            asking: Asking::default(),
        }
    }

    /// The executor, to change how the next call runs.
    pub fn executor_mut(&mut self) -> &mut X {
        &mut self.executor
    }

    fn workers(&self) -> usize {
        self.executor.threads().min(self.scratches.len())
    }

    /// The stages that mine.
    fn search(&mut self, executor: &dyn Executor, problem: &Problem<'_, T>, out: &mut Mined<T>) {
        out.resize(problem);
        if problem.slot_count() == 0 {
            return;
        }
        let workers = self.workers();
        let Self { selected, layout, packed, floors, scratches, verdicts, .. } = self;
        let (selected, scratches) = (*selected, &mut scratches[..workers]);
        let verdicts = &mut verdicts[..workers];
        layout.rebuild(problem, selected);
        for scratch in scratches.iter_mut() {
            scratch.keys.resize(layout.panel * layout.stride());
            scratch.verdict = Verdict::default();
        }
        verdicts.fill(Verdict::default());
        stages::pack::run(executor, scratches, selected, problem, layout, packed);
        let source = Source { layout, packed, distance: problem.distance() };
        let pass = Pass { executor, selected, problem, source };
        stages::thresholds::run(pass, scratches, floors, out);
        stages::triangle::run(pass, scratches, floors);
        stages::large::run(pass, scratches, out);
        stages::collect::run(pass, scratches, verdicts, floors, out);
        let judged = scratches.iter().map(|scratch| &scratch.verdict).chain(&*verdicts);
        judged.for_each(|&verdict| out.verdict += verdict);
    }

    /// The stages that rank neighbours.
    fn rank(&mut self, executor: &dyn Executor, search: &Search<'_, T>, out: &mut [Score]) {
        let workers = self.workers();
        let Self { selected, layout, packed, scratches, asking, .. } = self;
        let (selected, scratches) = (*selected, &mut scratches[..workers]);
        let (queries, references) = (search.queries(), search.references());
        layout.rebuild(references, selected);
        stages::pack::run(executor, scratches, selected, references, layout, packed);
        let distance = queries.distance();
        let searched = Source { layout, packed, distance };
        let mut asked = searched;
        if !search.is_within() {
            asking.layout.rebuild(queries, selected);
            let Asking { layout, packed, .. } = asking;
            stages::pack::run(executor, scratches, selected, queries, layout, packed);
            asked = Source { layout, packed, distance };
        }
        asking.scores.resize(queries.batch_size(), Score::default());
        stages::retrieve::run(executor, scratches, selected, search, [asked, searched], &mut asking.scores);
        for (&row, &score) in queries.classes().order().iter().zip(&asking.scores) {
            out[row as usize] = score;
        }
    }

    /// The stages that make the gradient.
    fn pull(&mut self, executor: &dyn Executor, pull: Pull<'_, T>, space: &mut ChoiceSpace, out: &mut [T]) {
        let workers = self.workers();
        let Self { selected, layout, packed, scratches, .. } = self;
        let (selected, scratches) = (*selected, &mut scratches[..workers]);
        let mut source = None;
        if pull.problem.lacks_distances() {
            // What is packed may be another batch's.
            layout.rebuild(pull.problem, selected);
            stages::pack::run(executor, scratches, selected, pull.problem, layout, packed);
            source = Some(Source { layout, packed, distance: pull.problem.distance() });
        }
        stages::gradient::run(executor, scratches, selected, (pull, source), space, out);
    }
}

impl<T: Element, X: Executor + Clone> Engine<T> for Fused<T, X> {
    fn mine(&mut self, problem: &Problem<'_, T>, out: &mut Mined<T>) {
        let executor = self.executor.clone();
        executor.session(&mut || self.search(&executor, problem, out));
    }

    fn gradient(&mut self, pull: Pull<'_, T>, space: &mut ChoiceSpace, out: &mut [T]) {
        let executor = self.executor.clone();
        executor.session(&mut || self.pull(&executor, pull, space, out));
    }

    fn mine_and_gradient(
        &mut self,
        problem: &Problem<'_, T>,
        mined: &mut Mined<T>,
        factors: Factors<'_, T>,
        space: &mut ChoiceSpace,
        out: &mut [T],
    ) {
        let executor = self.executor.clone();
        executor.session(&mut || {
            self.search(&executor, problem, mined);
            self.pull(&executor, Pull { problem, mined, factors }, space, out);
        });
    }

    fn retrieve(&mut self, search: &Search<'_, T>, scores: &mut [Score]) {
        let executor = self.executor.clone();
        executor.session(&mut || self.rank(&executor, search, scores));
    }

    fn needed(&self, problem: &Problem<'_, T>) -> usize {
        // Panels and blocks are padded by less than this.
        let rows = problem.batch_size() + 256;
        let packed = rows.saturating_mul(problem.width() + 2);
        // Rows of more thresholds are searched by sorting, which keeps none.
        let thresholds =
            if problem.rule().one_per_anchor() { 1 } else { problem.classes().largest().min(64) };
        let floors = rows.saturating_mul(thresholds);
        let shared = packed.saturating_add(floors).saturating_mul(size_of::<T>());
        // Of each worker: the bests, and for the gradient a tile of rows of coefficients or of
        // distances, and counts by row.
        let bests = floors.saturating_add(rows).saturating_mul(2 * size_of::<T>());
        let tile = rows.saturating_mul(16 * (size_of::<Entry<T>>() + size_of::<T>()) + 20);
        let worker = bests.saturating_add(tile).saturating_add(WORKER_BYTES);
        shared.saturating_add(self.scratches.len().saturating_mul(worker))
    }

    fn executed(&self) -> Executed {
        Executed { backend: self.backend, isa: self.selected.isa().name(), threads: self.workers() }
    }
}
