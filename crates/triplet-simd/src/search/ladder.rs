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
    /// Rungs ascending: the floor, and its slot counted from the anchor's first.
    rungs: Vec<(T::Key, u32)>,
    /// What each slice says at a glance.
    slices: Vec<Slice<T::Key>>,
    /// The best candidate of each rung; the first place is for those below all rungs.
    best: Vec<T::Candidate>,
    cut: Cut<T>,
    places: Vec<T::Key>,
}

/// The rungs of one slice.
#[derive(Debug, Clone, Copy, Default)]
struct Slice<K> {
    /// The lowest of its floors, or one that nothing reaches.
    lowest: K,
    /// Twice the number of rungs below the slice, plus 1 if it has more than one itself.
    below: u32,
}

/// How a distance is turned into the number of its slice.
#[derive(Debug, Clone, Copy)]
struct Cut<T> {
    lowest: T,
    scale: T,
    last: T,
}

impl<T: Element> Default for Ladder<T> {
    fn default() -> Self {
        Self {
            rungs: Vec::new(),
            slices: Vec::new(),
            best: Vec::new(),
            cut: Cut { lowest: T::ZERO, scale: T::ZERO, last: T::ZERO },
            places: Vec::new(),
        }
    }
}

/// Bytes that a ladder of this many rungs keeps in the cache.
pub(crate) fn bytes<T: Element>(rungs: usize) -> usize {
    rungs
        * (size_of::<(T::Key, u32)>()
            + SLICES_PER_RUNG * size_of::<Slice<T::Key>>()
            + size_of::<T::Candidate>())
}

impl<T: Element> Ladder<T> {
    /// Builds the ladder of an anchor from the floors of its slots.
    #[inline(always)]
    pub(crate) fn build<L: Lanes<Real = T>>(&mut self, lanes: L, floors: &[T::Key]) {
        let count = floors.len();
        let slices = (count * SLICES_PER_RUNG).max(1);
        self.cut = Cut::of(floors, slices);
        self.places.clear();
        self.places.resize(count.next_multiple_of(L::LEN), T::Key::ZERO);
        for (place, &floor) in self.places.iter_mut().zip(floors) {
            *place = finite::<T>(floor).key();
        }
        for places in self.places.chunks_exact_mut(L::LEN) {
            let numbers = self.cut.slices(lanes, lanes.load_keys(places));
            lanes.store_keys(places, numbers);
        }
        let places = &self.places[..count];

        // Counting sort by slice; `below` is where each slice's next rung goes.
        self.slices.clear();
        self.slices.resize(slices, Slice { lowest: Key::MASKED, below: 0 });
        for place in places {
            self.slices[place.to_row() as usize].below += 1;
        }
        let mut start = 0;
        for slice in &mut self.slices {
            start += core::mem::replace(&mut slice.below, start);
        }
        self.rungs.clear();
        self.rungs.resize(count, (T::Key::ZERO, 0));
        for (slot, (&floor, place)) in floors.iter().zip(places).enumerate() {
            let next = &mut self.slices[place.to_row() as usize].below;
            self.rungs[*next as usize] = (floor, slot as u32);
            *next += 1;
        }
        // Each is now the end of its slice: sort within, and note what there is.
        let mut start = 0;
        for slice in &mut self.slices {
            let end = slice.below;
            let rungs = &mut self.rungs[start as usize..end as usize];
            if rungs.len() > 1 {
                rungs.sort_unstable();
            }
            let lowest = rungs.first().map_or(Key::MASKED, |&(floor, _)| floor);
            *slice = Slice { lowest, below: 2 * start + u32::from(rungs.len() > 1) };
            start = end;
        }
        self.best.clear();
        self.best.resize(count + 1, T::NOBODY);
    }

