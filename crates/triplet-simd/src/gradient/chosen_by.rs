//! Choices turned round: for each row, the anchors that chose it as their negative.
//!
//! A counting sort by chosen row, cut into parts by anchor that threads take one by one.
//! Rows are listed a window at a time, as many as memory may be spent on.

use super::{
    list::{List, Listed},
    source::Mined,
};
use crate::executor::{Executor, run_parts};
use core::{
    ops::Range,
    sync::atomic::{AtomicU32, Ordering::Relaxed},
};
use triplet_core::{Problem, Real};

/// Slots from which on several threads turn them round.
const SHARED_FROM: usize = 1 << 14;

/// Choices listed at a time, 2 or 4 bytes each (for L2 some of 8), unless the caller sets a lower limit.
pub const MOST_LISTED_CHOICES: usize = 1 << 26;
/// Choices that are always listed together, unless the caller's limit is lower.
const LISTED_TOGETHER: usize = 1 << 20;
/// Of more choices, listed by their anchors alone, the bytes that are spent on five triplets: less than six a
/// triplet with negatives and flags. So a few windows list them.
const BYTES_A_FIVE: usize = 9;

/// Memory behind [`Choices`], kept so that later calls allocate nothing.
#[derive(Debug)]
pub(crate) struct ChoiceBuffers {
    /// For each part and row: how often the part chose the row; once the row is listed,
    /// where the part's next choice of it goes. Each part writes to numbers of its own.
    next: Vec<AtomicU32>,
    /// Where each row of the window starts in the list, and the end.
    starts: Vec<u32>,
    /// The list.
    listed: List,
    parts: usize,
    /// Choices listed at a time, where one is listed by one number.
    most_listed: usize,
}

impl Default for ChoiceBuffers {
    fn default() -> Self {
        Self {
            next: Vec::new(),
            starts: Vec::new(),
            listed: List::default(),
            parts: 0,
            most_listed: MOST_LISTED_CHOICES,
        }
    }
}

/// The choices of a window of rows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Choices<'a> {
    first: u32,
    starts: &'a [u32],
    words: usize,
    /// `None` if the window is one row that was chosen too often to be listed.
    listed: Option<Listed<'a>>,
}

/// Numbers that a choice is listed by: its anchor, and its slot where a distance is looked up by it. The
/// slot of an anchor's only triplet follows from the anchor.
fn words_per_choice<T: Real>(mined: Mined<'_, T>) -> usize {
    let problem = mined.problem;
    let needs_slot = problem.distance().needs_pair_distance() && mined.keeps_distances;
    if needs_slot && !problem.rule().one_per_anchor() { 2 } else { 1 }
}

impl ChoiceBuffers {
    /// Counts every choice.
    fn count<T: Real>(&mut self, mined: Mined<'_, T>, executor: &dyn Executor) {
        let problem = mined.problem;
        let (rows, slots) = (problem.anchors().len(), problem.slots().count());
        // A count must fit its number.
        self.parts = parts(executor.threads(), rows, slots);
        self.next.resize_with(self.parts * rows, AtomicU32::default);
        let (next, parts) = (&self.next, self.parts);
        run_parts(executor, parts, &|part| {
            let next = &next[part * rows..][..rows];
            next.iter().for_each(|count| count.store(0, Relaxed));
            mined.for_each_choice(anchors(problem, part, parts), |_, _, row| {
                let count = &next[row as usize];
                // Only this part writes here: the addition need not be atomic.
                count.store(count.load(Relaxed) + 1, Relaxed);
            });
        });
    }

    /// Lists at most so many choices at a time from now on.
    pub(crate) fn limit_listed_choices(&mut self, most: usize) {
        self.most_listed = most;
    }

    /// How many are.
    pub(crate) fn listed_choices(&self) -> usize {
        self.most_listed
    }

    /// Calls `work` with a limit of its own.
    pub(crate) fn list_at_most(&mut self, most: usize, work: impl FnOnce(&mut Self)) {
        let usual = core::mem::replace(&mut self.most_listed, most);
        work(self);
        self.most_listed = usual;
    }

    /// Bytes of the list for the triplets of a problem, where choices are listed by their anchors alone.
    pub(crate) fn listed_bytes<T: Real>(&self, problem: &Problem<'_, T>) -> usize {
        let bytes = List::bytes_a_number(problem.anchors().len());
        self.most_by_anchor(problem.slots().count(), bytes).min(problem.slots().count()).saturating_mul(bytes)
    }

    /// How many of the choices of so many slots are listed at a time, by numbers of so many bytes.
    fn most_by_anchor(&self, slots: usize, bytes: usize) -> usize {
        let share = slots.saturating_mul(BYTES_A_FIVE) / (5 * bytes);
        self.most_listed.min(share.max(LISTED_TOGETHER))
    }

    /// How often a row that is not listed yet was chosen.
    fn chosen(&self, row: usize, rows: usize) -> usize {
        (0..self.parts).map(|part| self.next[part * rows + row].load(Relaxed) as usize).sum()
    }

