//! Rows grouped by label: the order in which every backend walks a batch.

use crate::slots::{SlotStart, list_starts};
use core::ops::Range;

/// The rows of a batch by class: classes are contiguous, in order of first
/// appearance, and within a class the original indices ascend. A *position* is a
/// place in that order.
///
/// Labels matter only through equality: their names change nothing, not even the
/// order of classes. See the example of [`crate::slots::Slots`].
#[derive(Debug, Clone, Default)]
pub struct Classes {
    /// Original row at each position.
    order: Vec<u32>,
    /// Position of each original row.
    positions: Vec<u32>,
    /// First position of each class, then the number of rows.
    starts: Vec<u32>,
    /// Class at each position.
    class: Vec<u32>,
    /// Where the slots and flags of each position start when every ordered positive pair has one.
    pair_starts: Vec<SlotStart>,
    /// Memory of the grouping.
    table: LabelTable,
}

impl Classes {
    /// Groups the rows that bear these labels, reusing what is allocated.
    pub fn rebuild(&mut self, labels: &[i64]) {
        // `positions` holds classes until the sizes are known.
        let count = self.table.number(labels, &mut self.positions);
        self.starts.clear();
        self.starts.resize(count + 1, 0);
        for &class in &self.positions {
            self.starts[class as usize + 1] += 1;
        }
        let sizes = self.starts[1..].iter().map(|&size| size as usize);
        list_starts(sizes.flat_map(|size| core::iter::repeat_n(size - 1, size)), &mut self.pair_starts);
        for class in 0..count {
            self.starts[class + 1] += self.starts[class];
        }
        // Counting sort: each class's start moves along as its rows are placed, and
        // ends where the next one starts.
        self.order.resize(labels.len(), 0);
        self.class.resize(labels.len(), 0);
        for (row, place) in self.positions.iter_mut().enumerate() {
            let class = *place;
            let position = self.starts[class as usize];
            self.starts[class as usize] += 1;
            self.order[position as usize] = row as u32;
            self.class[position as usize] = class;
            *place = position;
        }
        self.starts.rotate_right(1);
        self.starts[0] = 0;
        if let Some(end) = self.starts.last_mut() {
            *end = labels.len() as u32;
        }
    }

    /// Number of rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.order.len()
    }

    /// Number of distinct labels.
    #[must_use]
    pub fn count(&self) -> usize {
        self.starts.len().saturating_sub(1)
    }

    /// Rows of the largest class; 0 for none.
    #[must_use]
    pub fn largest(&self) -> usize {
        self.starts.windows(2).map(|ends| (ends[1] - ends[0]) as usize).max().unwrap_or(0)
    }

    /// Ordered pairs of distinct rows that share a label, `N`.
    #[must_use]
    pub fn positive_pairs(&self) -> u64 {
        self.pair_starts.last().map_or(0, |end| end.slot as u64)
    }

    /// Original rows by position.
    #[must_use]
    pub fn order(&self) -> &[u32] {
        &self.order
    }

    /// Positions by original row.
    #[must_use]
    pub fn positions(&self) -> &[u32] {
        &self.positions
    }

    /// The class at each position.
    #[must_use]
    pub fn class_of(&self) -> &[u32] {
        &self.class
    }

    /// The positions that share the class of `position`, itself included.
    #[inline]
    #[must_use]
    pub fn span(&self, position: usize) -> Range<usize> {
        self.members(self.class[position] as usize)
    }

    /// The positions of a class.
    #[inline]
    #[must_use]
    pub fn members(&self, class: usize) -> Range<usize> {
        self.starts[class] as usize..self.starts[class + 1] as usize
    }

    /// Where the slots of each position start when every ordered positive pair has one, positives ascending;
    /// and the end.
    #[inline]
    pub(crate) fn pair_starts(&self) -> &[SlotStart] {
        &self.pair_starts
    }
}

/// Numbers labels in order of first appearance: an open-addressing hash table.
#[derive(Debug, Clone, Default)]
struct LabelTable {
    /// Class by slot, `EMPTY` where there is none.
    slots: Vec<u32>,
    /// Label of each class.
    labels: Vec<i64>,
}

const EMPTY: u32 = u32::MAX;

impl LabelTable {
    /// Writes each row's class; returns how many there are.
    fn number(&mut self, labels: &[i64], classes: &mut Vec<u32>) -> usize {
        let bits = (2 * labels.len().max(4)).next_power_of_two().trailing_zeros();
        self.slots.clear();
        self.slots.resize(1 << bits, EMPTY);
        self.labels.clear();
        classes.clear();
        // Labels made to collide would cost a quadratic walk: give up and sort then.
        let mut patience = 16 * labels.len() + 64;
        for &label in labels {
            // Fibonacci hashing of the folded label.
            let folded = (label ^ (label >> 32)) as u64;
            let mut slot = (folded.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - bits)) as usize;
            let class = loop {
                let class = self.slots[slot];
                if class == EMPTY {
                    self.slots[slot] = self.labels.len() as u32;
                    self.labels.push(label);
                    break self.slots[slot];
                }
                if self.labels[class as usize] == label {
                    break class;
                }
                slot = (slot + 1) & ((1 << bits) - 1);
                patience -= 1;
                if patience == 0 {
                    return number_by_sorting(labels, classes);
                }
            };
            classes.push(class);
        }
        self.labels.len()
    }
}

