//! Candidates in order of bucket, and how to find one.

use super::{WINDOW, bucket_map::BucketMap};
use crate::{
    cpu::isa::Element,
    lanes::{Kernel, Lanes},
};
use triplet_core::real::Key;

/// Candidates in order of bucket.
#[derive(Clone, Copy)]
pub(super) struct Sorted<'a, T: Element> {
    pub(super) map: BucketMap<T>,
    pub(super) starts: &'a [u32],
    pub(super) keys: &'a [T::Key],
    pub(super) ids: &'a [T::Key],
    /// Candidates from here on are above all thresholds.
    pub(super) end: usize,
}

impl<T: Element> Sorted<'_, T> {
    /// The candidate that has a key, which is in the window from `start` on; the one of
    /// lowest row, if several have it.
    #[inline(always)]
    pub(super) fn owned<L: Lanes<Real = T>>(&self, lanes: L, key: T::Key, start: usize) -> T::Candidate {
        let wanted = lanes.splat_key(key);
        let (keys, ids) = (&self.keys[start..][..WINDOW], &self.ids[start..][..WINDOW]);
        let mut matching = 0_u32;
        for (n, keys) in keys.chunks_exact(L::LEN).enumerate() {
            matching |= lanes.bits(lanes.equal(lanes.load_keys(keys), wanted)) << (n * L::LEN);
        }
        let mut row = ids[matching.trailing_zeros() as usize % WINDOW];
        matching &= matching.wrapping_sub(1);
        while matching != 0 {
            row = row.min(ids[matching.trailing_zeros() as usize % WINDOW]);
            matching &= matching - 1;
        }
        T::pack_candidate(key, row.to_row())
    }
}

/// Finds the smallest sorted candidate before the end that is at or above a threshold, from
/// the start of the threshold's bucket on. Rare, so kept out of the loop.
pub(super) struct Lookup<'a, T: Element> {
    pub(super) sorted: Sorted<'a, T>,
    pub(super) start: usize,
    pub(super) threshold: T::Key,
}

impl<T: Element> Kernel<T> for Lookup<'_, T> {
    type Output = Option<T::Candidate>;
    #[inline(always)]
    fn run<L: Lanes<Real = T>>(self, lanes: L) -> Option<T::Candidate> {
        let Sorted { map, starts, keys, end: last, .. } = self.sorted;
        let thresholds = lanes.splat_key(self.threshold);
        let excess = |at: usize| lanes.sub_keys(lanes.load_keys(&keys[at..]), thresholds);
        let mut start = self.start;
        while start < last {
            let mut end = start + L::LEN;
            let mut least = excess(start);
            let smallest = lanes.smallest(least);
            if smallest > T::Key::SIGNED_MAX.wrapping_sub(self.threshold) {
                start = end;
                continue;
            }
            let rest = starts[map.bucket(smallest.wrapping_add(self.threshold)) + 1] as usize;
            if rest > end && rest > last && last < starts[map.count] as usize {
                return None;
            }
            while end < rest {
                least = lanes.min_unsigned(least, excess(end));
                end += L::LEN;
            }
            let key = lanes.smallest(least).wrapping_add(self.threshold);
            let all = (start..end).step_by(WINDOW).filter(|&at| {
                let same = |at| lanes.any(lanes.equal(lanes.load_keys(&keys[at..]), lanes.splat_key(key)));
                (at..at + WINDOW).step_by(L::LEN).any(same)
            });
            return all.map(|at| self.sorted.owned(lanes, key, at)).min();
        }
        None
    }
}
