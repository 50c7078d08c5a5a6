//! The upper triangle, block by block, searched for rows and for columns.

use crate::{
    cpu::isa::Element,
    executor::run_tasks,
    gram::block::{PackedRows, mask},
    lanes::{Kernel, Lanes},
    mining::StageContext,
    scratch::Scratch,
    search::{self, Block},
};
use core::ops::Range;
use triplet_core::Problem;

/// Fills every worker's bests. Any worker may compute any block; the bests of all of them
/// together do not depend on which does.
pub(crate) fn run<T: Element>(
    context: StageContext<'_, T>,
    scratches: &mut [Scratch<T>],
    thresholds: &[T::Key],
) {
    let StageContext { executor, selected, problem, source } = context;
    let layout = source.layout;
    for scratch in scratches.iter_mut() {
        scratch.best.reset(layout, thresholds);
    }
    if problem.classes().count() < 2 || thresholds.is_empty() {
        return;
    }
    let blocks = layout.blocks();
    let tasks = (0..blocks).flat_map(|rows| (rows..blocks).map(move |columns| (rows, columns)));
    run_tasks(executor, scratches, tasks, |scratch, (rows, columns)| {
        for panel in layout.block_panels(rows) {
            let columns = layout.block_panels(columns);
            let columns = columns.start.max(panel)..columns.end;
            // Anchors of large classes find their candidates themselves.
            if layout.large[panel] && columns.clone().all(|column| layout.large[column]) {
                continue;
            }
            T::dispatch(selected, SearchBlock { problem, source, thresholds, panel, columns, scratch });
        }
    });
}

/// A row panel against column panels at or right of the diagonal.
struct SearchBlock<'a, T: Element> {
    problem: &'a Problem<'a, T>,
    source: PackedRows<'a, T>,
    thresholds: &'a [T::Key],
    panel: usize,
    columns: Range<usize>,
    scratch: &'a mut Scratch<T>,
}

impl<T: Element> Kernel<T> for SearchBlock<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes<Real = T>>(self, lanes: L) {
        let Self { problem, source, thresholds, panel, columns, scratch } = self;
        let Scratch { keys, best, .. } = scratch;
        let layout = source.layout;
        source.distances(lanes, panel, columns.clone(), keys);
        let rows = 0..layout.positions(panel).len();
        mask(layout, problem.classes(), panel, rows, columns.clone(), keys, layout.stride());
        let far = !problem.rule().one_per_anchor();
        let ids = &source.packed.ids;
        let block = Block {
            keys,
            stride: layout.stride(),
            row_ids: &ids[layout.positions(panel)],
            column_ids: &ids[columns.start * L::PANEL..columns.end * L::PANEL],
        };
        // The square on the diagonal holds both orders of each pair: rows suffice.
        let width = columns.len() * L::PANEL;
        search::rows::search(lanes, block, 0..width, &mut best.panel(layout, panel, thresholds), far);
        for column in columns.clone().filter(|&column| column != panel) {
            let start = (column - columns.start) * L::PANEL;
            search::columns::search(lanes, block, start, &mut best.panel(layout, column, thresholds), far);
        }
    }
}
