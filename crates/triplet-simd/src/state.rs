//! What an engine keeps from call to call, and the passes of each kind of call over it.

use crate::{
    cpu::isa::{Element, Selected},
    executor::Executor,
    gradient::{self, GradientBuffers},
    gram::{layout::Layout, pack::Packed, pack_batch},
    mining::{self, MiningBuffers, StageContext},
    retrieval::{self, RetrievalBuffers},
    scratch::Scratch,
};
use triplet_core::{
    GradientInputs, Problem, Triplets,
    gradient_inputs::GradientScale,
    retrieval::{RetrievalTask, Score},
};

/// Memory of an engine, and its instruction set.
pub(crate) struct State<T: Element> {
    pub(crate) selected: Selected,
    layout: Layout,
    packed: Packed<T>,
    scratches: Vec<Scratch<T>>,
    mining: MiningBuffers<T>,
    pub(crate) gradient: GradientBuffers,
    retrieval: RetrievalBuffers<T>,
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
            gradient: GradientBuffers::default(),
            retrieval: RetrievalBuffers::default(),
        }
    }

    /// Threads that there is memory for.
    pub(crate) fn threads(&self) -> usize {
        self.scratches.len()
    }

    /// Workers of a call.
    pub(crate) fn workers(&self, executor: &dyn Executor) -> usize {
        executor.threads().min(self.scratches.len())
    }

    /// Mines a square batch.
    pub(crate) fn mine(&mut self, executor: &dyn Executor, problem: &Problem<'_, T>, out: &mut Triplets<T>) {
        out.resize(problem);
        if problem.slots().count() == 0 {
            return;
        }
        let workers = self.workers(executor);
        let Self { selected, layout, packed, scratches, mining, .. } = self;
        let (selected, scratches) = (*selected, &mut scratches[..workers]);
        layout.rebuild(problem, out.keeps_distances(), selected);
        let rows = (problem.anchors(), problem.classes().order());
        let source = pack_batch::run(executor, scratches, selected, rows, problem.distance(), layout, packed);
        mining::run(StageContext { executor, selected, problem, source }, scratches, mining, out);
    }

    /// Writes the gradient of a square batch.
    pub(crate) fn gradient(&mut self, executor: &dyn Executor, inputs: GradientInputs<'_, T>, out: &mut [T]) {
        let workers = self.workers(executor);
        let Self { selected, layout, packed, scratches, gradient, .. } = self;
        let (selected, scratches) = (*selected, &mut scratches[..workers]);
        let problem = inputs.problem;
        let mut source = None;
        if inputs.lacks_distances() {
            // What is packed may be another batch's.
            layout.rebuild(problem, false, selected);
            let rows = (problem.anchors(), problem.classes().order());
            let distance = problem.distance();
            source = Some(pack_batch::run(executor, scratches, selected, rows, distance, layout, packed));
        }
        let context = gradient::GradientContext { executor, selected, inputs, source };
        gradient::run(context, scratches, gradient, out);
    }

    /// Both, one after the other.
    pub(crate) fn mine_and_gradient(
        &mut self,
        executor: &dyn Executor,
        problem: &Problem<'_, T>,
        triplets: &mut Triplets<T>,
        scale: GradientScale<'_, T>,
        out: &mut [T],
    ) {
        self.mine(executor, problem, triplets);
        self.gradient(executor, GradientInputs { problem, triplets, scale }, out);
    }

    /// Scores every query, by original row.
    pub(crate) fn retrieve(
        &mut self,
        executor: &dyn Executor,
        task: &RetrievalTask<'_, T>,
        scores: &mut [Score],
    ) {
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
            let points = comparison.anchors();
            queries.layout.rebuild_rows::<T>(points.len(), points.width(), selected);
            let rows = (points, &order[..points.len()]);
            let (layout, packed) = (&queries.layout, &mut queries.packed);
            query_panels = pack_batch::run(executor, scratches, selected, rows, distance, layout, packed);
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
}
