//! Retrieval: some queries at a time against every reference, the nearest kept.

pub(crate) mod nearest;

pub(crate) use nearest::Nearest;

use crate::{
    cpu::isa::{Element, Selected},
    executor::{Executor, run_tasks},
    gram::{block::PackedRows, layout::Layout, pack::Packed, pack_batch},
    lanes::{Kernel, Lanes},
    scratch::Scratch,
};
use core::ops::Range;
use triplet_core::{
    Distance, Points,
    real::Key,
    retrieval::{RetrievalTask, Score},
};

/// What retrieval keeps from call to call, besides the scratch of each worker.
#[derive(Debug, Default)]
pub(crate) struct RetrievalBuffers<T: Element> {
    /// Queries that are not references themselves.
    pub(crate) queries: QueryPanels<T>,
    /// 0, 1, 2, …: the order in which rows are packed.
    pub(crate) order: Vec<u32>,
}

/// Queries, or candidates that are other rows than their anchors, packed.
#[derive(Debug, Default)]
pub(crate) struct QueryPanels<T: Element> {
    pub(crate) layout: Layout,
    pub(crate) packed: Packed<T>,
}

impl<T: Element> QueryPanels<T> {
    /// Packs rows in their own order, of which the first numbers are given.
    pub(crate) fn pack(
        &mut self,
        executor: &dyn Executor,
        scratches: &mut [Scratch<T>],
        selected: Selected,
        (points, order): (Points<'_, T>, &[u32]),
        distance: Distance,
    ) -> PackedRows<'_, T> {
        let Self { layout, packed } = self;
        layout.rebuild_rows::<T>(points.len(), points.width(), selected);
        let rows = (points, &order[..points.len()]);
        pack_batch::run(executor, scratches, selected, rows, distance, layout, packed)
    }
}

/// What the pass is given.
#[derive(Clone, Copy)]
pub(crate) struct RetrievalContext<'a, T: Element> {
    /// Runs the pieces.
    pub(crate) executor: &'a dyn Executor,
    /// The instruction set.
    pub(crate) selected: Selected,
    /// Queries, references and depth.
    pub(crate) task: &'a RetrievalTask<'a, T>,
    /// The queries, packed.
    pub(crate) queries: PackedRows<'a, T>,
    /// The references, packed.
    pub(crate) references: PackedRows<'a, T>,
}

/// Lists at least so many rows in their own order.
pub(crate) fn list_rows(rows: usize, order: &mut Vec<u32>) {
    order.extend(order.len() as u32..rows as u32);
}

/// Bytes of keys that a worker computes at a time: they stay in the L2 cache.
const KEYS_BYTES: usize = 256 * 1024;

/// Scores every query, by original row.
pub(crate) fn run<T: Element>(
    context: RetrievalContext<'_, T>,
    scratches: &mut [Scratch<T>],
    scores: &mut [Score],
) {
    let RetrievalContext { executor, selected, task, queries, references } = context;
    let mut rest = scores;
    let pieces = tiles(queries).map(move |(panel, rows)| {
        let scores = rest.split_off_mut(..rows.len()).unwrap_or_default();
        (panel, rows, scores)
    });
    run_tasks(executor, scratches, pieces, |scratch, (panel, rows, scores)| {
        T::dispatch(selected, QueryTile { task, queries, references, panel, rows, scratch, scores });
    });
}

/// Cuts panels into register tiles of queries: the panel, and the rows of it.
fn tiles<'a, T: Element>(
    queries: PackedRows<'a, T>,
) -> impl Iterator<Item = (usize, Range<usize>)> + Send + 'a {
    let layout = queries.layout;
    (0..layout.panels).flat_map(move |panel| {
        let rows = layout.positions(panel).len();
        let height = layout.tile_rows;
        (0..rows).step_by(height).map(move |first| (panel, first..(first + height).min(rows)))
    })
}

/// Some queries of one panel.
struct QueryTile<'a, T: Element> {
    task: &'a RetrievalTask<'a, T>,
    queries: PackedRows<'a, T>,
    references: PackedRows<'a, T>,
    panel: usize,
    rows: Range<usize>,
    scratch: &'a mut Scratch<T>,
    scores: &'a mut [Score],
}

impl<T: Element> Kernel<T> for QueryTile<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes<Real = T>>(self, lanes: L) {
        let Self { task, queries, references, panel, rows, scratch, scores } = self;
        // Queries are packed in their own order.
        let first = (queries.layout.positions(panel).start + rows.start) as u32;
        let Scratch { keys, nearest, .. } = scratch;
        if nearest.len() < rows.len() {
            nearest.resize_with(rows.len(), Default::default);
        }
        for (nearest, query) in nearest[..rows.len()].iter_mut().zip(first..) {
            nearest.start(task.wanted(query));
        }
        let layout = references.layout;
        let step = (KEYS_BYTES / size_of::<T>() / L::TILE_ROWS / L::PANEL).clamp(1, layout.panels.max(1));
        let stride = step * L::PANEL;
        keys.resize((L::TILE_ROWS * stride).max(keys.len()));
        for start in (0..layout.panels).step_by(step) {
            let columns = start..(start + step).min(layout.panels);
            references.distances_of(lanes, queries.panel(panel), rows.clone(), columns.clone(), keys, stride);
            let seen = columns.start * L::PANEL..columns.end * L::PANEL;
            let ids = &references.packed.ids[seen.clone()];
            for (r, (keys, nearest)) in keys.chunks_mut(stride).zip(&mut nearest[..rows.len()]).enumerate() {
                let keys = &mut keys[..ids.len()];
                let padding = layout.rows.clamp(seen.start, seen.end) - seen.start;
                keys[padding..].fill(Key::MASKED);
                nearest.push_block(lanes, keys, ids, |row| task.excludes(first + r as u32, row));
            }
        }
        for ((nearest, query), score) in nearest.iter_mut().zip(first..).zip(scores) {
            *score = task.score(query, nearest.ranked());
        }
    }
}
