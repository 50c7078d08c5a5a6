//! What an engine keeps from call to call, and the passes of each kind of call over it.

use crate::{
    against::{self, Sides},
    cpu::isa::{Element, Selected},
    executor::Executor,
    gradient::{
        self, ChoiceBuffers, aligned_rows,
        dense::{self, ByBlock},
    },
    gram::{
        aligned::Aligned,
        block::PackedRows,
        layout::{Layout, MIN_LARGE_POSITIVES},
        pack::Packed,
        pack_batch,
    },
    mining::{self, MiningBuffers, StageContext},
    nearest::{self, NearestBuffers, NearestContext},
    parts::{self, PartsBuffers, Shape},
    passes::Passes,
    retrieval::{self, QueryPanels, RetrievalBuffers},
    scratch::Scratch,
    screening::{Screen, Screening},
    shares,
};
use core::ops::Range;
use triplet_core::{
    GradientInputs, GradientScale, Matches, Problem, ScreenedPairs, Triplets,
    nearest::{Mutual, Nearest, NearestTask, Portion},
    retrieval::{RetrievalTask, Score},
    shares::{Merging, Share},
};

/// What a worker keeps that does not grow with the batch.
const WORKER_BYTES: usize = 4 << 20;

/// Memory of an engine, and its instruction set.
pub(crate) struct State<T: Element> {
    selected: Selected,
    layout: Layout,
    packed: Packed<T>,
    scratches: Vec<Scratch<T>>,
    mining: MiningBuffers<T>,
    gradient: ChoiceBuffers,
    by_block: ByBlock<T>,
    /// A copy of the rows, for the gradient.
    aligned: Aligned<T>,
    parts: PartsBuffers,
    /// What anchors are compared with, where it is not themselves.
    candidates: QueryPanels<T>,
    retrieval: RetrievalBuffers<T>,
    nearest: NearestBuffers,
}

impl<T: Element> State<T> {
    /// For so many threads.
    pub(crate) fn new(selected: Selected, threads: usize) -> Self {
        Self {
            selected,
            layout: Layout::default(),
            packed: Packed::default(),
            scratches: (0..threads).map(|_| Scratch::default()).collect(),
            mining: MiningBuffers::default(),
            gradient: ChoiceBuffers::default(),
            by_block: ByBlock::default(),
            aligned: Aligned::default(),
            parts: PartsBuffers::default(),
            candidates: QueryPanels::default(),
            retrieval: RetrievalBuffers::default(),
            nearest: NearestBuffers::default(),
        }
    }
}

impl<T: Element> State<T> {
    /// Mines anchors against other candidates.
    fn mine_against(
        &mut self,
        executor: &dyn Executor,
        problem: &Problem<'_, T>,
        matches: &Matches,
        out: &mut Triplets<T>,
    ) {
        let workers = self.workers(executor);
        let Self { selected, layout, packed, scratches, mining, candidates, retrieval, .. } = self;
        let (selected, scratches) = (*selected, &mut scratches[..workers]);
        let distance = problem.distance();
        let (anchors, others) = (problem.anchors(), problem.candidates());
        let order = &mut retrieval.order;
        retrieval::list_rows(anchors.len().max(others.len()), order);
        let QueryPanels { layout: others_layout, packed: others_packed } = candidates;
        others_layout.rebuild_rows::<T>(others.len(), others.width(), selected);
        let rows = (others, &order[..others.len()]);
        let (to, kept) = (&*others_layout, others_packed);
        let candidates = pack_batch::run_again(executor, scratches, selected, rows, distance, to, kept);
        layout.rebuild(problem, selected);
        let rows = (anchors, &order[..anchors.len()]);
        let anchors = pack_batch::run(executor, scratches, selected, rows, distance, layout, packed);
        let sides = Sides { executor, selected, problem, matches, anchors, candidates };
        against::mine(sides, scratches, mining, out);
    }
}

