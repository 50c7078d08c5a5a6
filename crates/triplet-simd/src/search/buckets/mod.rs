//! The search for anchors with many positives: sort candidates coarsely, once.
//!
//! With `P` thresholds an anchor, comparing every candidate with every one of them
//! costs `P` a candidate. Instead the range of the thresholds is divided into equal buckets and
//! the candidates are put in order of bucket by a counting sort. The nearest candidate at
//! or above a threshold is then among the few from the start of the threshold's bucket on: a
//! vector or two to compare.
//!
//! A bucket's number comes from a chain of rounded operations, each of them monotone, so
//! a candidate of a lower bucket is surely smaller than one of a higher bucket.

mod anchor;
mod bucket_map;
mod ends;
mod sorted;
#[cfg(test)]
mod tests;

pub(crate) use anchor::{Anchor, Answers};

use crate::{cpu::isa::Element, gram::aligned::Aligned, lanes::Lanes};
use bucket_map::BucketMap;
use ends::{Ends, extremes, row_of, smallest};
use sorted::{Lookup, Sorted};
use triplet_core::{Real, real::Key, rule::farther};

type KeyOf<L> = <<L as Lanes>::Real as Real>::Key;

/// Candidates for each bucket, were they spread evenly.
const CANDIDATES_PER_BUCKET: usize = 4;
/// Sorted candidates compared at a time.
const WINDOW: usize = 16;

/// The candidates of one anchor in order of bucket. Kept from anchor to anchor.
#[derive(Debug)]
pub(crate) struct Buckets<T: Element> {
    /// Bucket of each candidate; later, where the window of each threshold starts.
    places: Aligned<T::Key>,
    /// The first key found for each threshold.
    found: Aligned<T::Key>,
    /// Where each bucket starts.
    starts: Vec<u32>,
    /// Keys in that order, then a window of masked ones.
    keys: Aligned<T::Key>,
    /// Their original rows.
    ids: Aligned<T::Key>,
}

impl<T: Element> Default for Buckets<T> {
    fn default() -> Self {
        Self {
            places: Aligned::default(),
            found: Aligned::default(),
            starts: Vec::new(),
            keys: Aligned::default(),
            ids: Aligned::default(),
        }
    }
}

impl<T: Element> Buckets<T> {
    /// Offers candidates, given by keys and original rows, to an anchor.
    #[inline(always)]
    pub(crate) fn search<L: Lanes<Real = T>>(
        &mut self,
        lanes: L,
        keys: &[KeyOf<L>],
        ids: &[KeyOf<L>],
        anchor: &mut Anchor<T>,
    ) {
        let (least, most) = extremes(lanes, keys);
        if most == Key::MASKED {
            return;
        }
        if anchor.far.0 == Key::MASKED || most >= anchor.far.0 {
            let candidate = (most, row_of(lanes, keys, ids, most));
            if anchor.far.0 == Key::MASKED || farther(candidate, anchor.far) {
                anchor.far = candidate;
            }
        }
        let Some((lowest, highest)) = anchor.range else { return };
        if lowest > most {
            return;
        }
        // Floors up to the least candidate all take that one, and those above the most
        // none; in between, no threshold is beyond `high`.
        let first = if lowest <= least { smallest(lanes, keys, ids, Key::ZERO) } else { T::NO_CANDIDATE };
        let high = highest.min(most);
        let top = if high > least { smallest(lanes, keys, ids, high) } else { first };
        let ends = Ends { least, first, high, top };
        match BucketMap::new(lowest.max(least), high, keys.len()) {
            None => {
                for (nearest, &threshold) in anchor.nearest.iter_mut().zip(&anchor.thresholds) {
                    *nearest = (*nearest).min(ends.beside(threshold).unwrap_or(top));
                }
            }
            Some(map) => {
                self.sort(lanes, map, keys, ids);
                self.answer(lanes, map, ends, anchor);
            }
        }
    }

