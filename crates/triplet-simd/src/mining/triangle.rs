//! The upper triangle, block by block: distances of the next block while the last is searched.

use crate::{
    cpu::isa::Element,
    executor::run_tasks,
    gram::{
        block::{PackedRows, mask},
        layout::Layout,
        tile::STEPS,
    },
    lanes::{Kernel, Lanes},
    mining::StageContext,
    scratch::Scratch,
    search::{Block, BlockSearch, overlaps},
};
use core::ops::Range;
use triplet_core::{Problem, real::Key};

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
    let run = run_panels(layout, scratches.len());
    let tasks = (0..layout.panels).flat_map(|panel| {
        let starts = (panel..layout.panels).step_by(run);
        starts.map(move |start| (panel, start..(start + run).min(layout.panels)))
    });
    run_tasks(executor, scratches, tasks, |scratch, (panel, columns)| {
        // Anchors of large classes find their candidates themselves.
        if layout.large[panel] && columns.clone().all(|column| layout.large[column]) {
            return;
        }
        T::dispatch(selected, SearchRun { problem, source, thresholds, panel, columns, scratch });
    });
}

/// Column panels that a task goes through: enough tasks for every worker, but not so short that the last block of
/// each, which is searched without a next, shows.
fn run_panels(layout: &Layout, workers: usize) -> usize {
    let pairs = layout.panels * (layout.panels + 1) / 2;
    if workers == 1 { layout.panels } else { (pairs / (4 * workers)).max(LEAST_RUN) }
}

/// Column panels of the shortest runs.
const LEAST_RUN: usize = 8;

/// A row panel against a run of column panels at or right of the diagonal.
struct SearchRun<'a, T: Element> {
    problem: &'a Problem<'a, T>,
    source: PackedRows<'a, T>,
    thresholds: &'a [T::Key],
    panel: usize,
    columns: Range<usize>,
    scratch: &'a mut Scratch<T>,
}

impl<T: Element> Kernel<T> for SearchRun<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes<Real = T>>(self, lanes: L) {
        let Self { problem, source, thresholds, panel, columns, scratch } = self;
        let Scratch { keys, best, .. } = scratch;
        let layout = source.layout;
        let far = !problem.rule().one_per_anchor();
        let ids = |panel: usize| &source.packed.ids[panel * L::PANEL..(panel + 1) * L::PANEL];
        let calls = calls_a_block::<L>(layout);
        let (mut previous, mut current) = keys.split_at_mut(L::PANEL * L::PANEL);
        let mut computed = None;
        // Each block is searched while the distances of the next are computed.
        for column in columns.map(Some).chain([None]) {
            let mut search = None;
            if let Some(column) = computed {
                let block = Block { keys: &*previous, row_ids: ids(panel), column_ids: ids(column) };
                let anchors = best.anchors(layout, thresholds);
                search = Some(BlockSearch::new(lanes, block, anchors, [panel, column], far));
            }
            let rows = source.panel(panel);
            match (search, column) {
                (Some(search), Some(column)) if overlaps::<L>() => {
                    let mut search = search.over(calls);
                    let columns = column..column + 1;
                    source.distances_over(lanes, rows, 0..L::PANEL, columns, current, L::PANEL, &mut search);
                    search.search.finish();
                }
                (search, column) => {
                    if let Some(mut search) = search {
                        search.finish();
                    }
                    if let Some(column) = column {
                        source.distances_of(lanes, rows, 0..L::PANEL, column..column + 1, current, L::PANEL);
                    }
                }
            }
            if let Some(column) = column {
                let rows = layout.positions(panel).len();
                mask(layout, problem.classes(), panel, 0..rows, column..column + 1, current, L::PANEL);
                current[rows * L::PANEL..L::PANEL * L::PANEL].fill(Key::MASKED);
            }
            computed = column;
            core::mem::swap(&mut previous, &mut current);
        }
    }
}

/// Calls of [`crate::gram::tile::Overlap::advance`] while the distances of a block are computed.
fn calls_a_block<L: Lanes>(layout: &Layout) -> usize {
    let tiles = L::PANEL / L::TILE_ROWS * (L::PANEL / (L::TILE_VECTORS * L::LEN));
    let parts = layout.width / layout.depth;
    tiles * (parts * layout.depth.div_ceil(STEPS) + (layout.width % layout.depth).div_ceil(STEPS))
}
