//! The search for anchors with many positives: sort candidates coarsely, once.
//!
//! With `P` thresholds an anchor, comparing every candidate with every one of them
//! costs `P` a candidate. Instead the range of the floors is cut into equal slices and
//! the candidates are put in order of slice by a counting sort. The nearest candidate at
//! or above a floor is then among the few from the start of the floor's slice on: a
//! vector or two to compare.
//!
//! A slice's number comes from a chain of rounded operations, each of them monotone, so
//! a candidate of a lower slice is surely smaller than one of a higher slice.

mod anchor;
mod cut;
mod ends;
mod sorted;

pub(crate) use anchor::Anchor;

use crate::{aligned::Aligned, isa::Element, lanes::Lanes};
use cut::Cut;
use ends::{Ends, extremes, owner, smallest};
use sorted::{Lookup, Sorted};
use triplet_core::{Real, real::Key, rule::farther};

type KeyOf<L> = <<L as Lanes>::Real as Real>::Key;

/// Candidates for each slice, were they spread evenly.
const CANDIDATES_PER_SLICE: usize = 4;
/// Sorted candidates compared at a time.
const WINDOW: usize = 16;

/// The candidates of one anchor in order of slice. Kept from anchor to anchor.
#[derive(Debug)]
pub(crate) struct Buckets<T: Element> {
    /// Slice of each candidate; later, where to look for each floor.
    places: Aligned<T::Key>,
    /// The first key found for each floor.
    found: Aligned<T::Key>,
    /// Where each slice starts.
    starts: Vec<u32>,
    /// Keys in that order, then a window of masked ones.
    keys: Aligned<T::Key>,
    /// Whose they are.
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
            let candidate = (most, owner(lanes, keys, ids, most));
            if anchor.far.0 == Key::MASKED || farther(candidate, anchor.far) {
                anchor.far = candidate;
            }
        }
        let Some((lowest, highest)) = anchor.range else { return };
        if lowest > most {
            return;
        }
        // Floors up to the least candidate all take that one, and those above the most
        // none; in between, no floor is beyond `high`.
        let first = if lowest <= least { smallest(lanes, keys, ids, Key::ZERO) } else { T::NOBODY };
        let high = highest.min(most);
        let top = if high > least { smallest(lanes, keys, ids, high) } else { first };
        let ends = Ends { least, first, high, top };
        match Cut::new(lowest.max(least), high, keys.len()) {
            None => {
                for (nearest, &floor) in anchor.nearest.iter_mut().zip(&anchor.floors) {
                    *nearest = (*nearest).min(ends.beside(floor).unwrap_or(top));
                }
            }
            Some(cut) => {
                self.sort(lanes, cut, keys, ids);
                self.answer(lanes, cut, ends, anchor);
            }
        }
    }

    /// Counting sort by slice.
    #[inline(always)]
    fn sort<L: Lanes<Real = T>>(&mut self, lanes: L, cut: Cut<T>, keys: &[KeyOf<L>], ids: &[KeyOf<L>]) {
        let count = keys.len();
        self.places.resize(count);
        self.keys.resize(count + WINDOW);
        self.ids.resize(count + WINDOW);
        self.keys[count..].fill(Key::MASKED);
        self.ids[count..].fill(Key::SIGNED_MAX);
        // Starts are two places ahead while counted, one while candidates are placed.
        self.starts.clear();
        self.starts.resize(cut.count + 2, 0);
        // Plain slices: the loops below must not look their addresses up again.
        let (places, starts) = (&mut self.places[..], &mut self.starts[..]);
        let (sorted, owners) = (&mut self.keys[..count], &mut self.ids[..count]);
        cut.all_slices(lanes, keys, places);
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
            owners[at] = id;
        }
    }

    /// Looks every floor up: first in one window each, a step at a time for all floors so
    /// that nobody waits for anybody; those whom that does not settle, one by one.
    #[inline(always)]
    fn answer<L: Lanes<Real = T>>(&mut self, lanes: L, cut: Cut<T>, ends: Ends<T>, anchor: &mut Anchor<T>) {
        let Self { places, found, starts, keys, ids } = self;
        let floors = &anchor.floors[..];
        places.resize(floors.len());
        found.resize(floors.len());
        cut.all_slices(lanes, floors, places);
        for place in &mut **places {
            *place = Key::from_row(starts[place.to_row() as usize]);
        }
        for ((found, place), &floor) in found.iter_mut().zip(&**places).zip(floors) {
            let window = &keys[place.to_row() as usize..][..WINDOW];
            let floors = lanes.splat_key(floor);
            let mut least = lanes.splat_key(Key::MASKED);
            for keys in window.chunks_exact(L::LEN) {
                least = lanes.min_unsigned(least, lanes.sub_keys(lanes.load_keys(keys), floors));
            }
            *found = lanes.smallest(least).wrapping_add(floor);
        }
        // Where the slice of each one found ends.
        anchor.slices.resize(floors.len(), T::Key::ZERO);
        cut.all_slices(lanes, found, &mut anchor.slices);
        // The last slice holds what lies above all floors, unless rounding put floors
        // there too.
        let last = cut.count - 1;
        let end = starts[if cut.slice(ends.high) < last { last } else { cut.count }] as usize;
        let sorted = Sorted { cut, starts, keys, ids, end };
        let found = found.iter().zip(&**places).zip(&anchor.slices);
        for ((nearest, &floor), ((&key, place), slice)) in anchor.nearest.iter_mut().zip(floors).zip(found) {
            let start = place.to_row() as usize;
            // What is smaller still can only be in the rest of the same slice.
            let rest = starts[slice.to_row() as usize + 1] as usize;
            let candidate = match ends.beside(floor) {
                Some(candidate) => candidate,
                None if key >= floor && key < Key::END && rest <= start + WINDOW => {
                    sorted.owned(lanes, key, start)
                }
                None => lanes.enter(Lookup { sorted, start, floor }).unwrap_or(ends.top),
            };
            *nearest = (*nearest).min(candidate);
        }
    }
}