    /// Counting sort by bucket.
    #[inline(always)]
    fn sort<L: Lanes<Real = T>>(&mut self, lanes: L, map: BucketMap<T>, keys: &[KeyOf<L>], ids: &[KeyOf<L>]) {
        let count = keys.len();
        self.places.resize(count);
        self.keys.resize(count + WINDOW);
        self.ids.resize(count + WINDOW);
        self.keys[count..].fill(Key::MASKED);
        self.ids[count..].fill(Key::SIGNED_MAX);
        // Starts are two places ahead while counted, one while candidates are placed.
        self.starts.clear();
        self.starts.resize(map.count + 2, 0);
        // Plain buckets: the loops below must not look their addresses up again.
        let (places, starts) = (&mut self.places[..], &mut self.starts[..]);
        let (sorted, matching) = (&mut self.keys[..count], &mut self.ids[..count]);
        map.all_buckets(lanes, keys, places);
        for place in &*places {
            starts[place.to_row() as usize + 2] += 1;
        }
        let mut total = 0;
        for start in &mut starts[2..] {
            total += *start;
            *start = total;
        }
        for ((&key, &id), place) in keys.iter().zip(ids).zip(&*places) {
            let next = &mut starts[place.to_row() as usize + 1];
            let at = *next as usize;
            *next += 1;
            sorted[at] = key;
            matching[at] = id;
        }
    }

    /// Looks every threshold up: first in one window each, one step for all thresholds before the
    /// next, so that their chains of dependent instructions overlap; then, one by one, those that
    /// the window does not settle.
    #[inline(always)]
    fn answer<L: Lanes<Real = T>>(
        &mut self,
        lanes: L,
        map: BucketMap<T>,
        ends: Ends<T>,
        anchor: &mut Anchor<T>,
    ) {
        const { assert!(WINDOW.is_multiple_of(L::LEN)) };
        let Self { places, found, starts, keys, ids } = self;
        let thresholds = &anchor.thresholds[..];
        places.resize(thresholds.len());
        found.resize(thresholds.len());
        map.all_buckets(lanes, thresholds, places);
        for place in &mut **places {
            *place = Key::from_row(starts[place.to_row() as usize]);
        }
        for ((found, place), &threshold) in found.iter_mut().zip(&**places).zip(thresholds) {
            let window = &keys[place.to_row() as usize..][..WINDOW];
            let thresholds = lanes.splat_key(threshold);
            let mut least = lanes.splat_key(Key::MASKED);
            for keys in window.chunks_exact(L::LEN) {
                least = lanes.min_unsigned(least, lanes.sub_keys(lanes.load_keys(keys), thresholds));
            }
            *found = lanes.smallest(least).wrapping_add(threshold);
        }
        // Where the bucket of each one found ends.
        anchor.buckets.resize(thresholds.len(), T::Key::ZERO);
        map.all_buckets(lanes, found, &mut anchor.buckets);
        // The last bucket holds what lies above all thresholds, unless rounding put thresholds
        // there too.
        let last = map.count - 1;
        let end = starts[if map.bucket(ends.high) < last { last } else { map.count }] as usize;
        let sorted = Sorted { map, starts, keys, ids, end };
        let found = found.iter().zip(&**places).zip(&anchor.buckets);
        for ((nearest, &threshold), ((&key, place), bucket)) in
            anchor.nearest.iter_mut().zip(thresholds).zip(found)
        {
            let start = place.to_row() as usize;
            // What is smaller still can only be in the rest of the same bucket.
            let rest = starts[bucket.to_row() as usize + 1] as usize;
            let candidate = match ends.beside(threshold) {
                Some(candidate) => candidate,
                None if key >= threshold && key < Key::END && rest <= start + WINDOW => {
                    sorted.owned(lanes, key, start)
                }
                None => lanes.enter(Lookup { sorted, start, threshold }).unwrap_or(ends.top),
            };
            *nearest = (*nearest).min(candidate);
        }
    }
}
