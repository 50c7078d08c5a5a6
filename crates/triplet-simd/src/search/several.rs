//! The candidates of a threshold where more than one are kept.

use triplet_core::{real::Key, rule::nearer};

/// For each threshold of a panel's anchors, candidates as excess and row: those that may be among the nearest, in any
/// order, fewer than twice as many as are kept.
#[derive(Debug)]
pub(crate) struct Several<K: Key> {
    keep: usize,
    lists: Vec<Vec<(K, K)>>,
}

impl<K: Key> Default for Several<K> {
    fn default() -> Self {
        Self { keep: 1, lists: Vec::new() }
    }
}

impl<K: Key> Several<K> {
    /// Makes room for so many thresholds, where more than one candidate is kept.
    pub(super) fn resize(&mut self, thresholds: usize, keep: usize) {
        self.keep = keep;
        if keep > 1 && self.lists.len() < thresholds {
            self.lists.resize_with(thresholds, Vec::new);
        }
    }

    /// Candidates that are kept of each threshold.
    pub(crate) fn keep(&self) -> usize {
        self.keep
    }

    /// Whether more than one is kept.
    #[inline(always)]
    pub(crate) fn is_several(&self) -> bool {
        self.keep > 1
    }

    /// Forgets all.
    pub(super) fn clear(&mut self) {
        self.lists.iter_mut().for_each(Vec::clear);
    }

    /// Takes a candidate that is nearer than the bound. Whether the bound became nearer, behind which nothing can be
    /// among the nearest. Not inlined: searches that keep one candidate would have fewer registers.
    #[inline(never)]
    pub(super) fn take(&mut self, place: usize, candidate: (K, K), bound: (&mut K, &mut K)) -> bool {
        let list = &mut self.lists[place];
        list.push(candidate);
        if list.len() < 2 * self.keep {
            return false;
        }
        let last = cut(list, self.keep);
        let is_nearer = nearer(last, (*bound.0, *bound.1));
        if is_nearer {
            (*bound.0, *bound.1) = last;
        }
        is_nearer
    }

    /// The candidates of a threshold that may be among the nearest.
    pub(super) fn of(&self, place: usize) -> &[(K, K)] {
        &self.lists[place]
    }

    /// Becomes these candidates of a threshold, at most as many as are kept; the farthest, if they are as many.
    pub(super) fn set(&mut self, place: usize, candidates: impl Iterator<Item = (K, K)>) -> Option<(K, K)> {
        let list = &mut self.lists[place];
        list.clear();
        list.extend(candidates);
        (list.len() >= self.keep).then(|| cut(list, self.keep))
    }

    /// The nearest of a threshold, nearest first.
    pub(super) fn sorted(&mut self, place: usize) -> &[(K, K)] {
        let list = &mut self.lists[place];
        if list.len() > self.keep {
            cut(list, self.keep);
        }
        list.sort_unstable();
        list
    }
}

/// Drops all but the nearest; the last of these.
fn cut<K: Key>(list: &mut Vec<(K, K)>, keep: usize) -> (K, K) {
    let (_, &mut last, _) = list.select_nth_unstable(keep - 1);
    list.truncate(keep);
    last
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_are_kept_and_the_bound_is_the_last_of_them() {
        let mut several = Several::default();
        several.resize(2, 3);
        let (mut excess, mut row) = (100_u32, 7_u32);
        for candidate in [(9, 1), (4, 2), (8, 3), (4, 9), (50, 4)] {
            assert!(!several.take(1, candidate, (&mut excess, &mut row)));
        }
        assert!(several.take(1, (8, 2), (&mut excess, &mut row)));
        assert_eq!((excess, row, several.of(1).len()), (8, 2, 3));
        several.take(1, (5, 5), (&mut excess, &mut row));
        assert_eq!(several.sorted(1), [(4, 2), (4, 9), (5, 5)]);
        assert!(several.sorted(0).is_empty());
        assert_eq!(several.set(0, [(3, 3), (1, 1), (2, 2)].into_iter()), Some((3, 3)));
        assert_eq!(several.set(0, [(3, 3)].into_iter()), None);
    }
}