    /// Lists the next of the wanted rows; the window and its choices.
    fn list<T: Real>(
        &mut self,
        mined: Mined<'_, T>,
        executor: &dyn Executor,
        wanted: Range<usize>,
    ) -> (Range<usize>, Choices<'_>) {
        let first = wanted.start;
        let problem = mined.problem;
        let rows = problem.anchors().len();
        let words = words_per_choice(mined);
        let numbers = List::bytes_a_number(rows);
        let most = match words {
            1 => self.most_by_anchor(problem.slots().count(), numbers),
            // The limit is one of memory.
            _ => self.most_listed / words,
        };
        self.starts.clear();
        self.starts.push(0);
        let mut total = 0;
        let mut end = first;
        while end < wanted.end {
            let chosen = self.chosen(end, rows);
            if total + chosen > most {
                break;
            }
            for part in 0..self.parts {
                let next = &self.next[part * rows + end];
                let chosen = next.load(Relaxed);
                next.store(total as u32, Relaxed);
                total += chosen as usize;
            }
            self.starts.push(total as u32);
            end += 1;
        }
        if end == first {
            // More than can be listed chose this one row.
            let window = first..first + 1;
            return (window, Choices { first: first as u32, starts: &self.starts, words, listed: None });
        }
        let (next, parts) = (&self.next, self.parts);
        let window = first as u32..end as u32;
        let order = problem.classes().order();
        let listed = self.listed.resize(total * words, if words == 1 { numbers } else { 4 });
        run_parts(executor, parts, &|part| {
            let next = &next[part * rows..][..rows];
            let place = |row: u32| {
                let place = &next[row as usize];
                let at = place.load(Relaxed);
                place.store(at + 1, Relaxed);
                at as usize
            };
            mined.for_each_choice(anchors(problem, part, parts), |position, slot, row| {
                if !window.contains(&row) {
                    return;
                }
                let anchor = order[position];
                match listed {
                    Listed::Short(list) => list[place(row)].store(anchor as u16, Relaxed),
                    Listed::Long(list) if words == 1 => list[place(row)].store(anchor, Relaxed),
                    Listed::Long(list) => {
                        let choice = &list[2 * place(row)..][..2];
                        choice[0].store(anchor, Relaxed);
                        choice[1].store(slot as u32, Relaxed);
                    }
                }
            });
        });
        (first..end, Choices { first: first as u32, starts: &self.starts, words, listed: Some(listed) })
    }

    /// Calls `window` with consecutive windows of the wanted rows and their choices.
    pub(crate) fn windows<T: Real>(
        &mut self,
        mined: Mined<'_, T>,
        executor: &dyn Executor,
        wanted: Range<usize>,
        mut window: impl FnMut(Range<usize>, Choices<'_>),
    ) {
        self.count(mined, executor);
        let mut next = wanted.start;
        while next < wanted.end {
            let (rows, choices) = self.list(mined, executor, next..wanted.end);
            next = rows.end;
            window(rows, choices);
        }
    }
}

impl Choices<'_> {
    /// Calls `take(anchor, slot)` for every choice of a row; the slot is 0 where nothing is looked up
    /// by it.
    #[inline(always)]
    pub(crate) fn of<T: Real>(&self, mined: Mined<'_, T>, row: u32, mut take: impl FnMut(u32, usize)) {
        let classes = mined.problem.classes();
        let Some(listed) = self.listed else {
            return mined.for_each_choice(0..classes.rows(), |position, slot, chosen| {
                if chosen == row {
                    take(classes.order()[position], slot);
                }
            });
        };
        let place = (row - self.first) as usize;
        let numbers = self.starts[place] as usize * self.words..self.starts[place + 1] as usize * self.words;
        let one_per_anchor = mined.problem.rule().one_per_anchor();
        let slot = |anchor: u32| {
            if one_per_anchor { classes.positions()[anchor as usize] as usize } else { 0 }
        };
        match listed {
            Listed::Short(list) => {
                for anchor in &list[numbers] {
                    let anchor = u32::from(anchor.load(Relaxed));
                    take(anchor, slot(anchor));
                }
            }
            Listed::Long(list) if self.words == 2 => {
                for choice in list[numbers].chunks_exact(2) {
                    take(choice[0].load(Relaxed), choice[1].load(Relaxed) as usize);
                }
            }
            Listed::Long(list) => {
                for anchor in &list[numbers] {
                    let anchor = anchor.load(Relaxed);
                    take(anchor, slot(anchor));
                }
            }
        }
    }
}

/// Into how many parts so many slots are cut. Every part has a number for every row, which one thread goes
/// through: more parts than a row has slots would take longer than they save.
fn parts(threads: usize, rows: usize, slots: usize) -> usize {
    let least = (slots >> 31) + 1;
    if slots < SHARED_FROM { 1 } else { threads.min(slots / rows).max(least) }
}

/// The anchors of a part: about as many slots in each.
fn anchors<T: Real>(problem: &Problem<'_, T>, part: usize, parts: usize) -> Range<usize> {
    let (rows, slots) = (problem.anchors().len(), problem.slots().count());
    let bound = |part: usize| {
        if part == parts {
            return rows;
        }
        // Slots ascend with positions.
        let slot = slots / parts * part;
        let (mut low, mut high) = (0, rows);
        while low < high {
            let middle = usize::midpoint(low, high);
            if problem.slots().of(middle).start < slot { low = middle + 1 } else { high = middle }
        }
        low
    };
    bound(part)..bound(part + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_have_more_slots_than_rows_to_count() {
        // 8 rows a class: 7 slots a row. 64 rows a class: 63.
        assert_eq!([1, 2, 16].map(|threads| parts(threads, 8192, 7 * 8192)), [1, 2, 7]);
        assert_eq!([2, 16, 64].map(|threads| parts(threads, 8192, 63 * 8192)), [2, 16, 63]);
        // Few slots; one a row; more than a count can hold.
        assert_eq!([parts(16, 512, 7 * 512), parts(16, 1 << 15, 1 << 15)], [1, 1]);
        assert_eq!(parts(1, 1 << 20, 5 << 31), 6);
    }
}
