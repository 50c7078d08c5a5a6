//! The choices of a window of rows: for each, the anchors that chose it; or, of a row that was chosen more often
//! than there are rows, how often each did.

use super::passes::next;
use crate::gradient::Listed;
use core::{
    ops::Range,
    sync::atomic::{AtomicU16, AtomicU32, Ordering::Relaxed},
};

/// A window's choices, by position.
#[derive(Clone, Copy)]
pub(super) struct WindowChoices<'a> {
    pub(super) positions: &'a Range<usize>,
    /// How often each position of the batch was chosen.
    pub(super) chosen: &'a [AtomicU32],
    /// Where each position of the window starts in the list, and the end.
    pub(super) starts: &'a [u32],
    /// Where its next anchor goes.
    pub(super) next: &'a [AtomicU32],
    pub(super) list: Listed<'a>,
    pub(super) rows: usize,
}

/// Numbers that a row takes in the list.
pub(super) fn numbers(chosen: &AtomicU32, rows: usize) -> usize {
    (chosen.load(Relaxed) as usize).min(rows)
}

impl WindowChoices<'_> {
    fn is_counted(&self, position: usize) -> bool {
        self.chosen[position].load(Relaxed) as usize > self.rows
    }

    fn range(&self, position: usize) -> Range<usize> {
        let place = position - self.positions.start;
        self.starts[place] as usize..self.starts[place + 1] as usize
    }

    /// Makes the counts of anchors zero.
    pub(super) fn clear(&self) {
        for position in self.positions.clone().filter(|&position| self.is_counted(position)) {
            match self.list {
                Listed::Short(list) => {
                    list[self.range(position)].iter().for_each(|count| count.store(0, Relaxed));
                }
                Listed::Long(list) => {
                    list[self.range(position)].iter().for_each(|count| count.store(0, Relaxed));
                }
            }
        }
    }

    /// Lists a choice of a position of the window.
    #[inline(always)]
    pub(super) fn push(&self, position: usize, anchor: u32, several: bool) {
        let place = position - self.positions.start;
        if self.is_counted(position) {
            // One thread has the anchor.
            let at = self.starts[place] as usize + anchor as usize;
            match self.list {
                Listed::Short(list) => list[at].store(list[at].load(Relaxed) + 1, Relaxed),
                Listed::Long(list) => list[at].store(list[at].load(Relaxed) + 1, Relaxed),
            }
            return;
        }
        let at = next(&self.next[place], several) as usize;
        match self.list {
            Listed::Short(list) => list[at].store(anchor as u16, Relaxed),
            Listed::Long(list) => list[at].store(anchor, Relaxed),
        }
    }

    /// Calls `take(anchor)` for every choice of a position of the window.
    #[inline(always)]
    pub(super) fn of(&self, position: usize, take: impl FnMut(u32)) {
        let (range, counted) = (self.range(position), self.is_counted(position));
        match self.list {
            Listed::Short(list) => visit(&list[range], counted, short, take),
            Listed::Long(list) => visit(&list[range], counted, long, take),
        }
    }
}

#[inline(always)]
fn short(number: &AtomicU16) -> u32 {
    u32::from(number.load(Relaxed))
}

#[inline(always)]
fn long(number: &AtomicU32) -> u32 {
    number.load(Relaxed)
}

#[inline(always)]
fn visit<N>(list: &[N], counted: bool, number: impl Fn(&N) -> u32, mut take: impl FnMut(u32)) {
    if counted {
        for (anchor, count) in (0..).zip(list) {
            (0..number(count)).for_each(|_| take(anchor));
        }
    } else {
        list.iter().for_each(|anchor| take(number(anchor)));
    }
}
