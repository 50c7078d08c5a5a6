//! Rows grouped by label: the order in which every backend walks a batch.

use core::ops::Range;

/// The rows of a batch sorted by label, stably: classes are contiguous, and within
/// a class the original indices ascend. A *position* is a place in that order.
///
/// Labels matter only through equality: renaming them permutes the classes, and
/// no result depends on the order of classes.
#[derive(Debug, Clone, Default)]
pub struct Classes {
    /// Original row at each position.
    order: Vec<u32>,
    /// First position of each class, then the number of rows.
    starts: Vec<u32>,
    /// Class at each position.
    class: Vec<u32>,
    /// First slot of each class when every ordered positive pair has one.
    pair_starts: Vec<u64>,
    /// `(label, row)`, kept so that rebuilding does not allocate.
    keys: Vec<(i64, u32)>,
}

impl Classes {
    /// Groups the rows that bear these labels, reusing what is allocated.
    pub fn rebuild(&mut self, labels: &[i64]) {
        self.keys.clear();
        self.keys.extend(labels.iter().zip(0u32..).map(|(&label, row)| (label, row)));
        // Pairs differ, so the unstable sort (which needs no memory) is stable here.
        self.keys.sort_unstable();
        self.order.clear();
        self.order.extend(self.keys.iter().map(|&(_, row)| row));
        self.starts.clear();
        self.class.clear();
        self.pair_starts.clear();
        let mut pairs = 0;
        let mut position = 0u32;
        for members in self.keys.chunk_by(|a, b| a.0 == b.0) {
            let class = self.starts.len() as u32;
            self.starts.push(position);
            self.pair_starts.push(pairs);
            self.class.extend(members.iter().map(|_| class));
            let size = members.len() as u64;
            position += size as u32;
            pairs += size * (size - 1);
        }
        self.starts.push(position);
        self.pair_starts.push(pairs);
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

    /// Ordered pairs of distinct rows that share a label, `N`.
    #[must_use]
    pub fn positive_pairs(&self) -> u64 {
        self.pair_starts.last().copied().unwrap_or(0)
    }

    /// Original rows by position.
    #[must_use]
    pub fn order(&self) -> &[u32] {
        &self.order
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

    /// The slots of an anchor's ordered positive pairs: one a positive, ascending.
    #[inline]
    #[must_use]
    pub fn pair_slots(&self, position: usize) -> Range<usize> {
        let span = self.span(position);
        let positives = span.len() - 1;
        let first =
            self.pair_starts[self.class[position] as usize] as usize + (position - span.start) * positives;
        first..first + positives
    }

    /// The slot of the ordered pair of two positions of one class, `anchor != positive`.
    #[inline]
    #[must_use]
    pub fn pair_slot(&self, anchor: usize, positive: usize) -> usize {
        let rank = positive - self.span(anchor).start;
        self.pair_slots(anchor).start + rank - usize::from(positive > anchor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_keep_the_original_order_and_every_pair_has_its_slot() {
        let mut classes = Classes::default();
        classes.rebuild(&[5, -1, 5, i64::MAX, -1, 5]);
        assert_eq!(classes.order(), [1, 4, 0, 2, 5, 3]);
        assert_eq!(classes.count(), 3);
        assert_eq!(classes.positive_pairs(), 2 + 6);
        let mut slots = Vec::new();
        for anchor in 0..classes.rows() {
            for positive in classes.span(anchor).filter(|&p| p != anchor) {
                slots.push(classes.pair_slot(anchor, positive));
                assert!(classes.pair_slots(anchor).contains(slots.last().unwrap()));
            }
        }
        assert_eq!(slots, (0..8).collect::<Vec<_>>());
    }

    #[test]
    fn an_empty_batch_has_no_class() {
        let mut classes = Classes::default();
        classes.rebuild(&[]);
        assert_eq!((classes.count(), classes.positive_pairs()), (0, 0));
    }
}
