//! Rows in their own order that are anchors and candidates at once: a distance serves both of its rows.

use crate::{
    against::{Compared, Excluded},
    cpu::isa::Element,
    executor::run_tasks_and_leave,
    lanes::{Kernel, Lanes},
    mining::{Bests, Leave, Rectangle},
    scratch::Scratch,
    screening::{Pairs, Screened, ScreenedBlocks},
    search::{Block, BlockSearch, calls_a_block, search_and_compute},
};
use core::ops::Range;
use triplet_core::real::Key;

/// Panels of a piece's rows, and of its columns, at most: its columns in words stay in the L2 cache.
const ROWS: usize = 32;
const COLUMNS: usize = 64;
/// Pieces that there should be for each worker.
const PIECES_A_WORKER: usize = 8;

/// All blocks of some panels with each other, at or right of the diagonal (`split` none), or those of the panels before
/// the split with the others.
pub(super) fn pieces(
    panels: usize,
    split: Option<usize>,
    workers: usize,
) -> impl Iterator<Item = Rectangle> + Send {
    let (end, first) = split.map_or((panels, 0), |split| (split, split));
    let blocks = end * (panels - first).max(1);
    let wanted = (blocks / (PIECES_A_WORKER * workers)).max(1);
    let rows = (wanted / 4).isqrt().clamp(1, ROWS);
    let columns = (wanted / rows).clamp(1, COLUMNS);
    (0..end).step_by(rows).flat_map(move |top| {
        let lefts = (if split.is_some() { first } else { top }..panels).step_by(columns);
        lefts.map(move |left| Rectangle {
            rows: top..end.min(top + rows),
            columns: left..panels.min(left + columns),
        })
    })
}

/// Improves the bests of the rows of both sides of each piece. `compared` has one side twice.
pub(super) fn run<T: Element>(
    compared: Compared<'_, T>,
    split: Option<usize>,
    screened: Option<Screened<'_>>,
    scratches: &mut [Scratch<T>],
    thresholds: &[T::Key],
    bests: &Bests<T::Key>,
) {
    let Compared { executor, selected, anchors, .. } = compared;
    let pieces = pieces(anchors.layout.panels, split, scratches.len());
    let search = |scratch: &mut Scratch<T>, piece| {
        T::dispatch(selected, SearchPiece { compared, screened, thresholds, bests, piece, scratch });
    };
    let leave = |scratch: &mut Scratch<T>| T::dispatch(selected, Leave { scratch, bests });
    run_tasks_and_leave(executor, scratches, pieces, search, leave);
}

/// Computes and searches the blocks of a piece.
struct SearchPiece<'a, T: Element> {
    compared: Compared<'a, T>,
    screened: Option<Screened<'a>>,
    thresholds: &'a [T::Key],
    bests: &'a Bests<T::Key>,
    piece: Rectangle,
    scratch: &'a mut Scratch<T>,
}

impl<T: Element> Kernel<T> for SearchPiece<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes<Real = T>>(self, lanes: L) {
        let Self { compared, screened, thresholds, bests, piece, scratch } = self;
        let Compared { matches, classes, far, anchors: source, .. } = compared;
        let Scratch { keys, held, screener, against, .. } = scratch;
        let layout = source.layout;
        held.copy(bests, layout, &piece);
        let ids = |panel: usize| &source.packed.ids[panel * L::PANEL..(panel + 1) * L::PANEL];
        let columns_of = |panel: usize| -> Range<usize> { panel * L::PANEL..(panel + 1) * L::PANEL };
        let own = |panel: usize| &thresholds[layout.threshold_range(panel)];
        let calls = calls_a_block::<L>(layout);
        let first = piece.rows.start;
        let excluded = against.excluded(piece.rows.len());
        for (excluded, row) in excluded.iter_mut().zip(piece.rows.clone()) {
            excluded.begin(&compared, layout.positions(row), piece.columns.start * L::PANEL);
        }
        let (mut previous, mut current) = keys.split_at_mut(L::PANEL * L::PANEL);
        let mut computed: Option<[usize; 2]> = None;
        let pairs = Pairs::Against(matches, classes);
        let screened = screened.map(|screened| ScreenedBlocks {
            screened,
            pairs,
            rows: source,
            columns: source,
            thresholds,
            far,
        });
        let mut blocks = piece.blocks(layout);
        let mut left = true;
        // Each block is searched while the distances of the next are computed.
        while left {
            let next = match &screened {
                Some(screened) => screener.next_left(lanes, screened, held, &mut blocks),
                None => blocks.next(),
            };
            left = next.is_some();
            let mut search = None;
            if let Some([panel, column]) = computed {
                let block = Block { keys: &*previous, row_ids: ids(panel), column_ids: ids(column) };
                let (rows, other) = held.of_block([panel, column]);
                let rows = rows.anchors(layout.slots(panel), own(panel));
                let mut columns = None;
                if let Some(other) = other {
                    columns = Some(other.anchors(layout.slots(column), own(column)));
                }
                search = Some(BlockSearch::new(lanes, block, rows, columns, far));
            }
            let computing = next.map(|[panel, column]| (source.panel(panel), column));
            search_and_compute(lanes, search, computing, source, current, calls);
            if let Some([panel, column]) = next {
                let positions = layout.positions(panel);
                current[positions.len() * L::PANEL..L::PANEL * L::PANEL].fill(Key::MASKED);
                let excluded: &mut Excluded = &mut excluded[panel - first];
                excluded.mask(&compared, positions.start, columns_of(column), current, L::PANEL);
            }
            computed = next;
            core::mem::swap(&mut previous, &mut current);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gram::layout::Layout;

    #[test]
    fn every_block_is_in_one_piece() {
        for (panels, split, workers) in [
            (1, None, 1),
            (22, None, 2),
            (100, None, 7),
            (3, Some(1), 1),
            (22, Some(4), 2),
            (400, Some(200), 16),
        ] {
            let threshold_starts = (0..=panels).collect();
            let layout = Layout { panels, threshold_starts, ..Layout::default() };
            let mut found: Vec<[usize; 2]> = pieces(panels, split, workers)
                .flat_map(|piece| piece.blocks(&layout).collect::<Vec<_>>())
                .collect();
            found.sort_unstable();
            let wanted = |row: usize, column: usize| match split {
                Some(split) => row < split && column >= split,
                None => column >= row,
            };
            let all = (0..panels).flat_map(|row| (0..panels).map(move |column| [row, column]));
            let all: Vec<_> = all.filter(|&[row, column]| wanted(row, column)).collect();
            assert_eq!(found, all, "{panels} panels, {split:?}, {workers} workers");
        }
    }
}
