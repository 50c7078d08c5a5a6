//! The best candidates of the anchors of one panel.

use super::several::Several;
use crate::{gram::aligned::Aligned, screening::Windows};
use triplet_core::{
    real::Key,
    rule::{farther, nearer},
};

/// The best candidates for every threshold of a panel's anchors, among those that were looked at.
#[derive(Debug, Default)]
pub(crate) struct Best<K: Key> {
    /// Smallest excess over each threshold, slot by slot, a panel of lanes each.
    pub(crate) excess: Aligned<K>,
    /// The row that has it.
    pub(crate) nearest_row: Aligned<K>,
    /// Largest key of each anchor, unmasked.
    pub(crate) far: Aligned<K>,
    /// The row that has it.
    pub(crate) farthest_row: Aligned<K>,
    /// Rows that the panel's columns were compared with.
    pub(crate) seen: u32,
    /// For screening: what may still be better.
    pub(crate) windows: Windows,
    /// Where more than one candidate is kept of a threshold: those, of which the excess above is that of the last.
    several: Several<K>,
}

/// The anchors of a panel: their thresholds, and the best candidates so far.
pub(crate) struct Anchors<'a, K: Key> {
    pub(crate) slots: usize,
    pub(crate) thresholds: &'a [K],
    pub(crate) excess: &'a mut [K],
    pub(crate) nearest_row: &'a mut [K],
    pub(crate) far: &'a mut [K],
    pub(super) farthest_row: &'a mut [K],
    pub(super) seen: &'a mut u32,
    pub(super) several: &'a mut Several<K>,
}

impl<K: Key> Best<K> {
    /// Makes room for a panel's anchors with so many thresholds each; the contents are unspecified.
    pub(crate) fn resize(&mut self, panel: usize, slots: usize) {
        self.excess.resize(slots * panel);
        self.nearest_row.resize(slots * panel);
        self.far.resize(panel);
        self.farthest_row.resize(panel);
        self.several.resize(slots * panel, 1);
    }

    /// From now on keeps so many candidates of each threshold; those that were kept are forgotten.
    pub(crate) fn keep(&mut self, candidates: usize) {
        self.several.resize(self.excess.len(), candidates);
        self.several.clear();
    }

    /// Forgets everything. An excess starts at the largest one of a finite
    /// distance, so that a masked key never equals it.
    #[inline(always)]
    pub(crate) fn reset(&mut self, thresholds: &[K]) {
        for (excess, &threshold) in self.excess.iter_mut().zip(thresholds) {
            *excess = unreached(threshold);
        }
        self.nearest_row.fill(K::SIGNED_MAX);
        self.far.fill(K::MASKED);
        self.farthest_row.fill(K::SIGNED_MAX);
        self.seen = 0;
        self.several.clear();
    }

    /// Starts a threshold from candidates that were found before, nearest first, as keys and rows, and takes others up to
    /// a key alone. A threshold above that is not reached by any.
    pub(crate) fn resume(
        &mut self,
        place: usize,
        (threshold, limit): (K, K),
        found: impl Iterator<Item = (K, u32)>,
    ) {
        let mut found = found.map(|(key, row)| (key.wrapping_sub(threshold), K::from_row(row)));
        let last = if self.several.is_several() { self.several.set(place, found) } else { found.next() };
        (self.excess[place], self.nearest_row[place]) = match last {
            Some(last) => last,
            None if limit.next() == K::END => (unreached(threshold), K::SIGNED_MAX),
            None => (limit.wrapping_sub(threshold), K::SIGNED_MAX),
        };
    }

    /// Whether the candidates of a threshold have a bound that was found: as many as are kept, or fewer.
    pub(crate) fn is_found(&self, place: usize) -> bool {
        self.nearest_row[place] != K::SIGNED_MAX
    }

    /// Starts an anchor's farthest candidate from one that was found before.
    pub(crate) fn resume_farthest(&mut self, anchor: usize, (key, row): (K, u32)) {
        (self.far[anchor], self.farthest_row[anchor]) = (key, K::from_row(row));
    }

