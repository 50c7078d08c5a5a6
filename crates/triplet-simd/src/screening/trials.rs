//! Which blocks are screened, and the memory of a worker for it.

use super::{
    block::{BLOCK_WORDS, LISTED, Search},
    pairs::settle,
    prepare::Screened,
    words::PANEL,
};
use crate::{
    gram::{aligned::Aligned, block::PackedRows},
    lanes::Lanes,
    mining::Held,
    search::Best,
};
use triplet_core::{Problem, Real, ScreenedPairs};

/// Blocks that are not tried after many failures in a row.
const LONGEST_WAIT: u32 = 128;
/// Rows that both panels of a block must have been compared with: before, their windows are wide.
const LEAST_SEEN: u32 = 192;

/// The triangle whose blocks are screened.
pub(crate) struct ScreenedTriangle<'a, T: Real> {
    pub(crate) screened: Screened<'a>,
    pub(crate) problem: &'a Problem<'a, T>,
    pub(crate) source: PackedRows<'a, T>,
    pub(crate) thresholds: &'a [T::Key],
}

/// Memory of one worker, and what it has seen.
#[derive(Debug, Default)]
pub(crate) struct Screener {
    /// Distances of a block that is not searched yet, and room for those of the next.
    words: [Aligned<u16>; 2],
    listed: Aligned<u16>,
    /// The block that is not searched yet.
    pending: Option<[usize; 2]>,
    /// Blocks until the next one is tried, and how many there were the last time.
    wait: u32,
    last_wait: u32,
    /// Pairs of the blocks that were screened.
    pub(crate) screened: ScreenedPairs,
}

impl Screener {
    /// Begins a batch.
    pub(crate) fn begin(&mut self) {
        for words in &mut self.words {
            words.resize(BLOCK_WORDS);
        }
        self.listed.resize(LISTED);
        (self.pending, self.wait, self.last_wait) = (None, 0, 0);
        self.screened = ScreenedPairs::default();
    }

    /// Screens blocks up to one that has to be computed without screening; none at the end.
    #[inline(always)]
    pub(crate) fn next_left<L: Lanes>(
        &mut self,
        lanes: L,
        triangle: &ScreenedTriangle<'_, L::Real>,
        held: &mut Held<<L::Real as Real>::Key>,
        blocks: &mut impl Iterator<Item = [usize; 2]>,
    ) -> Option<[usize; 2]> {
        for block in blocks.by_ref() {
            if L::PANEL != PANEL || !is_whole(triangle, block) {
                return Some(block);
            }
            if !triangle.screened.always && held.seen(block) < LEAST_SEEN {
                return Some(block);
            }
            if self.wait > 0 {
                self.wait -= 1;
                return Some(block);
            }
            let left = self.step(lanes, triangle, held, Some(block));
            if left.is_some() {
                return left;
            }
        }
        if L::PANEL == PANEL { self.step(lanes, triangle, held, None) } else { None }
    }

    /// Searches the block that is pending for both of its sides while the distances of the next are computed. Gives
    /// it back if too little of it can be decided.
    #[inline(always)]
    fn step<L: Lanes>(
        &mut self,
        lanes: L,
        triangle: &ScreenedTriangle<'_, L::Real>,
        held: &mut Held<<L::Real as Real>::Key>,
        next: Option<[usize; 2]>,
    ) -> Option<[usize; 2]> {
        let Self { words: [previous, current], listed, .. } = self;
        let screened = &triangle.screened;
        let computed = next.map(|block| (block, &mut current[..]));
        let pending = core::mem::replace(&mut self.pending, next);
        let Some(block) = pending else {
            screened.step(computed, None);
            self.words.swap(0, 1);
            return None;
        };
        let (row, column) = held.of_block(block);
        let column = column.expect("no block on the diagonal is whole");
        for (panel, best) in block.into_iter().zip([&mut *row, &mut *column]) {
            triangle.refresh(panel, best);
        }
        let (rows, columns) = (&row.windows, &column.windows);
        let count = screened.step(computed, Some(Search { words: previous, rows, columns, listed }));
        self.words.swap(0, 1);
        self.screened.pairs += BLOCK_WORDS as u64;
        self.screened.undecided += count as u64;
        if count > screened.most_undecided {
            self.last_wait = (2 * self.last_wait).clamp(1, LONGEST_WAIT);
            self.wait = self.last_wait;
            return Some(block);
        }
        self.last_wait = 0;
        column.seen += PANEL as u32;
        settle(lanes, triangle, block, listed, count, [row, column]);
        None
    }
}

impl<T: Real> ScreenedTriangle<'_, T> {
    /// Makes a panel's windows anew if more was found than they know.
    #[inline(always)]
    fn refresh(&self, panel: usize, best: &mut Best<T::Key>) {
        if best.windows.is_fresh() {
            return;
        }
        let layout = self.source.layout;
        let thresholds = &self.thresholds[layout.threshold_range(panel)];
        let far = !self.problem.rule().one_per_anchor();
        let mut windows = core::mem::take(&mut best.windows);
        let anchors = best.anchors(layout.slots(panel), thresholds);
        windows.rebuild::<T>(&anchors, self.screened.errors(panel), self.screened.scale(), far);
        best.windows = windows;
    }
}

/// Whether a block has no padding and no pairs of one class.
#[inline(always)]
fn is_whole<T: Real>(triangle: &ScreenedTriangle<'_, T>, [row, column]: [usize; 2]) -> bool {
    let layout = triangle.source.layout;
    let rows = layout.positions(row);
    column > row
        && layout.positions(column).len() == PANEL
        && triangle.problem.classes().span(rows.end - 1).end <= column * PANEL
}
