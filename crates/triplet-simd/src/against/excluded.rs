//! The candidates of a run of panels that are none of an anchor's negatives.

use super::Compared;
use crate::{cpu::isa::Element, inlined::from_fn};
use core::ops::Range;
use triplet_core::real::Key;

/// For some anchors of a panel, in two lists each: the next candidate of their label, and the next that is the anchor
/// itself. Candidates are mostly asked for in ascending order.
#[derive(Debug, Default)]
pub(crate) struct Excluded {
    lists: Vec<[Next; 2]>,
    /// The lowest row of all.
    lowest: u32,
    /// The first candidate that was not asked for.
    reached: usize,
}

/// Where a list goes on.
#[derive(Debug, Clone, Copy)]
struct Next {
    /// Its next candidate; past all rows at the end.
    row: u32,
    at: u32,
}

/// The candidates of an anchor's label, and those that are the anchor itself, ascending.
fn lists<'a, T: Element>(compared: &Compared<'a, T>, anchor: usize) -> [&'a [u32]; 2] {
    let Compared { matches, classes, .. } = compared;
    [matches.of_label(anchor, classes), matches.own(anchor)]
}

impl Next {
    fn new(list: &[u32], at: usize) -> Self {
        Self { row: list.get(at).copied().unwrap_or(u32::MAX), at: at as u32 }
    }
}

impl Excluded {
    /// Begins with a candidate, for some anchors.
    pub(crate) fn begin<T: Element>(
        &mut self,
        compared: &Compared<'_, T>,
        anchors: Range<usize>,
        first: usize,
    ) {
        self.reached = first;
        self.lists.clear();
        self.lists.extend(anchors.map(|anchor| {
            let lists = lists(compared, anchor);
            from_fn(|n| Next::new(lists[n], lists[n].partition_point(|&row| (row as usize) < first)))
        }));
        self.find_lowest();
    }

    fn find_lowest(&mut self) {
        self.lowest = self.lists.iter().flatten().map(|next| next.row).min().unwrap_or(u32::MAX);
    }

    /// Masks, in the keys of the anchors with some candidates, those that are no negatives, and padding: `first` is
    /// the first of the anchors, `columns` are the candidates, of which a row of keys has `stride`.
    #[inline(always)]
    pub(crate) fn mask<T: Element>(
        &mut self,
        compared: &Compared<'_, T>,
        first: usize,
        columns: Range<usize>,
        keys: &mut [T::Key],
        stride: usize,
    ) {
        let rows = compared.candidates.layout.rows;
        if columns.end > rows {
            let padding = rows.clamp(columns.start, columns.end) - columns.start..columns.len();
            for keys in keys.chunks_mut(stride).take(self.lists.len()) {
                keys[padding.clone()].fill(Key::MASKED);
            }
        }
        if columns.start < self.reached {
            let anchors = first..first + self.lists.len();
            self.begin(compared, anchors, columns.start);
        }
        self.reached = columns.end;
        if self.lowest as usize >= columns.end {
            return;
        }
        for ((r, next), keys) in self.lists.iter_mut().enumerate().zip(keys.chunks_mut(stride)) {
            for (next, list) in next.iter_mut().zip(lists(compared, first + r)) {
                while (next.row as usize) < columns.end {
                    // Candidates before these may have been left out.
                    if let Some(place) = (next.row as usize).checked_sub(columns.start) {
                        keys[place] = Key::MASKED;
                    }
                    *next = Next::new(list, next.at as usize + 1);
                }
            }
        }
        self.find_lowest();
    }
}
