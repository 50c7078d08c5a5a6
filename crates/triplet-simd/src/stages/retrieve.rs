//! Retrieval: some queries at a time against every reference, the nearest kept.

use crate::{
    block::Source,
    executor::{Executor, share},
    isa::{Element, Selected},
    lanes::{Kernel, Lanes},
    scratch::Scratch,
};
use core::ops::Range;
use triplet_core::{
    real::Key,
    retrieval::{Score, Search},
};

/// Bytes of keys that a worker computes at a time: they stay in the L2 cache.
const KEYS_BYTES: usize = 256 * 1024;

/// Scores every query, by its position in `queries`.
pub(crate) fn run<T: Element>(
    executor: &dyn Executor,
    scratches: &mut [Scratch<T>],
    selected: Selected,
    search: &Search<'_, T>,
    [queries, references]: [Source<'_, T>; 2],
    scores: &mut [Score],
) {
    let mut rest = scores;
    let pieces = units(queries).map(move |(panel, rows)| {
        let scores = rest.split_off_mut(..rows.len()).unwrap_or_default();
        (panel, rows, scores)
    });
    share(executor, scratches, pieces, |scratch, (panel, rows, scores)| {
        T::dispatch(selected, Unit { search, queries, references, panel, rows, scratch, scores });
    });
}

/// Cuts panels into register tiles of queries: the panel, and the rows of it.
fn units<'a, T: Element>(queries: Source<'a, T>) -> impl Iterator<Item = (usize, Range<usize>)> + Send + 'a {
    let layout = queries.layout;
    (0..layout.panels).flat_map(move |panel| {
        let rows = layout.positions(panel).len();
        let height = layout.tile_rows;
        (0..rows).step_by(height).map(move |first| (panel, first..(first + height).min(rows)))
    })
}

/// Some queries of one panel.
struct Unit<'a, T: Element> {
    search: &'a Search<'a, T>,
    queries: Source<'a, T>,
    references: Source<'a, T>,
    panel: usize,
    rows: Range<usize>,
    scratch: &'a mut Scratch<T>,
    scores: &'a mut [Score],
}

impl<T: Element> Kernel<T> for Unit<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes<Real = T>>(self, lanes: L) {
        let Self { search, queries, references, panel, rows, scratch, scores } = self;
        let first = queries.layout.positions(panel).start + rows.start;
        let asking = &search.queries().classes().order()[first..first + rows.len()];
        let Scratch { keys, nearest, .. } = scratch;
        if nearest.len() < rows.len() {
            nearest.resize_with(rows.len(), Default::default);
        }
        for (nearest, &query) in nearest.iter_mut().zip(asking) {
            nearest.start(search.wanted(query));
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
                nearest.offer(lanes, keys, ids, |row| search.excludes(asking[r], row));
            }
        }
        for ((nearest, &query), score) in nearest.iter_mut().zip(asking).zip(scores) {
            *score = search.score(query, nearest.ranked());
        }
    }
}
