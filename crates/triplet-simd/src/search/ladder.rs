//! The search for anchors with many positives: place each candidate once.
//!
//! With `P` thresholds an anchor, comparing every candidate with every one of them
//! costs `P` a candidate. Instead the floors are sorted once, like the rungs of a
//! ladder, and each candidate is kept only by the highest rung at or below it: for
//! lower rungs a candidate of a lower rung is nearer anyway. The answer for a rung is
//! then the best candidate of the lowest rung from it on that has any.
//!
//! The rung is found by a table over equal slices of the floors' range and a few
//! comparisons. Slices come from a chain of rounded operations, each of them monotone,
//! so a floor in a lower slice is surely below a candidate in a higher one.

use crate::{isa::Element, lanes::Lanes};
use triplet_core::{Real, real::Key};

type KeyOf<L> = <<L as Lanes>::Real as Real>::Key;

/// Slices of the table for each rung.
const SLICES_PER_RUNG: usize = 4;

/// One anchor's ladder. `len` rungs; arrays are kept between anchors.
#[derive(Debug)]
pub(crate) struct Ladder<T: Element> {
    /// Floors, ascending, then a rung that nothing reaches.
    floors: Vec<T::Key>,
    /// The slot, counted from the anchor's first, of each rung.
    slots: Vec<u32>,
    /// Rungs below each slice.
    below: Vec<u32>,
    /// The best candidate of each rung; the first place is for those below all rungs.
    best: Vec<T::Candidate>,
    slices: Slices<T>,
    sorted: Vec<(T::Key, u32)>,
    places: Vec<T::Key>,
}

/// How a distance is turned into the number of its slice.
#[derive(Debug, Clone, Copy)]
struct Slices<T> {
    lowest: T,
    scale: T,
    last: T,
}

impl<T: Element> Default for Ladder<T> {
    fn default() -> Self {
        Self {
            floors: Vec::new(),
            slots: Vec::new(),
            below: Vec::new(),
            best: Vec::new(),
            slices: Slices { lowest: T::ZERO, scale: T::ZERO, last: T::ZERO },
            sorted: Vec::new(),
            places: Vec::new(),
        }
    }
}

/// Bytes that a ladder of this many rungs keeps in the cache.
pub(crate) fn bytes<T: Element>(rungs: usize) -> usize {
    rungs * (size_of::<T::Key>() + 4 + 4 * SLICES_PER_RUNG + size_of::<T::Candidate>())
}

impl<T: Element> Ladder<T> {
    /// Builds the ladder of an anchor from the floors of its slots.
    #[inline(always)]
    pub(crate) fn build<L: Lanes<Real = T>>(&mut self, lanes: L, floors: &[T::Key]) {
        let count = floors.len();
        let slices = (count * SLICES_PER_RUNG).max(1);
        let (low, high) =
            floors.iter().fold((T::Key::MASKED, T::Key::ZERO), |(l, h), &f| (l.min(f), h.max(f)));
        // A floor above every finite distance is a rung that nothing reaches.
        let top = T::from_f64(T::MAX_FINITE);
        let value = |key: T::Key| if key < T::Key::END { T::from_key(key) } else { top };
        let last = T::from_f64((slices - 1) as f64);
        let range = value(high) - value(low);
        let scale = if range > T::ZERO { last / range } else { T::ZERO };
        let scale = if scale < top { scale } else { top };
        self.slices = Slices { lowest: value(low), scale, last };

        // Counting sort by slice, then within the slices that hold several.
        self.places.clear();
        self.places.resize(count.next_multiple_of(L::LEN), T::Key::ZERO);
        self.places[..count].copy_from_slice(floors);
        for place in self.places[..count].iter_mut() {
            *place = value(*place).key();
        }
        for places in self.places.chunks_exact_mut(L::LEN) {
            let slice = self.slices.of(lanes, lanes.load_keys(places));
            lanes.store_keys(places, slice);
        }
        self.below.clear();
        self.below.resize(slices + 1, 0);
        for place in &self.places[..count] {
            self.below[place.to_row() as usize + 1] += 1;
        }
        for slice in 0..slices {
            self.below[slice + 1] += self.below[slice];
        }
        self.sorted.clear();
        self.sorted.resize(count, (T::Key::ZERO, 0));
        for (slot, (&floor, place)) in floors.iter().zip(&self.places).enumerate() {
            // Filled from the start of each slice; put back below.
            let next = &mut self.below[place.to_row() as usize];
            self.sorted[*next as usize] = (floor, slot as u32);
            *next += 1;
        }
        let mut start = 0;
        for slice in 0..slices {
            let end = core::mem::replace(&mut self.below[slice], start);
            if end - start > 1 {
                self.sorted[start as usize..end as usize].sort_unstable();
            }
            start = end;
        }
        self.floors.clear();
        self.floors.extend(self.sorted.iter().map(|&(floor, _)| floor));
        // Three of them: the first steps of the search look ahead without asking.
        self.floors.extend([T::Key::MASKED; 3]);
        self.slots.clear();
        self.slots.extend(self.sorted.iter().map(|&(_, slot)| slot));
        self.best.clear();
        self.best.resize(count + 1, T::NOBODY);
    }