    /// What was found for a threshold, nearest first: keys and rows.
    pub(crate) fn all_nearest(&mut self, place: usize, threshold: K) -> impl Iterator<Item = (K, u32)> + '_ {
        let one = if self.several.is_several() { None } else { self.nearest(place, threshold) };
        let several = if self.several.is_several() { self.several.sorted(place) } else { &[] };
        let several =
            several.iter().map(move |&(excess, row)| (excess.wrapping_add(threshold), row.to_row()));
        one.into_iter().chain(several)
    }

    /// Becomes a copy of as many.
    #[inline(always)]
    pub(crate) fn copy(&mut self, other: &Self) {
        self.excess.copy_from_slice(&other.excess);
        self.nearest_row.copy_from_slice(&other.nearest_row);
        self.far.copy_from_slice(&other.far);
        self.farthest_row.copy_from_slice(&other.farthest_row);
        self.seen = other.seen;
        // What is found from here on is listed here, and goes to the other when they are merged.
        self.several.resize(self.excess.len(), other.several.keep());
        self.several.clear();
        self.windows.forget();
    }

    /// Takes over what is better among the candidates of a copy that went its own way. Nothing is written
    /// where nothing is better: other workers' caches keep what they have.
    #[inline(always)]
    pub(crate) fn merge(&mut self, other: &Self) {
        if self.several.is_several() {
            self.merge_several(other);
        } else {
            self.merge_nearest(other);
        }
        for i in 0..self.far.len() {
            if other.far[i] != K::MASKED {
                self.offer_farthest(i, other.far[i], other.farthest_row[i]);
            }
        }
        if self.seen < other.seen {
            self.seen = other.seen;
        }
    }

    fn merge_several(&mut self, other: &Self) {
        for place in 0..self.excess.len() {
            for &(excess, row) in other.several.of(place) {
                self.offer_excess(place, (excess, row));
            }
        }
    }

    #[inline(always)]
    fn merge_nearest(&mut self, other: &Self) {
        let len = self.excess.len();
        let (excess, row) = (&mut self.excess[..len], &mut self.nearest_row[..len]);
        let (other_excess, other_row) = (&other.excess[..len], &other.nearest_row[..len]);
        let mut any = false;
        for i in 0..len {
            any |= nearer((other_excess[i], other_row[i]), (excess[i], row[i]));
        }
        if any {
            for i in 0..len {
                if nearer((other_excess[i], other_row[i]), (excess[i], row[i])) {
                    (excess[i], row[i]) = (other_excess[i], other_row[i]);
                }
            }
        }
    }

    /// What a search compares with and writes to.
    #[inline(always)]
    pub(crate) fn anchors<'a>(&'a mut self, slots: usize, thresholds: &'a [K]) -> Anchors<'a, K> {
        let Self { excess, nearest_row, far, farthest_row, seen, windows, several } = self;
        windows.forget();
        Anchors { slots, thresholds, excess, nearest_row, far, farthest_row, seen, several }
    }

    /// Takes a candidate for a threshold, if it is better. Whether others have to be nearer than before now.
    #[inline(always)]
    pub(crate) fn offer(&mut self, place: usize, threshold: K, key: K, row: K) -> bool {
        self.offer_excess(place, (key.wrapping_sub(threshold), row))
    }

    #[inline(always)]
    fn offer_excess(&mut self, place: usize, candidate: (K, K)) -> bool {
        let bound = (&mut self.excess[place], &mut self.nearest_row[place]);
        offer(candidate, place, bound, &mut self.several)
    }

    /// Takes a candidate as an anchor's farthest, if it is.
    #[inline(always)]
    pub(crate) fn offer_farthest(&mut self, anchor: usize, key: K, row: K) -> bool {
        let kept = (self.far[anchor], self.farthest_row[anchor]);
        let better = kept.0 == K::MASKED || farther((key, row), kept);
        if better {
            (self.far[anchor], self.farthest_row[anchor]) = (key, row);
        }
        better
    }

    /// What was found for a threshold of an anchor: the key and the row. Nothing if no candidate reaches it.
    pub(crate) fn nearest(&self, index: usize, threshold: K) -> Option<(K, u32)> {
        let row = self.nearest_row[index];
        (row != K::SIGNED_MAX).then(|| (self.excess[index].wrapping_add(threshold), row.to_row()))
    }

    /// What an anchor takes for a threshold: what was found for it, else its farthest candidate.
    pub(crate) fn chosen(&self, index: usize, threshold: K, anchor: usize) -> Option<(K, u32)> {
        self.nearest(index, threshold).or_else(|| self.farthest(anchor))
    }

    /// The farthest candidate of an anchor: its key and row.
    pub(crate) fn farthest(&self, anchor: usize) -> Option<(K, u32)> {
        let key = self.far[anchor];
        (key != K::MASKED).then(|| (key, self.farthest_row[anchor].to_row()))
    }
}

