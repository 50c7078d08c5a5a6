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

use super::rows::resolve_far;
use crate::{aligned::Aligned, isa::Element, lanes::Lanes};
use triplet_core::{Real, real::Key};

type KeyOf<L> = <<L as Lanes>::Real as Real>::Key;

/// Candidates for each slice, were they spread evenly.
const CANDIDATES_PER_SLICE: usize = 4;
/// Sorted candidates compared at a time.
const WINDOW: usize = 16;

/// What one anchor asks for, and what it has been told so far.
#[derive(Debug)]
pub(crate) struct Anchor<T: Element> {
    /// Its floors, then some that nothing reaches, up to a whole vector.
    floors: Vec<T::Key>,
    /// The lowest and highest floor that a distance can reach.
    range: Option<(T::Key, T::Key)>,
    /// The nearest candidate for each floor.
    pub(crate) nearest: Vec<T::Candidate>,
    /// Key and row of the farthest candidate.
    pub(crate) far: (T::Key, T::Key),
}

impl<T: Element> Default for Anchor<T> {
    fn default() -> Self {
        Self {
            floors: Vec::new(),
            range: None,
            nearest: Vec::new(),
            far: (Key::MASKED, Key::SIGNED_MAX),
        }
    }
}

impl<T: Element> Anchor<T> {
    /// Forgets everything and asks for the nearest at or above each of these floors.
    pub(crate) fn ask(&mut self, floors: impl Iterator<Item = T::Key>) {
        self.floors.clear();
        self.floors.extend(floors);
        self.nearest.clear();
        self.nearest.resize(self.floors.len(), T::NOBODY);
        self.range = self.floors.iter().filter(|&&floor| floor < Key::END).fold(None, |range, &floor| {
            let (lowest, highest) = range.unwrap_or((floor, floor));
            Some((floor.min(lowest), floor.max(highest)))
        });
        self.floors.resize(self.floors.len().next_multiple_of(WINDOW), Key::NEVER);
        self.far = (Key::MASKED, Key::SIGNED_MAX);
    }
}

/// The candidates of one anchor in order of slice. Kept from anchor to anchor.
#[derive(Debug)]
pub(crate) struct Buckets<T: Element> {
    /// Slice of each candidate, then of each floor.
    places: Aligned<T::Key>,
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
            starts: Vec::new(),
            keys: Aligned::default(),
            ids: Aligned::default(),
        }
    }
}

impl<T: Element> Buckets<T> {
    /// Bytes that a search among so many candidates keeps in the cache.
    pub(crate) fn bytes(candidates: usize) -> usize {
        candidates * (4 * size_of::<T::Key>() + size_of::<u32>() / CANDIDATES_PER_SLICE)
    }

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
        let (far, farthest) = (&mut anchor.far.0, &mut anchor.far.1);
        if *far == Key::MASKED || most >= *far {
            resolve_far(keys, ids, most, far, farthest);
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
        for (keys, places) in keys.chunks_exact(L::LEN).zip(places.chunks_exact_mut(L::LEN)) {
            lanes.store_keys(places, cut.slices(lanes, lanes.load_keys(keys)));
        }
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

    /// Looks every floor up.
    #[inline(always)]
    fn answer<L: Lanes<Real = T>>(&mut self, lanes: L, cut: Cut<T>, ends: Ends<T>, anchor: &mut Anchor<T>) {
        self.places.resize(anchor.floors.len());
        let vectors = anchor.floors.chunks_exact(L::LEN).zip(self.places.chunks_exact_mut(L::LEN));
        for (floors, places) in vectors {
            lanes.store_keys(places, cut.slices(lanes, lanes.load_keys(floors)));
        }
        // The last slice holds what lies above all floors, unless rounding put floors
        // there too.
        let last = cut.count - 1;
        let end = self.starts[if cut.slice(ends.high) < last { last } else { cut.count }] as usize;
        let sorted = Sorted { cut, starts: &self.starts, keys: &self.keys, ids: &self.ids, end };
        for ((nearest, &floor), place) in anchor.nearest.iter_mut().zip(&anchor.floors).zip(&*self.places) {
            let found = ends.beside(floor).unwrap_or_else(|| {
                sorted.nearest(lanes, place.to_row() as usize, floor).unwrap_or(ends.top)
            });
            *nearest = (*nearest).min(found);
        }
    }
}

/// Candidates in order of slice.
#[derive(Clone, Copy)]
struct Sorted<'a, T: Element> {
    cut: Cut<T>,
    starts: &'a [u32],
    keys: &'a [T::Key],
    ids: &'a [T::Key],
    /// Candidates from here on are above all floors.
    end: usize,
}

impl<T: Element> Sorted<'_, T> {
    /// The smallest candidate before the end that is at or above a floor, which lies in
    /// the given slice.
    #[inline(always)]
    fn nearest<L: Lanes<Real = T>>(self, lanes: L, slice: usize, floor: KeyOf<L>) -> Option<T::Candidate> {
        let floors = lanes.splat_key(floor);
        let excess = |at: usize| lanes.sub_keys(lanes.load_keys(&self.keys[at..]), floors);
        let mut start = self.starts[slice] as usize;
        while start < self.end {
            let mut end = start + WINDOW;
            let mut least = excess(start);
            for at in (start + L::LEN..end).step_by(L::LEN) {
                least = lanes.min_unsigned(least, excess(at));
            }
            let mut smallest = lanes.smallest(least);
            if smallest > T::Key::SIGNED_MAX.wrapping_sub(floor) {
                start = end;
                continue;
            }
            // What is smaller still can only be in the rest of the same slice.
            let rest = self.starts[self.cut.slice(smallest.wrapping_add(floor)) + 1] as usize;
            if rest > end {
                if rest > self.end && self.end < self.starts[self.cut.count] as usize {
                    return None;
                }
                while end < rest {
                    least = lanes.min_unsigned(least, excess(end));
                    end += L::LEN;
                }
                smallest = lanes.smallest(least);
            }
            let wanted = lanes.splat_key(smallest);
            let mut owner = lanes.splat_key(Key::SIGNED_MAX);
            for at in (start..end).step_by(L::LEN) {
                let ids = lanes.min_unsigned(owner, lanes.load_keys(&self.ids[at..]));
                owner = lanes.select(lanes.equal(excess(at), wanted), ids, owner);
            }
            return Some(T::candidate(smallest.wrapping_add(floor), lanes.smallest(owner).to_row()));
        }
        None
    }
}

