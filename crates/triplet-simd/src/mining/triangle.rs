//! The upper triangle, block by block: distances of the next block while the last is searched.

use super::{
    bests::{Bests, Leave},
    rectangle::{Rectangle, pieces, share_pieces},
};
use crate::{
    cpu::isa::Element,
    executor::run_tasks_and_leave,
    gram::block::{PackedRows, mask},
    lanes::{Kernel, Lanes},
    mining::StageContext,
    scratch::Scratch,
    screening::{Pairs, Screened, ScreenedBlocks},
    search::{Block, BlockSearch, calls_a_block, search_and_compute},
};
use triplet_core::{Problem, real::Key, shares::Share};

/// Fills the bests, or what a share of the triangle gives of them. Any worker may compute any piece, and what the others have found by then matters to its time
/// only.
pub(crate) fn run<T: Element>(
    context: StageContext<'_, T>,
    scratches: &mut [Scratch<T>],
    share: Option<&Share>,
    screened: Option<Screened<'_>>,
    thresholds: &[T::Key],
    bests: &Bests<T::Key>,
) {
    let StageContext { executor, selected, problem, source } = context;
    let layout = source.layout;
    if problem.classes().count() < 2 || thresholds.is_empty() {
        return;
    }
    let search = |scratch: &mut Scratch<T>, piece| {
        T::dispatch(selected, SearchPiece { problem, source, screened, thresholds, bests, piece, scratch });
    };
    let leave = |scratch: &mut Scratch<T>| T::dispatch(selected, Leave { scratch, bests });
    match share {
        Some(share) => {
            run_tasks_and_leave(executor, scratches, share_pieces(layout, share), search, leave);
        }
        None => {
            let pieces = pieces(layout.panels, scratches.len());
            run_tasks_and_leave(executor, scratches, pieces, search, leave);
        }
    }
}

/// Computes and searches the blocks of a piece.
struct SearchPiece<'a, T: Element> {
    problem: &'a Problem<'a, T>,
    source: PackedRows<'a, T>,
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
        let Self { problem, source, screened, thresholds, bests, piece, scratch } = self;
        let Scratch { keys, held, screener, .. } = scratch;
        let layout = source.layout;
        held.copy(bests, layout, &piece);
        let far = !problem.rule().one_per_anchor();
        let ids = |panel: usize| &source.packed.ids[panel * L::PANEL..(panel + 1) * L::PANEL];
        let calls = calls_a_block::<L>(layout);
        let (mut previous, mut current) = keys.split_at_mut(L::PANEL * L::PANEL);
        let mut computed: Option<[usize; 2]> = None;
        let pairs = Pairs::Square(problem.classes());
        let triangle = screened.map(|screened| ScreenedBlocks {
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
            let next = match &triangle {
                Some(triangle) => screener.next_left(lanes, triangle, held, &mut blocks),
                None => blocks.next(),
            };
            left = next.is_some();
            let mut search = None;
            if let Some([panel, column]) = computed {
                let block = Block { keys: &*previous, row_ids: ids(panel), column_ids: ids(column) };
                let thresholds = |panel| &thresholds[layout.threshold_range(panel)];
                let (rows, other) = held.of_block([panel, column]);
                let rows = rows.anchors(layout.slots(panel), thresholds(panel));
                let mut columns = None;
                if let Some(other) = other {
                    columns = Some(other.anchors(layout.slots(column), thresholds(column)));
                }
                search = Some(BlockSearch::new(lanes, block, rows, columns, far));
            }
            let computing = next.map(|[panel, column]| (source.panel(panel), column));
            search_and_compute(lanes, search, computing, source, current, calls);
            if let Some([panel, column]) = next {
                let rows = layout.positions(panel).len();
                mask(layout, problem.classes(), panel, 0..rows, column..column + 1, current, L::PANEL);
                current[rows * L::PANEL..L::PANEL * L::PANEL].fill(Key::MASKED);
            }
            computed = next;
            core::mem::swap(&mut previous, &mut current);
        }
    }
}