/// The same numbers without a hash table.
fn number_by_sorting(labels: &[i64], classes: &mut Vec<u32>) -> usize {
    let mut keys: Vec<(i64, u32)> = labels.iter().copied().zip(0..).collect();
    keys.sort_unstable();
    // Classes by first row, then numbered in that order.
    let mut groups: Vec<&[(i64, u32)]> = keys.chunk_by(|a, b| a.0 == b.0).collect();
    groups.sort_unstable_by_key(|group| group[0].1);
    classes.clear();
    classes.resize(labels.len(), 0);
    for (group, class) in groups.iter().zip(0..) {
        for &(_, row) in *group {
            classes[row as usize] = class;
        }
    }
    groups.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::slots::Slots;

    #[test]
    fn groups_keep_the_original_order_and_every_pair_has_its_slot() {
        let mut classes = Classes::default();
        classes.rebuild(&[5, -1, 5, i64::MAX, -1, 5]);
        assert_eq!(classes.order(), [0, 2, 5, 1, 4, 3]);
        assert_eq!(classes.positions(), [0, 3, 1, 5, 4, 2]);
        assert_eq!(classes.members(1), 3..5);
        assert_eq!(classes.count(), 3);
        assert_eq!(classes.positive_pairs(), 2 + 6);
        let slots = Slots::PerPair(&classes);
        let of: Vec<_> = (0..classes.rows()).map(|position| slots.of(position)).collect();
        assert_eq!(of, [0..2, 2..4, 4..6, 6..7, 7..8, 8..8]);
    }

    /// Labels whose folded values times the multiplier of the hash are given numbers, in their order;
    /// numbers that no label has are left out.
    fn labels_with_hashes(hashes: impl Iterator<Item = u64>) -> impl Iterator<Item = i64> {
        let multiplier = 0x9e37_79b9_7f4a_7c15_u64;
        let inverse = (0..5).fold(multiplier, |inverse, _| {
            inverse.wrapping_mul(2_u64.wrapping_sub(multiplier.wrapping_mul(inverse)))
        });
        let folded = hashes.map(move |hash| hash.wrapping_mul(inverse)).filter(|folded| folded >> 63 == 0);
        folded.map(|folded| (folded ^ folded >> 32) as i64)
    }

    #[test]
    fn labels_that_meet_in_the_last_slot_go_on_in_the_first() {
        let mut labels: Vec<i64> = labels_with_hashes((0..=u64::MAX).rev()).take(3).collect();
        // Found again on the same way.
        labels.push(labels[2]);
        let (mut table, mut numbers) = (LabelTable::default(), Vec::new());
        assert_eq!(table.number(&labels, &mut numbers), 3);
        assert_eq!(numbers, [0, 1, 2, 2]);
        assert_eq!(table.slots, [1, 2, EMPTY, EMPTY, EMPTY, EMPTY, EMPTY, 0]);
    }

    #[test]
    fn labels_made_to_collide_are_numbered_by_sorting() {
        // Every label starts at the first slot, and they come in no order.
        let distinct: Vec<i64> = labels_with_hashes(1..).take(700).collect();
        let labels: Vec<i64> = distinct.iter().copied().chain(distinct.iter().rev().copied()).collect();
        let expected: Vec<u32> = (0..700).chain((0..700).rev()).collect();
        let (mut table, mut numbers) = (LabelTable::default(), Vec::new());
        assert_eq!(table.number(&labels, &mut numbers), 700);
        assert_eq!(numbers, expected);
        // Label n meets n - 1 others: 22366 steps for 212 labels, and the table is given up after
        // 16 * 1400 + 64.
        assert_eq!(table.labels.len(), 212);
        // It has a place for twice as many rows as there are, in a power of two.
        assert_eq!(table.slots.len(), 4096);
        // Labels that do not collide leave none out, and are numbered alike.
        let apart: Vec<i64> = expected.iter().map(|&class| 1000 - i64::from(class)).collect();
        assert_eq!(table.number(&apart, &mut numbers), 700);
        assert_eq!((table.labels.len(), &numbers), (700, &expected));
        assert_eq!(number_by_sorting(&apart, &mut numbers), 700);
        assert_eq!(numbers, expected);
    }

    #[test]
    fn an_empty_batch_has_no_class() {
        let mut classes = Classes::default();
        classes.rebuild(&[]);
        assert_eq!((classes.count(), classes.positive_pairs()), (0, 0));
    }
}
