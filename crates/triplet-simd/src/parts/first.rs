//! The first window of rows, listed while choices are counted, before anyone knows how many there will be.
//!
//! Choices are appended as they come, with the place of their row. Where the list is full, the last rows are left
//! to the next window. In the end the list is put in order of rows, in place.

use super::passes::for_each_choice;
use crate::memory::reserve_exact;
use core::{
    ops::Range,
    sync::atomic::{AtomicU32, AtomicUsize, Ordering::Relaxed},
};
use std::sync::{Mutex, PoisonError};
use triplet_core::{Classes, triplets::AnchorBuffers};

/// Bytes of a choice that is listed before it has its place.
pub(super) const CHOICE_BYTES: usize = 4;
/// Of a window, the rows that are kept when its list is full.
const KEPT: (usize, usize) = (15, 16);

/// Choices of the rows from one position on, `place of the row << 16 | anchor`: both fit in batches whose numbers of
/// rows take two bytes.
pub(super) struct Appended<'a> {
    classes: &'a Classes,
    first: usize,
    end: AtomicUsize,
    list: Mutex<&'a mut Vec<u32>>,
    most: usize,
}

impl<'a> Appended<'a> {
    /// For some positions, and so many choices.
    pub(super) fn new(
        classes: &'a Classes,
        positions: &Range<usize>,
        list: &'a mut Vec<u32>,
        most: usize,
    ) -> Self {
        list.clear();
        reserve_exact(list, most);
        let end = AtomicUsize::new(positions.end);
        Self { classes, first: positions.start, end, list: Mutex::new(list), most }
    }

    /// Appends the choices of an anchor, by way of a worker's buffer.
    pub(super) fn push(&self, anchor: u32, found: &AnchorBuffers, buffer: &mut Vec<u32>) {
        buffer.clear();
        let rows = self.first..self.end.load(Relaxed);
        for_each_choice(found, |chosen| {
            let position = self.classes.positions()[chosen as usize] as usize;
            if rows.contains(&position) {
                buffer.push(((position - self.first) as u32) << 16 | anchor);
            }
        });
        let mut list = self.list.lock().unwrap_or_else(PoisonError::into_inner);
        while list.len() + buffer.len() > self.most {
            // Rows of which a choice is missing go.
            let places = self.end.load(Relaxed) - self.first;
            let places = places * KEPT.0 / KEPT.1;
            self.end.store(self.first + places, Relaxed);
            list.retain(|&choice| (choice >> 16) < places as u32);
            buffer.retain(|&choice| (choice >> 16) < places as u32);
        }
        list.extend_from_slice(buffer);
    }

    /// The positions whose choices are all listed, some of those of the last row excepted that were appended
    /// after it was left out.
    pub(super) fn positions(self) -> Range<usize> {
        let places = self.end.load(Relaxed) - self.first;
        let list = self.list.into_inner().unwrap_or_else(PoisonError::into_inner);
        list.retain(|&choice| (choice >> 16) < places as u32);
        self.first..self.first + places
    }
}

/// Puts choices in order of rows, given where each row starts; `next` are the same starts, and the ends afterwards.
pub(super) fn sort(list: &mut [u32], starts: &[u32], next: &mut [AtomicU32]) {
    for place in 0..next.len() {
        while *next[place].get_mut() < starts[place + 1] {
            let at = *next[place].get_mut() as usize;
            let own = (list[at] >> 16) as usize;
            let goes = next[own].get_mut();
            list.swap(at, *goes as usize);
            *goes += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(negatives: &[u32]) -> AnchorBuffers {
        AnchorBuffers { negatives: negatives.to_vec(), has_gradient: vec![0xffff], sum: 0.0 }
    }

    #[test]
    fn a_full_list_leaves_the_last_rows_out_and_has_all_choices_of_the_others() {
        let mut classes = Classes::default();
        classes.rebuild(&[0; 64]);
        for most in [1000, 320, 100, 7] {
            let (mut list, mut buffer) = (Vec::new(), Vec::new());
            let appended = Appended::new(&classes, &(16..64), &mut list, most);
            for anchor in 0..20 {
                let chosen: Vec<u32> = (0..16).map(|k| (anchor * 7 + k * 3) % 64).collect();
                appended.push(anchor, &found(&chosen), &mut buffer);
            }
            let positions = appended.positions();
            assert_eq!(positions == (16..64), most >= 320, "{most}: {positions:?}");
            let mut expected: Vec<(usize, u32)> = (0..20)
                .flat_map(|anchor| (0..16).map(move |k| ((anchor * 7 + k * 3) as usize % 64, anchor)))
                .filter(|(row, _)| positions.contains(row))
                .collect();
            let mut starts = vec![0; positions.len() + 1];
            for (row, _) in &expected {
                starts[row - 16 + 1] += 1;
            }
            for place in 0..positions.len() {
                starts[place + 1] += starts[place];
            }
            let mut next: Vec<_> =
                starts[..positions.len()].iter().map(|&start| AtomicU32::new(start)).collect();
            sort(&mut list, &starts, &mut next);
            assert!(next.iter_mut().zip(&starts[1..]).all(|(next, start)| next.get_mut() == start));
            let mut listed: Vec<_> =
                list.iter().map(|choice| (16 + (choice >> 16) as usize, choice & 0xffff)).collect();
            // Within a row in any order.
            listed.chunk_by_mut(|a, b| a.0 == b.0).for_each(<[_]>::sort_unstable);
            expected.sort_unstable();
            assert_eq!(listed, expected, "{most}");
        }
    }
}
