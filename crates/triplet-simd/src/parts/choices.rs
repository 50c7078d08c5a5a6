//! The choices of a window of rows: for each, the anchors that chose it; or, of a row that was chosen more often
//! than there are rows, how often each did.

use super::passes::next;
use crate::{gradient::Listed, memory::reserve_exact};
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
    pub(super) list: ChoiceList<'a>,
    pub(super) rows: usize,
}

/// The list of a window.
#[derive(Clone, Copy)]
pub(super) enum ChoiceList<'a> {
    /// Of the first window: the anchor of each choice in the lower half of a number.
    Appended(&'a [u32]),
    /// Of the others: anchors, or how often each chose the row.
    Short(&'a [AtomicU16]),
    /// The same of many rows.
    Long(&'a [AtomicU32]),
}

impl<'a> From<Listed<'a>> for ChoiceList<'a> {
    fn from(list: Listed<'a>) -> Self {
        match list {
            Listed::Short(list) => Self::Short(list),
            Listed::Long(list) => Self::Long(list),
        }
    }
}

/// Numbers that a row takes in the list.
pub(super) fn numbers(chosen: &AtomicU32, rows: usize) -> usize {
    (chosen.load(Relaxed) as usize).min(rows)
}

/// Where each position of a window starts in its list, and as often where its first choice goes.
pub(super) fn list_starts(
    positions: &Range<usize>,
    starts: &mut Vec<u32>,
    next: &mut Vec<AtomicU32>,
    numbers: impl Fn(usize) -> usize,
) -> usize {
    starts.clear();
    reserve_exact(starts, positions.len() + 1);
    let mut total = 0;
    starts.push(0);
    for position in positions.clone() {
        total += numbers(position);
        starts.push(total as u32);
    }
    next.clear();
    reserve_exact(next, positions.len());
    next.extend(starts[..positions.len()].iter().map(|&start| AtomicU32::new(start)));
    total
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
            let range = self.range(position);
            match self.list {
                ChoiceList::Appended(_) => {}
                ChoiceList::Short(list) => list[range].iter().for_each(|count| count.store(0, Relaxed)),
                ChoiceList::Long(list) => list[range].iter().for_each(|count| count.store(0, Relaxed)),
            }
        }
    }

    /// Lists a choice of a position of the window.
    #[inline(always)]
    pub(super) fn push(&self, position: usize, anchor: u32, several: bool) {
        let place = position - self.positions.start;
        // One thread has the anchor.
        let counted = self.is_counted(position);
        let at =
            if counted { self.starts[place] + anchor } else { next(&self.next[place], several) } as usize;
        match self.list {
            // Those are appended before anyone knows their place.
            ChoiceList::Appended(_) => {}
            ChoiceList::Short(list) if counted => list[at].store(list[at].load(Relaxed) + 1, Relaxed),
            ChoiceList::Short(list) => list[at].store(anchor as u16, Relaxed),
            ChoiceList::Long(list) if counted => list[at].store(list[at].load(Relaxed) + 1, Relaxed),
            ChoiceList::Long(list) => list[at].store(anchor, Relaxed),
        }
    }

    /// Calls `take(anchor)` for every choice of a position of the window.
    #[inline(always)]
    pub(super) fn of(&self, position: usize, mut take: impl FnMut(u32)) {
        let (range, counted) = (self.range(position), self.is_counted(position));
        match self.list {
            ChoiceList::Appended(list) => list[range].iter().for_each(|choice| take(choice & 0xffff)),
            ChoiceList::Short(list) => visit(&list[range], counted, short, take),
            ChoiceList::Long(list) => visit(&list[range], counted, long, take),
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