impl<K: Key> Anchors<'_, K> {
    /// Takes a candidate for a threshold, by its excess, if it is better. Whether others have to be nearer than before now.
    #[inline(always)]
    pub(super) fn offer(&mut self, place: usize, candidate: (K, K)) -> bool {
        let bound = (&mut self.excess[place], &mut self.nearest_row[place]);
        offer(candidate, place, bound, self.several)
    }
}

#[inline(always)]
fn offer<K: Key>(candidate: (K, K), place: usize, bound: (&mut K, &mut K), several: &mut Several<K>) -> bool {
    if !nearer(candidate, (*bound.0, *bound.1)) {
        return false;
    }
    if several.is_several() {
        return several.take(place, candidate, bound);
    }
    (*bound.0, *bound.1) = candidate;
    true
}

/// The excess of a threshold that nothing has reached.
fn unreached<K: Key>(threshold: K) -> K {
    if threshold == K::UNREACHABLE { K::ZERO } else { K::SIGNED_MAX.wrapping_sub(threshold) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: u32 = i32::MAX as u32;

    fn best(excess: &[u32], nearest_row: &[u32], far: (u32, u32), seen: u32) -> Best<u32> {
        let mut best = Best::default();
        best.resize(1, excess.len());
        best.excess.copy_from_slice(excess);
        best.nearest_row.copy_from_slice(nearest_row);
        (best.far[0], best.farthest_row[0], best.seen) = (far.0, far.1, seen);
        best
    }

    #[test]
    fn of_two_candidates_the_better_one_is_kept_whichever_comes_first() {
        let masked = (<u32 as Key>::MASKED, NONE);
        // Smaller; as large, of a lower and of a higher row; larger; found by one of them only.
        let (excess, rows) = ([5, 5, 5, 5, 90], [7, 7, 7, 7, NONE]);
        let (others, other_rows) = ([4, 5, 5, 6, 90], [9, 6, 8, 1, 3]);
        for (far, other_far, farthest) in [
            ((5, 2), (6, 9), (6, 9)),
            ((5, 2), (5, 1), (5, 1)),
            (masked, (1, 4), (1, 4)),
            (masked, masked, masked),
        ] {
            let [first, second] = [best(&excess, &rows, far, 48), best(&others, &other_rows, other_far, 96)];
            for (to, from) in [(&first, &second), (&second, &first)] {
                let mut merged = best(&[0; 5], &[0; 5], (0, 0), 0);
                merged.copy(to);
                merged.merge(from);
                assert_eq!(
                    (&merged.excess[..], &merged.nearest_row[..]),
                    (&[4, 5, 5, 5, 90][..], &[9, 6, 7, 7, 3][..])
                );
                assert_eq!(
                    (merged.far[0], merged.farthest_row[0], merged.seen),
                    (farthest.0, farthest.1, 96)
                );
            }
        }
    }

    #[test]
    fn nothing_is_found_after_a_reset() {
        let mut best = best(&[5, 5], &[7, 7], (6, 9), 48);
        best.reset(&[10, Key::UNREACHABLE]);
        assert_eq!(
            (best.nearest(0, 10), best.nearest(1, Key::UNREACHABLE), best.farthest(0)),
            (None, None, None)
        );
        assert_eq!((best.excess[0], best.excess[1], best.seen), (NONE - 10, 0, 0));
        best.nearest_row[0] = 3;
        assert_eq!(best.nearest(0, 10), Some((NONE, 3)));
    }
}