    /// Places candidates, given by keys and original rows; masked keys are ignored in
    /// the end, since no distance is as large. `places` is scratch as long as `keys`.
    #[inline(always)]
    pub(crate) fn place<L: Lanes<Real = T>>(
        &mut self,
        lanes: L,
        keys: &[KeyOf<L>],
        ids: &[KeyOf<L>],
        places: &mut [KeyOf<L>],
    ) {
        for (keys, places) in keys.chunks_exact(L::LEN).zip(places.chunks_exact_mut(L::LEN)) {
            lanes.store_keys(places, self.slices.of(lanes, lanes.load_keys(keys)));
        }
        let (floors, best) = (self.floors.as_slice(), self.best.as_mut_slice());
        let rungs = best.len() - 1;
        for ((&key, &id), place) in keys.iter().zip(ids).zip(&*places) {
            let mut rung = self.below[place.to_row() as usize] as usize;
            // Slices hold few rungs: two steps without a branch, the rest by halving.
            rung += usize::from(floors[rung] <= key);
            rung += usize::from(floors[rung] <= key);
            if floors[rung] <= key && rung < rungs {
                rung += floors[rung..rungs].partition_point(|&floor| floor <= key);
            }
            let place = &mut best[rung.min(rungs)];
            *place = (*place).min(T::candidate(key, id.to_row()));
        }
    }

    /// Calls `take(slot, nearest)` for each slot: its key and row, if any candidate
    /// reached its floor.
    pub(crate) fn answers(&self, mut take: impl FnMut(usize, Option<(T::Key, u32)>)) {
        let mut nearest = None;
        for (rung, &slot) in self.slots.iter().enumerate().rev() {
            let (key, row) = T::parts(self.best[rung + 1]);
            if key < T::Key::END {
                nearest = Some((key, row));
            }
            take(slot as usize, nearest);
        }
    }
}

impl<T: Real> Slices<T> {
    /// `round(min(max0((d - lowest) scale), last))`, each step monotone; 0 for a
    /// masked key, whose float is NaN.
    #[inline(always)]
    fn of<L: Lanes<Real = T>>(self, lanes: L, keys: L::Keys) -> L::Keys {
        let above = lanes.sub(lanes.floats(keys), lanes.splat(self.lowest));
        let scaled = lanes.max0(lanes.mul(above, lanes.splat(self.scale)));
        let last = lanes.splat(self.last);
        let capped = lanes.sub(last, lanes.max0(lanes.sub(last, scaled)));
        // Adding 1 / epsilon leaves the whole number in the low bits.
        let shift = lanes.splat(T::from_f64(1.0 / T::EPSILON));
        lanes.sub_keys(lanes.keys(lanes.add(capped, shift)), lanes.keys(shift))
    }
}
