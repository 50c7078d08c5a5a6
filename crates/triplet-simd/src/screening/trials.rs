//! Which blocks are screened, and the memory of a worker for it.

use super::{
    block::{BLOCK_WORDS, LISTED, Search},
    pairs::{Group, TOGETHER, settle},
    prepare::Screened,
    words::PANEL,
};
use crate::{
    gram::{aligned::Aligned, block::PackedRows},
    lanes::{Lanes, MAX_LEN},
    mining::Held,
    search::Best,
};
use triplet_core::{Classes, Matches, Real, ScreenedPairs};

/// Blocks that are not tried after many failures in a row.
const LONGEST_WAIT: u32 = 128;
/// Rows that both panels of a block must have been compared with: before, their windows are wide.
const LEAST_SEEN: u32 = 192;

/// Vectors of pairs of one block that are not many.
const DENSE: usize = 2;
/// Pairs that wait at most before the next block is searched.
const MOST_WAITING: usize = (TOGETHER + DENSE) * MAX_LEN;

/// The blocks of a search that are screened.
pub(crate) struct ScreenedBlocks<'a, T: Real> {
    pub(crate) screened: Screened<'a>,
    pub(crate) pairs: Pairs<'a>,
    /// The anchors.
    pub(crate) rows: PackedRows<'a, T>,
    /// What they are compared with.
    pub(crate) columns: PackedRows<'a, T>,
    pub(crate) thresholds: &'a [T::Key],
    /// Whether an anchor none of whose candidates reaches a threshold takes the farthest.
    pub(crate) far: bool,
}

/// Which pairs are looked at.
#[derive(Clone, Copy)]
pub(crate) enum Pairs<'a> {
    /// Those of the rows of a batch, in class order, each for both of them.
    Square(&'a Classes),
    /// Those of anchors with other candidates, in their own order, of these classes.
    Against(&'a Matches, &'a Classes),
}

/// Memory of one worker, and what it has seen.
#[derive(Debug, Default)]
pub(crate) struct Screener {
    /// Distances of a block that is not searched yet, and room for those of the next.
    words: [Aligned<u16>; 2],
    /// Pairs of blocks that are searched.
    listed: Aligned<u16>,
    /// Those of them that are not computed yet, all of one row of panels, and how many there are.
    groups: Vec<Group>,
    waiting: usize,
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
        self.listed.resize(MOST_WAITING + LISTED);
        self.groups.clear();
        self.waiting = 0;
        (self.pending, self.wait, self.last_wait) = (None, 0, 0);
        self.screened = ScreenedPairs::default();
    }

    /// Screens blocks up to one that has to be computed without screening; none at the end.
    #[inline(always)]
    pub(crate) fn next_left<L: Lanes>(
        &mut self,
        lanes: L,
        blocks: &ScreenedBlocks<'_, L::Real>,
        held: &mut Held<<L::Real as Real>::Key>,
        left: &mut impl Iterator<Item = [usize; 2]>,
    ) -> Option<[usize; 2]> {
        for block in left.by_ref() {
            if L::PANEL != PANEL || !blocks.is_whole(block) {
                return Some(block);
            }
            if !blocks.screened.always && held.seen(block) < LEAST_SEEN {
                return Some(block);
            }
            if self.wait > 0 {
                self.wait -= 1;
                return Some(block);
            }
            let undecided = self.step(lanes, blocks, held, Some(block));
            if undecided.is_some() {
                return undecided;
            }
        }
        if L::PANEL == PANEL { self.step(lanes, blocks, held, None) } else { None }
    }

    /// Searches the block that is pending while the distances of the next are computed. Gives
    /// it back if too little of it can be decided.
    #[inline(always)]
    fn step<L: Lanes>(
        &mut self,
        lanes: L,
        blocks: &ScreenedBlocks<'_, L::Real>,
        held: &mut Held<<L::Real as Real>::Key>,
        next: Option<[usize; 2]>,
    ) -> Option<[usize; 2]> {
        if let (Some(group), Some(block)) = (self.groups.first(), self.pending)
            && group.block[0] != block[0]
        {
            // The block after them was left.
            self.settle(lanes, blocks, held);
        }
        let Self { words: [previous, current], listed, waiting, .. } = self;
        let screened = &blocks.screened;
        let computed = next.map(|block| (block, &mut current[..]));
        let pending = core::mem::replace(&mut self.pending, next);
        let Some(block) = pending else {
            screened.step(computed, None);
            self.words.swap(0, 1);
            self.settle(lanes, blocks, held);
            return None;
        };
        let (row, mut column) = held.of_block(block);
        blocks.refresh(block[0], row);
        if let Some(column) = &mut column {
            blocks.refresh(block[1], column);
        }
        let (rows, columns) = (&row.windows, column.as_ref().map(|column| &column.windows));
        let listed = &mut listed[*waiting..];
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
        let seen = column.as_mut().map_or(&mut row.seen, |column| &mut column.seen);
        *seen += PANEL as u32;
        let mut places = self.waiting..self.waiting + count;
        // Many pairs of one block fill vectors of neighbouring rows.
        let (near, before) = (count > DENSE * L::LEN, self.groups.len());
        while !places.is_empty() {
            self.groups.push(Group::take::<L>(block, &self.listed, &mut places, near));
        }
        if near {
            settle::<L, true>(lanes, blocks, held, &self.groups[before..], &self.listed);
            self.groups.truncate(before);
        } else {
            self.waiting += count;
        }
        let goes_on = next.is_some_and(|next| next[0] == block[0]);
        if !goes_on || self.groups.len() >= TOGETHER {
            self.settle(lanes, blocks, held);
        }
        None
    }

    /// Computes the pairs that wait.
    #[inline(always)]
    fn settle<L: Lanes>(
        &mut self,
        lanes: L,
        blocks: &ScreenedBlocks<'_, L::Real>,
        held: &mut Held<<L::Real as Real>::Key>,
    ) {
        settle::<L, false>(lanes, blocks, held, &self.groups, &self.listed);
        self.groups.clear();
        self.waiting = 0;
    }
}

impl<T: Real> ScreenedBlocks<'_, T> {
    /// Makes a panel's windows anew if more was found than they know.
    #[inline(always)]
    fn refresh(&self, panel: usize, best: &mut Best<T::Key>) {
        if best.windows.is_fresh() {
            return;
        }
        let layout = self.rows.layout;
        let thresholds = &self.thresholds[layout.threshold_range(panel)];
        let mut windows = core::mem::take(&mut best.windows);
        let anchors = best.anchors(layout.slots(panel), thresholds);
        let Screened { copies, .. } = self.screened;
        windows.rebuild::<T>(&anchors, self.screened.errors(panel), self.screened.scale(), self.far, copies);
        best.windows = windows;
    }

    /// Whether a block has no columns of padding, and, of a square batch, no pairs of one class: against
    /// other candidates, those are left out when undecided pairs are computed.
    #[inline(always)]
    fn is_whole(&self, [row, column]: [usize; 2]) -> bool {
        self.columns.layout.positions(column).len() == PANEL
            && match self.pairs {
                Pairs::Square(classes) => {
                    let rows = self.rows.layout.positions(row);
                    column > row && classes.span(rows.end - 1).end <= column * PANEL
                }
                Pairs::Against(..) => true,
            }
    }
}
