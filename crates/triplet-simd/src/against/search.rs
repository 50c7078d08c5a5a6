//! The rectangle of anchors and candidates, block by block: distances of the next block while the last is searched.

use super::Compared;
use crate::{
    cpu::isa::Element,
    executor::run_tasks_and_leave,
    gram::layout::Layout,
    lanes::{Kernel, Lanes},
    mining::{Bests, Leave, Rectangle},
    scratch::Scratch,
    screening::{Pairs, Screened, ScreenedBlocks},
    search::{Block, BlockSearch, calls_a_block, search_and_compute},
};
use triplet_core::real::Key;

/// Panels of anchors that go through the same candidates while these are in the L2 cache.
const ROWS: usize = 11;
/// Panels of candidates that all panels of a piece are compared with before the next come by.
const RUN: usize = 24;
/// Panels of candidates in a piece at least, where there are as many; and at most.
const LEAST_COLUMNS: usize = 4;
const MOST_COLUMNS: usize = 4 * RUN;
/// Pieces that there should be for each worker.
const PIECES_A_WORKER: usize = 8;

/// Fills the bests of the anchors that are not searched alone. Any worker may search any piece.
pub(crate) fn run<T: Element>(
    compared: Compared<'_, T>,
    screened: Option<Screened<'_>>,
    scratches: &mut [Scratch<T>],
    thresholds: &[T::Key],
    bests: &Bests<T::Key>,
) {
    let Compared { executor, selected, anchors, candidates, .. } = compared;
    if thresholds.is_empty() {
        return;
    }
    let pieces = pieces([anchors.layout.panels, candidates.layout.panels], scratches.len());
    let search = |scratch: &mut Scratch<T>, piece| {
        T::dispatch(selected, SearchPiece { compared, screened, thresholds, bests, piece, scratch });
    };
    let leave = |scratch: &mut Scratch<T>| T::dispatch(selected, Leave { scratch, bests });
    run_tasks_and_leave(executor, scratches, pieces, search, leave);
}

/// All pieces of a rectangle of so many panels. Those of the first candidates come first: what they find is a bound
/// for all that follow.
fn pieces([rows, columns]: [usize; 2], workers: usize) -> impl Iterator<Item = Rectangle> + Send {
    let groups = rows.div_ceil(ROWS).max(1);
    // Groups of nearly one height.
    let height = rows.div_ceil(groups).max(1);
    let wanted = columns * groups / (PIECES_A_WORKER * workers);
    let width = if workers == 1 { columns.max(1) } else { wanted.clamp(LEAST_COLUMNS, MOST_COLUMNS) };
    (0..columns).step_by(width).flat_map(move |left| {
        (0..rows).step_by(height).map(move |top| Rectangle {
            rows: top..rows.min(top + height),
            columns: left..columns.min(left + width),
        })
    })
}

/// The blocks of a piece whose anchors have thresholds.
fn blocks(layout: &Layout, piece: &Rectangle) -> impl Iterator<Item = [usize; 2]> {
    let Rectangle { rows, columns } = piece.clone();
    columns.clone().step_by(RUN).flat_map(move |first| {
        let columns = first..columns.end.min(first + RUN);
        let rows = rows.clone().filter(|&panel| layout.slots(panel) > 0);
        rows.flat_map(move |row| columns.clone().map(move |column| [row, column]))
    })
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
        let Compared { matches, classes, far, anchors, candidates, .. } = compared;
        let Scratch { keys, held, screener, against, .. } = scratch;
        let layout = anchors.layout;
        held.copy_rows(bests, layout, &piece);
        let ids = |panel: usize| panel * L::PANEL..(panel + 1) * L::PANEL;
        let calls = calls_a_block::<L>(candidates.layout);
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
            rows: anchors,
            columns: candidates,
            thresholds,
            far,
        });
        let mut blocks = blocks(layout, &piece);
        let mut left = true;
        // Each block is searched while the distances of the next are computed.
        while left {
            let next = match &screened {
                Some(screened) => screener.next_left(lanes, screened, held, &mut blocks),
                None => blocks.next(),
            };
            left = next.is_some();
            let search = computed.map(|[panel, column]| {
                let block = Block {
                    keys: &*previous,
                    row_ids: &anchors.packed.ids[ids(panel)],
                    column_ids: &candidates.packed.ids[ids(column)],
                };
                let (best, _) = held.of_block([panel, column]);
                best.seen += L::PANEL as u32;
                let rows = best.anchors(layout.slots(panel), &thresholds[layout.threshold_range(panel)]);
                BlockSearch::new(lanes, block, rows, None, far)
            });
            let computing = next.map(|[panel, column]| (anchors.panel(panel), column));
            search_and_compute(lanes, search, computing, candidates, current, calls);
            if let Some([panel, column]) = next {
                let positions = layout.positions(panel);
                current[positions.len() * L::PANEL..L::PANEL * L::PANEL].fill(Key::MASKED);
                let excluded = &mut excluded[panel - piece.rows.start];
                excluded.mask(&compared, positions.start, ids(column), current, L::PANEL);
            }
            computed = next;
            core::mem::swap(&mut previous, &mut current);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_block_is_in_one_piece() {
        let (wide, square) = if cfg!(miri) { (40, 40) } else { (1366, 100) };
        for (panels, workers) in
            [([1, 1], 1), ([1, 400], 2), ([22, wide], 2), ([22, 3], 16), ([square, square], 7)]
        {
            let threshold_starts = (0..=panels[0]).collect();
            let layout = Layout { panels: panels[0], threshold_starts, ..Layout::default() };
            let mut found: Vec<[usize; 2]> = pieces(panels, workers)
                .flat_map(|piece| blocks(&layout, &piece).collect::<Vec<_>>())
                .collect();
            found.sort_unstable();
            let all = (0..panels[0]).flat_map(|row| (0..panels[1]).map(move |column| [row, column]));
            assert_eq!(found, all.collect::<Vec<_>>(), "{panels:?} panels, {workers} workers");
        }
    }

    #[test]
    fn few_anchors_are_shared_out_too() {
        let shapes: Vec<_> = pieces([1, 1366], 16).map(|piece| piece.columns.len()).collect();
        assert_eq!((shapes.len(), shapes[0]), (137, 10));
    }
}