impl<T: Element> Passes<T> for State<T> {
    fn selected(&self) -> Selected {
        self.selected
    }

    fn workers(&self, executor: &dyn Executor) -> usize {
        executor.threads().min(self.scratches.len())
    }

    fn bytes_needed(&self, problem: &Problem<'_, T>, with_gradient: bool) -> usize {
        // Panels and blocks are padded by less than this.
        let rows = problem.candidates().len() + 256;
        let packed = rows.saturating_mul(problem.candidates().width() + 2);
        // Anchors that are other rows are packed too.
        let anchors = if problem.is_square() { 0 } else { problem.anchors().len() + 256 };
        let packed = packed.saturating_add(anchors.saturating_mul(problem.candidates().width() + 2));
        // Rows of more thresholds are searched by sorting, which keeps none.
        let thresholds = if problem.rule().one_per_anchor() {
            1
        } else {
            problem.classes().largest().min(MIN_LARGE_POSITIVES)
        };
        let thresholds = rows.saturating_mul(thresholds);
        // Thresholds, and what is found for each, with a worker's copy: a key and a row; two distances, if
        // triplets keep none.
        let shared = packed.saturating_add(thresholds.saturating_mul(7)).saturating_mul(size_of::<T>());
        let in_tables = dense::suits(problem, self.gradient.listed_choices());
        let (listed, table) = match (with_gradient, in_tables) {
            (false, _) => (0, 0),
            (true, true) => dense::bytes(problem, self.scratches.len()),
            (true, false) => (self.gradient.listed_bytes(problem), 0),
        };
        let copied =
            if with_gradient && self.mining.copies_allowed() { aligned_rows::bytes(problem) } else { 0 };
        let words = Screen::bytes(self.mining.screening(), self.selected, problem);
        // And with them a window for each threshold, and one for the farthest of each row.
        let windows = if words > 0 { thresholds.saturating_add(rows).saturating_mul(4) } else { 0 };
        let listed = listed.saturating_add(copied).saturating_add(words).saturating_add(windows);
        // And the farthest of each row, and its row.
        let shared = shared.saturating_add(rows.saturating_mul(2 * size_of::<T>()));
        // Of each worker for the gradient: a tile of rows of coefficients or of
        // distances, and counts by row.
        let tile = rows.saturating_mul(16 * (12 + 2 * size_of::<T>()) + 21 + size_of::<T>());
        let columns = problem.candidates().width().saturating_mul(32 * size_of::<T>());
        let worker = tile.saturating_add(table).saturating_add(columns).saturating_add(WORKER_BYTES);
        shared.saturating_add(listed).saturating_add(self.scratches.len().saturating_mul(worker))
    }

    fn least_bytes_in_parts(&self, problem: &Problem<'_, T>, with_gradient: bool) -> Option<usize> {
        // A rule of one triplet an anchor has few triplets.
        if problem.rule().one_per_anchor() || !problem.is_square() {
            return None;
        }
        let mut layout = Layout::default();
        layout.rebuild_rows::<T>(problem.candidates().len(), problem.candidates().width(), self.selected);
        Some(Shape::of(problem, &layout).least::<T>(with_gradient))
    }

    fn release(&mut self) {
        let mut gradient = ChoiceBuffers::default();
        gradient.limit_listed_choices(self.gradient.listed_choices());
        let mining = self.mining.without_memory();
        *self = Self { gradient, mining, ..Self::new(self.selected, self.scratches.len()) };
    }

    fn limit_listed_choices(&mut self, most: usize) {
        self.gradient.limit_listed_choices(most);
    }

    fn set_screening(&mut self, screening: Screening) {
        self.mining.set_screening(screening);
    }

    fn allow_copies(&mut self, allowed: bool) {
        self.mining.allow_copies(allowed);
        if !allowed {
            self.aligned = Aligned::default();
        }
    }

    fn screened(&self) -> ScreenedPairs {
        self.mining.screened
    }