/// The answers that need no sorting.
#[derive(Clone, Copy)]
struct Ends<T: Element> {
    /// The least key.
    least: T::Key,
    /// The candidate that has it.
    first: T::Candidate,
    /// No floor above it has an answer.
    high: T::Key,
    /// The nearest candidate at or above it.
    top: T::Candidate,
}

impl<T: Element> Ends<T> {
    /// The answer for a floor below all candidates or above them.
    #[inline(always)]
    fn beside(&self, floor: T::Key) -> Option<T::Candidate> {
        if floor <= self.least {
            Some(self.first)
        } else if floor > self.high {
            Some(T::NOBODY)
        } else {
            None
        }
    }
}

/// How a distance is turned into the number of its slice.
#[derive(Debug, Clone, Copy)]
struct Cut<T> {
    base: T,
    scale: T,
    count: usize,
}

impl<T: Element> Cut<T> {
    /// Cuts a range of keys; `None` if there is nothing to cut.
    #[inline(always)]
    fn new(low: T::Key, high: T::Key, candidates: usize) -> Option<Self> {
        if low >= high {
            return None;
        }
        let count = (candidates / CANDIDATES_PER_SLICE).max(8);
        let (low, high) = (T::from_key(low), T::from_key(high));
        let width = (high - low) * T::from_f64(1.0 / (count - 3) as f64);
        let scale = T::ONE / width;
        // Slice 0 is left to what lies below all floors.
        Some(Self {
            base: low - width,
            scale: if scale.is_finite() { scale } else { T::from_f64(T::MAX_FINITE) },
            count,
        })
    }

    /// `min(round(max0(d - base) scale), last)`, each step monotone; 0 for a masked
    /// key, whose float is NaN.
    #[inline(always)]
    fn slices<L: Lanes<Real = T>>(self, lanes: L, keys: L::Keys) -> L::Keys {
        let above = lanes.max0(lanes.sub(lanes.floats(keys), lanes.splat(self.base)));
        // Adding 1 / epsilon leaves the whole number in the low bits.
        let shift = lanes.splat(T::from_f64(1.0 / T::EPSILON));
        let shifted = lanes.add(lanes.mul(above, lanes.splat(self.scale)), shift);
        let last = lanes.splat_key(Key::from_row(self.count as u32 - 1));
        lanes.min_unsigned(lanes.sub_keys(lanes.keys(shifted), lanes.keys(shift)), last)
    }

    /// The same operations for one key.
    #[inline(always)]
    fn slice(self, key: T::Key) -> usize {
        let shift = T::from_f64(1.0 / T::EPSILON);
        let shifted = (T::from_key(key) - self.base).max0() * self.scale + shift;
        (shifted.key().wrapping_sub(shift.key()).to_row() as usize).min(self.count - 1)
    }
}

/// The least and the most of some keys, masked ones aside.
#[inline(always)]
fn extremes<L: Lanes>(lanes: L, keys: &[KeyOf<L>]) -> (KeyOf<L>, KeyOf<L>) {
    let mut least = lanes.splat_key(Key::MASKED);
    let mut most = least;
    for keys in keys.chunks_exact(L::LEN) {
        let keys = lanes.load_keys(keys);
        least = lanes.min_unsigned(least, keys);
        // Masked keys are negative as signed integers, below every distance.
        most = lanes.max_signed(most, keys);
    }
    let mut lanes_of_most = [Key::MASKED; 16];
    lanes.store_keys(&mut lanes_of_most, most);
    let most = lanes_of_most[..L::LEN].iter().copied().filter(|&key| key != Key::MASKED).max();
    (lanes.smallest(least), most.unwrap_or(Key::MASKED))
}

/// The smallest candidate at or above a floor that one of them reaches.
#[inline(always)]
fn smallest<L: Lanes>(
    lanes: L,
    keys: &[KeyOf<L>],
    ids: &[KeyOf<L>],
    floor: KeyOf<L>,
) -> <L::Real as Element>::Candidate
where
    L::Real: Element,
{
    let floors = lanes.splat_key(floor);
    let mut least = lanes.splat_key(Key::MASKED);
    for keys in keys.chunks_exact(L::LEN) {
        least = lanes.min_unsigned(least, lanes.sub_keys(lanes.load_keys(keys), floors));
    }
    let smallest = lanes.smallest(least).wrapping_add(floor);
    let wanted = lanes.splat_key(smallest);
    let mut owner = lanes.splat_key(Key::SIGNED_MAX);
    for (keys, ids) in keys.chunks_exact(L::LEN).zip(ids.chunks_exact(L::LEN)) {
        let ids = lanes.min_unsigned(owner, lanes.load_keys(ids));
        owner = lanes.select(lanes.equal(lanes.load_keys(keys), wanted), ids, owner);
    }
    L::Real::candidate(smallest, lanes.smallest(owner).to_row())
}
