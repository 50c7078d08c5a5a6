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

use crate::{
    aligned::Aligned,
    isa::Element,
    lanes::{Kernel, Lanes},
};
use triplet_core::{Real, real::Key, rule::farther};

type KeyOf<L> = <<L as Lanes>::Real as Real>::Key;

/// Candidates for each slice, were they spread evenly.
const CANDIDATES_PER_SLICE: usize = 4;
/// Sorted candidates compared at a time.
const WINDOW: usize = 16;

/// What one anchor asks for, and what it has been told so far.
#[derive(Debug)]
pub(crate) struct Anchor<T: Element> {
    /// Distances of its positives.
    pub(crate) positives: Vec<T>,
    /// Its floors, then some that nothing reaches, up to a whole vector.
    floors: Vec<T::Key>,
    /// The lowest and highest floor that a distance can reach.
    range: Option<(T::Key, T::Key)>,
    /// Where to look for each of them.
    slices: Vec<T::Key>,
    /// The nearest candidate for each floor.
    pub(crate) nearest: Vec<T::Candidate>,
    /// Key and row of the farthest candidate.
    pub(crate) far: (T::Key, T::Key),
}

impl<T: Element> Default for Anchor<T> {
    fn default() -> Self {
        Self {
            positives: Vec::new(),
            floors: Vec::new(),
            slices: Vec::new(),
            range: None,
            nearest: Vec::new(),
            far: (Key::MASKED, Key::SIGNED_MAX),
        }
    }
}

impl<T: Element> Anchor<T> {
    /// Forgets all answers and asks for the nearest at or above the floor of each positive.
    pub(crate) fn ask(&mut self, floor: impl Fn(T) -> T::Key) {
        self.floors.clear();
        self.floors.extend(self.positives.iter().map(|&positive| floor(positive)));
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
    /// The candidate that has a key, which is in the window from `start` on; the one of
    /// lowest row, if several have it.
    #[inline(always)]
    fn owned<L: Lanes<Real = T>>(&self, lanes: L, key: T::Key, start: usize) -> T::Candidate {
        let wanted = lanes.splat_key(key);
        let (keys, ids) = (&self.keys[start..][..WINDOW], &self.ids[start..][..WINDOW]);
        let mut owners = 0_u32;
        for (keys, bit) in keys.chunks_exact(L::LEN).zip((0..).step_by(L::LEN)) {
            owners |= lanes.bits(lanes.equal(lanes.load_keys(keys), wanted)) << bit;
        }
        let mut owner = ids[owners.trailing_zeros() as usize % WINDOW];
        owners &= owners.wrapping_sub(1);
        while owners != 0 {
            owner = owner.min(ids[owners.trailing_zeros() as usize % WINDOW]);
            owners &= owners - 1;
        }
        T::candidate(key, owner.to_row())
    }
}

/// Finds the smallest sorted candidate before the end that is at or above a floor, from
/// the start of the floor's slice on. Rare, so kept out of the loop.
struct Lookup<'a, T: Element> {
    sorted: Sorted<'a, T>,
    start: usize,
    floor: T::Key,
}

impl<T: Element> Kernel<T> for Lookup<'_, T> {
    type Output = Option<T::Candidate>;
    #[inline(always)]
    fn run<L: Lanes<Real = T>>(self, lanes: L) -> Option<T::Candidate> {
        let Sorted { cut, starts, keys, end: last, .. } = self.sorted;
        let floors = lanes.splat_key(self.floor);
        let excess = |at: usize| lanes.sub_keys(lanes.load_keys(&keys[at..]), floors);
        let mut start = self.start;
        while start < last {
            let mut end = start + L::LEN;
            let mut least = excess(start);
            let smallest = lanes.smallest(least);
            if smallest > T::Key::SIGNED_MAX.wrapping_sub(self.floor) {
                start = end;
                continue;
            }
            let rest = starts[cut.slice(smallest.wrapping_add(self.floor)) + 1] as usize;
            if rest > end && rest > last && last < starts[cut.count] as usize {
                return None;
            }
            while end < rest {
                least = lanes.min_unsigned(least, excess(end));
                end += L::LEN;
            }
            let key = lanes.smallest(least).wrapping_add(self.floor);
            let all = (start..end).step_by(WINDOW).filter(|&at| {
                let same = |at| lanes.any(lanes.equal(lanes.load_keys(&keys[at..]), lanes.splat_key(key)));
                (at..at + WINDOW).step_by(L::LEN).any(same)
            });
            return all.map(|at| self.sorted.owned(lanes, key, at)).min();
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

    /// The slices of whole vectors of keys.
    #[inline(always)]
    fn all_slices<L: Lanes<Real = T>>(self, lanes: L, keys: &[T::Key], slices: &mut [T::Key]) {
        for (keys, slices) in keys.chunks_exact(L::LEN).zip(slices.chunks_exact_mut(L::LEN)) {
            lanes.store_keys(slices, self.slices(lanes, lanes.load_keys(keys)));
        }
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
    L::Real::candidate(smallest, owner(lanes, keys, ids, smallest).to_row())
}

/// The lowest row of those that have a key.
#[inline(always)]
fn owner<L: Lanes>(lanes: L, keys: &[KeyOf<L>], ids: &[KeyOf<L>], key: KeyOf<L>) -> KeyOf<L> {
    let wanted = lanes.splat_key(key);
    let mut owner = lanes.splat_key(Key::SIGNED_MAX);
    for (keys, ids) in keys.chunks_exact(L::LEN).zip(ids.chunks_exact(L::LEN)) {
        let ids = lanes.min_unsigned(owner, lanes.load_keys(ids));
        owner = lanes.select(lanes.equal(lanes.load_keys(keys), wanted), ids, owner);
    }
    lanes.smallest(owner)
}