    fn mine(
        &mut self,
        executor: &dyn Executor,
        problem: &Problem<'_, T>,
        share: Option<&Share>,
        out: &mut Triplets<T>,
    ) {
        out.resize(problem);
        self.mining.screened = ScreenedPairs::default();
        if problem.slots().count() == 0 {
            return;
        }
        if let Some(matches) = problem.matches() {
            return self.mine_against(executor, problem, matches, out);
        }
        let workers = self.workers(executor);
        let Self { selected, layout, packed, scratches, mining, .. } = self;
        let (selected, scratches) = (*selected, &mut scratches[..workers]);
        layout.rebuild(problem, selected);
        let rows = (problem.anchors(), problem.classes().order());
        let source = pack_batch::run(executor, scratches, selected, rows, problem.distance(), layout, packed);
        mining::run(StageContext { executor, selected, problem, source }, scratches, mining, share, out);
    }

    fn merge_shares(&mut self, problem: &Problem<'_, T>, merging: &Merging<'_, T>, out: &mut Triplets<T>) {
        shares::merge(self.selected, problem, merging, out);
    }

    fn gradient(
        &mut self,
        executor: &dyn Executor,
        inputs: GradientInputs<'_, T>,
        rows: Range<usize>,
        out: &mut [T],
    ) {
        let workers = self.workers(executor);
        let Self { selected, layout, packed, scratches, gradient, by_block, aligned, mining, .. } = self;
        let (selected, scratches) = (*selected, &mut scratches[..workers]);
        let problem = inputs.problem;
        if let Some(matches) = problem.matches() {
            return against::gradient((executor, selected), inputs, matches, scratches, out);
        }
        let in_tables = dense::suits(problem, gradient.listed_choices());
        let mut source = None;
        if inputs.lacks_distances() {
            // What is packed may be another batch's.
            layout.rebuild(problem, selected);
            let rows = (problem.anchors(), problem.classes().order());
            let distance = problem.distance();
            source = Some(pack_batch::run(executor, scratches, selected, rows, distance, layout, packed));
        }
        let others = aligned_rows::rows(problem, mining.copies_allowed(), aligned);
        let rows = [rows.start, rows.end];
        let context =
            gradient::GradientContext { executor, selected, mined: inputs.into(), source, others, rows };
        if in_tables {
            dense::run(context, scratches, by_block, out);
        } else {
            gradient::run(context, scratches, gradient, out);
        }
    }

    fn gradient_to_candidates(
        &mut self,
        executor: &dyn Executor,
        inputs: GradientInputs<'_, T>,
        matches: &Matches,
        out: &mut [T],
    ) {
        let workers = self.workers(executor);
        let Self { selected, scratches, .. } = self;
        let scratches = &mut scratches[..workers];
        against::gradient_to_candidates((executor, *selected), inputs, matches, scratches, out);
    }