    /// Places candidates, given by keys and original rows. Masked keys do no harm: no
    /// distance is as large. `places` is scratch as long as `keys`.
    #[inline(always)]
    pub(crate) fn place<L: Lanes<Real = T>>(
        &mut self,
        lanes: L,
        keys: &[KeyOf<L>],
        ids: &[KeyOf<L>],
        places: &mut [KeyOf<L>],
    ) {
        if self.rungs.is_empty() {
            return;
        }
        for (keys, places) in keys.chunks_exact(L::LEN).zip(places.chunks_exact_mut(L::LEN)) {
            lanes.store_keys(places, self.cut.slices(lanes, lanes.load_keys(keys)));
        }
        let (rungs, slices, best) = (self.rungs.as_slice(), self.slices.as_slice(), self.best.as_mut_slice());
        for ((&key, &id), place) in keys.iter().zip(ids).zip(&*places) {
            let slice = slices[place.to_row() as usize];
            let mut rung = (slice.below >> 1) as usize + usize::from(slice.lowest <= key);
            if slice.below & 1 == 1 {
                // A slice of several rungs, one in ten: count those below.
                rung = rank(rungs, (slice.below >> 1) as usize, key);
            }
            let place = &mut best[rung];
            *place = (*place).min(T::candidate(key, id.to_row()));
        }
    }

    /// Calls `take(slot, nearest)` for each slot: its key and row, if any candidate
    /// reached its floor.
    pub(crate) fn answers(&self, mut take: impl FnMut(usize, Option<(T::Key, u32)>)) {
        let mut nearest = None;
        for (rung, &(_, slot)) in self.rungs.iter().enumerate().rev() {
            let (key, row) = T::parts(self.best[rung + 1]);
            if key < T::Key::END {
                nearest = Some((key, row));
            }
            take(slot as usize, nearest);
        }
    }
}

/// Rungs at or below a key, which has at least `from` of them: a few steps up, and
/// by halving if there are more.
#[inline(always)]
fn rank<K: Key>(rungs: &[(K, u32)], from: usize, key: K) -> usize {
    let above = &rungs[from..];
    match above.iter().take(4).position(|&(floor, _)| floor > key) {
        Some(steps) => from + steps,
        None => from + above.partition_point(|&(floor, _)| floor <= key),
    }
}

/// A floor's value; the largest there is for one that nothing reaches.
fn finite<T: Real>(floor: T::Key) -> T {
    if floor < T::Key::END { T::from_key(floor) } else { T::from_f64(T::MAX_FINITE) }
}

impl<T: Real> Cut<T> {
    /// Cuts the range of some floors.
    fn of(floors: &[T::Key], slices: usize) -> Self {
        let range = floors.iter().fold((T::Key::MASKED, T::Key::ZERO), |(l, h), &f| (l.min(f), h.max(f)));
        let (lowest, highest) = (finite::<T>(range.0), finite::<T>(range.1));
        let last = T::from_f64((slices - 1) as f64);
        let span = highest - lowest;
        let scale = if span > T::ZERO { last / span } else { T::ZERO };
        Self { lowest, scale: if scale.is_finite() { scale } else { T::from_f64(T::MAX_FINITE) }, last }
    }

    /// `round(min(max0((d - lowest) scale), last))`, each step monotone; 0 for a
    /// masked key, whose float is NaN.
    #[inline(always)]
    fn slices<L: Lanes<Real = T>>(self, lanes: L, keys: L::Keys) -> L::Keys {
        let above = lanes.sub(lanes.floats(keys), lanes.splat(self.lowest));
        let scaled = lanes.max0(lanes.mul(above, lanes.splat(self.scale)));
        let last = lanes.splat(self.last);
        let capped = lanes.sub(last, lanes.max0(lanes.sub(last, scaled)));
        // Adding 1 / epsilon leaves the whole number in the low bits.
        let shift = lanes.splat(T::from_f64(1.0 / T::EPSILON));
        lanes.sub_keys(lanes.keys(lanes.add(capped, shift)), lanes.keys(shift))
    }
}
