//! The range of an anchor's thresholds, divided into buckets.

use super::CANDIDATES_PER_BUCKET;
use crate::{cpu::isa::Element, inlined::zip, lanes::Lanes};
use triplet_core::real::Key;

/// How a distance is turned into the number of its bucket.
#[derive(Debug, Clone, Copy)]
pub(super) struct BucketMap<T> {
    pub(super) base: T,
    pub(super) scale: T,
    pub(super) count: usize,
}

impl<T: Element> BucketMap<T> {
    /// Divides a range of keys; `None` if there is nothing to divide.
    #[inline(always)]
    pub(super) fn new(low: T::Key, high: T::Key, candidates: usize) -> Option<Self> {
        if low >= high {
            return None;
        }
        let count = (candidates / CANDIDATES_PER_BUCKET).max(8);
        let (low, high) = (T::from_key(low), T::from_key(high));
        let width = (high - low) * T::from_f64(1.0 / (count - 3) as f64);
        let scale = T::ONE / width;
        // Bucket 0 is left to what lies below all thresholds.
        Some(Self {
            base: low - width,
            scale: if scale.is_finite() { scale } else { T::from_f64(T::MAX_FINITE) },
            count,
        })
    }

    /// `min(round(max0(d - base) scale), last)`, each step monotone; 0 for a masked
    /// key, whose float is NaN.
    #[inline(always)]
    pub(super) fn buckets<L: Lanes<Real = T>>(self, lanes: L, keys: L::Keys) -> L::Keys {
        let above = lanes.max0(lanes.sub(lanes.floats(keys), lanes.splat(self.base)));
        // Adding 1 / epsilon leaves the whole number in the low bits.
        let shift = lanes.splat(T::from_f64(1.0 / T::EPSILON));
        let shifted = lanes.add(lanes.mul(above, lanes.splat(self.scale)), shift);
        let last = lanes.splat_key(Key::from_row(self.count as u32 - 1));
        lanes.min_unsigned(lanes.sub_keys(lanes.keys(shifted), lanes.keys(shift)), last)
    }

    /// The buckets of whole vectors of keys.
    #[inline(always)]
    pub(super) fn all_buckets<L: Lanes<Real = T>>(self, lanes: L, keys: &[T::Key], buckets: &mut [T::Key]) {
        for (keys, buckets) in zip(keys.chunks_exact(L::LEN), buckets.chunks_exact_mut(L::LEN)) {
            lanes.store_keys(buckets, self.buckets(lanes, lanes.load_keys(keys)));
        }
    }

    /// The same operations for one key.
    #[inline(always)]
    pub(super) fn bucket(self, key: T::Key) -> usize {
        let shift = T::from_f64(1.0 / T::EPSILON);
        let shifted = (T::from_key(key) - self.base).max0() * self.scale + shift;
        // Limited before it is narrowed: in f64 the number may need more than 32 bits.
        let last = Key::from_row(self.count as u32 - 1);
        shifted.key().wrapping_sub(shift.key()).min(last).to_row() as usize
    }
}
