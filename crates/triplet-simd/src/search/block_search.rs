//! The search of one block, in units that fit between the steps of a register tile.

use super::{
    Anchors, Block,
    columns::{self, Strip, strip_rows},
    rows,
};
use crate::{gram::tile::Overlap, lanes::Lanes};
use triplet_core::Real;

type KeyOf<L> = <<L as Lanes>::Real as Real>::Key;

/// Whether the search of a block runs between the multiply-adds of the next one: with 16 registers
/// it would push accumulators out to memory, and takes 1.2 to 1.6 times as long as one after the other.
#[inline(always)]
pub(crate) const fn overlaps<L: Lanes>() -> bool {
    L::REGISTERS >= 32
}

/// Slots that are searched in one unit.
const SLOTS: usize = 8;

/// Searches a block for both of its sides.
pub(crate) struct BlockSearch<'a, L: Lanes> {
    lanes: L,
    block: Block<'a, KeyOf<L>>,
    /// The anchors of the block's rows.
    rows: Anchors<'a, KeyOf<L>>,
    /// Those of its columns. None on the diagonal, where the block has each pair in both orders, and the rows'
    /// search suffices.
    columns: Option<Anchors<'a, KeyOf<L>>>,
    /// Whether farthest candidates are wanted.
    far: bool,
    next: Unit,
}

/// A part of the search: some slots, and with the first of them the farthest candidate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    /// Of a block row.
    Row { r: usize, slot: usize },
    /// Of a strip.
    Column { strip: Strip, slot: usize },
    /// Nothing is left.
    Done,
}

impl<'a, L: Lanes> BlockSearch<'a, L> {
    /// Nothing is searched yet.
    #[inline(always)]
    pub(crate) fn new(
        lanes: L,
        block: Block<'a, KeyOf<L>>,
        rows: Anchors<'a, KeyOf<L>>,
        columns: Option<Anchors<'a, KeyOf<L>>>,
        far: bool,
    ) -> Self {
        let mut search = Self { lanes, block, rows, columns, far, next: Unit::Done };
        search.next = if search.rows.slots > 0 { Unit::Row { r: 0, slot: 0 } } else { search.first_column() };
        search
    }

    #[inline(always)]
    fn column_slots(&self) -> usize {
        self.columns.as_ref().map_or(0, |columns| columns.slots)
    }

    #[inline(always)]
    fn first_column(&self) -> Unit {
        if self.column_slots() > 0 {
            Unit::Column { strip: Strip { first_row: 0, column: 0 }, slot: 0 }
        } else {
            Unit::Done
        }
    }

    /// Units in all.
    #[inline(always)]
    fn units(&self) -> usize {
        let strips = L::PANEL / L::LEN * (L::PANEL / strip_rows::<L>());
        L::PANEL * self.rows.slots.div_ceil(SLOTS) + strips * self.column_slots().div_ceil(SLOTS)
    }

    /// Whether more than one candidate is kept of a threshold. The search of these does not overlap with a tile: its
    /// code there, even if it did not run, would push accumulators out to memory.
    #[inline(always)]
    pub(super) fn keeps_several(&self) -> bool {
        self.rows.several.is_several()
    }

    /// Does the next unit.
    #[inline(always)]
    fn unit<const SEVERAL: bool>(&mut self) {
        match self.next {
            Unit::Row { r, slot } => self.row::<SEVERAL>(r, slot),
            Unit::Column { strip, slot } => self.column::<SEVERAL>(strip, slot),
            Unit::Done => {}
        }
    }

    #[inline(always)]
    fn row<const SEVERAL: bool>(&mut self, r: usize, slot: usize) {
        let slots = self.rows.slots;
        let end = (slot + SLOTS).min(slots);
        if slot == 0 && self.far {
            rows::farthest(self.lanes, &self.block, r, &mut self.rows);
        }
        if SEVERAL {
            rows::every(self.lanes, &self.block, r, slot..end, &mut self.rows);
        } else {
            rows::search(self.lanes, &self.block, r, slot..end, &mut self.rows);
        }
        self.next = if end < slots {
            Unit::Row { r, slot: end }
        } else if r + 1 < L::PANEL {
            Unit::Row { r: r + 1, slot: 0 }
        } else {
            self.first_column()
        };
    }

    #[inline(always)]
    fn column<const SEVERAL: bool>(&mut self, strip: Strip, slot: usize) {
        let Some(anchors) = &mut self.columns else { return self.next = Unit::Done };
        let (slots, Strip { first_row, column }) = (anchors.slots, strip);
        let end = (slot + SLOTS).min(slots);
        if slot == 0 && self.far {
            columns::farthest(self.lanes, &self.block, strip, anchors);
        }
        if SEVERAL {
            columns::every(self.lanes, &self.block, strip, slot..end, anchors);
        } else {
            let young = *anchors.seen < columns::WARMUP_ROWS;
            columns::search(self.lanes, &self.block, strip, slot..end, young, anchors);
        }
        self.next = if end < slots {
            Unit::Column { strip, slot: end }
        } else if column + L::LEN < L::PANEL {
            Unit::Column { strip: Strip { first_row, column: column + L::LEN }, slot: 0 }
        } else if first_row + strip_rows::<L>() < L::PANEL {
            Unit::Column { strip: Strip { first_row: first_row + strip_rows::<L>(), column: 0 }, slot: 0 }
        } else {
            *anchors.seen += L::PANEL as u32;
            Unit::Done
        };
    }

    /// Whether nothing is left.
    #[cfg(test)]
    pub(crate) fn is_done(&self) -> bool {
        self.next == Unit::Done
    }

    /// Does what is left.
    #[inline(always)]
    pub(crate) fn finish(&mut self) {
        if self.keeps_several() {
            self.rest::<true>();
        } else {
            self.rest::<false>();
        }
    }

    #[inline(always)]
    pub(super) fn rest<const SEVERAL: bool>(&mut self) {
        while self.next != Unit::Done {
            self.unit::<SEVERAL>();
        }
    }

    /// Spreads the units, of one candidate a threshold, evenly over so many calls of [`Overlap::advance`].
    #[inline(always)]
    pub(crate) fn over(self, calls: usize) -> Paced<'a, L> {
        let rate = (self.units() * ONE).div_ceil(calls);
        Paced { search: self, rate, due: 0 }
    }
}

/// Units are counted in parts of this.
const ONE: usize = 1 << 16;

/// A search whose units are spread over the steps of the register tiles of another block.
pub(crate) struct Paced<'a, L: Lanes> {
    pub(crate) search: BlockSearch<'a, L>,
    rate: usize,
    due: usize,
}

impl<L: Lanes> Overlap for Paced<'_, L> {
    #[inline(always)]
    fn advance(&mut self) {
        self.due += self.rate;
        while self.due >= ONE {
            self.due -= ONE;
            self.search.unit::<false>();
        }
    }
}