    fn run_in_parts(
        &mut self,
        executor: &dyn Executor,
        problem: &Problem<'_, T>,
        bytes: usize,
        out: &mut Triplets<T>,
        gradient: Option<(GradientScale<'_, T>, &mut [T])>,
    ) {
        out.resize_sums(problem);
        self.mining.screened = ScreenedPairs::default();
        let threads = self.workers(executor);
        let Self { selected, layout, packed, scratches, gradient: choices, parts, .. } = self;
        let selected = *selected;
        layout.rebuild_rows::<T>(problem.candidates().len(), problem.candidates().width(), selected);
        let (workers, plan) = Shape::of(problem, layout).allow::<T>(bytes, threads, gradient.is_some());
        let scratches = &mut scratches[..workers];
        let rows = (problem.anchors(), problem.classes().order());
        let source = pack_batch::run(executor, scratches, selected, rows, problem.distance(), layout, packed);
        let context = StageContext { executor, selected, problem, source };
        parts::run(context, scratches, (parts, choices), plan, out, gradient);
    }

    fn retrieve(&mut self, executor: &dyn Executor, task: &RetrievalTask<'_, T>, scores: &mut [Score]) {
        self.mining.screened = ScreenedPairs::default();
        let workers = self.workers(executor);
        let Self { selected, layout, packed, scratches, retrieval, .. } = self;
        let (selected, scratches) = (*selected, &mut scratches[..workers]);
        let comparison = task.comparison();
        let references = comparison.candidates();
        layout.rebuild_rows::<T>(references.len(), references.width(), selected);
        let RetrievalBuffers { queries, order } = retrieval;
        retrieval::list_rows(comparison.anchors().len().max(references.len()), order);
        let rows = (references, &order[..references.len()]);
        let distance = comparison.distance();
        let searched = pack_batch::run(executor, scratches, selected, rows, distance, layout, packed);
        let mut query_panels = searched;
        if !comparison.is_square() {
            let rows = (comparison.anchors(), &order[..]);
            query_panels = queries.pack(executor, scratches, selected, rows, distance);
        }
        let context = retrieval::RetrievalContext {
            executor,
            selected,
            task,
            queries: query_panels,
            references: searched,
        };
        retrieval::run(context, scratches, scores);
    }

    fn search_nearest(
        &mut self,
        executor: &dyn Executor,
        task: &NearestTask<'_, T>,
        portion: &Portion<'_, T>,
        found: &mut Nearest<T>,
    ) {
        self.mining.screened = ScreenedPairs::default();
        let (anchors, others) = (task.anchors(), portion.points);
        if task.thresholds().is_empty() || others.is_empty() {
            return;
        }
        self.nearest.rebuild(task, portion);
        let workers = self.workers(executor);
        let Self { selected, layout, packed, scratches, mining, candidates, retrieval, nearest, .. } = self;
        let (selected, scratches, distance) = (*selected, &mut scratches[..workers], task.distance());
        let order = &mut retrieval.order;
        retrieval::list_rows(anchors.len().max(others.len()), order);
        layout.rebuild_listed::<T>(anchors.width(), task.starts(), selected);
        let rows = (anchors, &order[..anchors.len()]);
        let anchors = pack_batch::run(executor, scratches, selected, rows, distance, layout, packed);
        candidates.pack(executor, scratches, selected, (others, order), distance);
        candidates.packed.number(|row| portion.first_row + row);
        let QueryPanels { layout, packed } = &*candidates;
        let candidates = PackedRows { layout, packed, distance };
        let context = NearestContext { executor, selected, task, anchors, candidates, mutual: None };
        nearest::run(context, scratches, mining, nearest, found);
    }

    fn search_nearest_mutual(
        &mut self,
        executor: &dyn Executor,
        task: &NearestTask<'_, T>,
        mutual: Mutual,
        found: &mut Nearest<T>,
    ) {
        self.mining.screened = ScreenedPairs::default();
        if task.thresholds().is_empty() {
            return;
        }
        let points = task.anchors();
        self.nearest.rebuild(task, &Portion { points, first_row: 0 });
        let workers = self.workers(executor);
        let Self { selected, layout, packed, scratches, mining, retrieval, nearest, .. } = self;
        let (selected, scratches, distance) = (*selected, &mut scratches[..workers], task.distance());
        retrieval::list_rows(points.len(), &mut retrieval.order);
        layout.rebuild_listed::<T>(points.width(), task.starts(), selected);
        let rows = (points, &retrieval.order[..points.len()]);
        pack_batch::run(executor, scratches, selected, rows, distance, layout, packed);
        packed.number(|row| mutual.row(row as usize));
        let rows = PackedRows { layout, packed, distance };
        let mutual = Some(mutual);
        let context = NearestContext { executor, selected, task, anchors: rows, candidates: rows, mutual };
        nearest::run(context, scratches, mining, nearest, found);
    }
}
