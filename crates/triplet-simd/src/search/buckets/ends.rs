//! What needs no sorting: the ends of the candidates' range.

use crate::{
    cpu::isa::Element,
    inlined::zip,
    lanes::{Lanes, MAX_LEN},
};
use triplet_core::{Real, real::Key};

type KeyOf<L> = <<L as Lanes>::Real as Real>::Key;

/// The answers that need no sorting.
#[derive(Clone, Copy)]
pub(super) struct Ends<T: Element> {
    /// The least key.
    pub(super) least: T::Key,
    /// The candidate that has it.
    pub(super) first: T::Candidate,
    /// No threshold above it has an answer.
    pub(super) high: T::Key,
    /// The nearest candidate at or above it.
    pub(super) top: T::Candidate,
}

impl<T: Element> Ends<T> {
    /// The answer for a threshold below all candidates or above them.
    #[inline(always)]
    pub(super) fn beside(&self, threshold: T::Key) -> Option<T::Candidate> {
        if threshold <= self.least {
            Some(self.first)
        } else if threshold > self.high {
            Some(T::NO_CANDIDATE)
        } else {
            None
        }
    }
}

/// The least and the most of some keys, masked ones aside.
#[inline(always)]
pub(super) fn extremes<L: Lanes>(lanes: L, keys: &[KeyOf<L>]) -> (KeyOf<L>, KeyOf<L>) {
    let mut least = lanes.splat_key(Key::MASKED);
    let mut most = least;
    for keys in keys.chunks_exact(L::LEN) {
        let keys = lanes.load_keys(keys);
        least = lanes.min_unsigned(least, keys);
        // Masked keys are negative as signed integers, below every distance.
        most = lanes.max_signed(most, keys);
    }
    let mut lanes_of_most = [Key::MASKED; MAX_LEN];
    lanes.store_keys(&mut lanes_of_most, most);
    let most = lanes_of_most[..L::LEN].iter().copied().filter(|&key| key != Key::MASKED).max();
    (lanes.smallest(least), most.unwrap_or(Key::MASKED))
}

/// The smallest candidate at or above a threshold that one of them reaches.
#[inline(always)]
pub(super) fn smallest<L: Lanes>(
    lanes: L,
    keys: &[KeyOf<L>],
    ids: &[KeyOf<L>],
    threshold: KeyOf<L>,
) -> <L::Real as Element>::Candidate
where
    L::Real: Element,
{
    let thresholds = lanes.splat_key(threshold);
    let mut least = lanes.splat_key(Key::MASKED);
    for keys in keys.chunks_exact(L::LEN) {
        least = lanes.min_unsigned(least, lanes.sub_keys(lanes.load_keys(keys), thresholds));
    }
    let smallest = lanes.smallest(least).wrapping_add(threshold);
    L::Real::pack_candidate(smallest, row_of(lanes, keys, ids, smallest).to_row())
}

/// The lowest row of those that have a key.
#[inline(always)]
pub(super) fn row_of<L: Lanes>(lanes: L, keys: &[KeyOf<L>], ids: &[KeyOf<L>], key: KeyOf<L>) -> KeyOf<L> {
    let wanted = lanes.splat_key(key);
    let mut row = lanes.splat_key(Key::SIGNED_MAX);
    for (keys, ids) in zip(keys.chunks_exact(L::LEN), ids.chunks_exact(L::LEN)) {
        let ids = lanes.min_unsigned(row, lanes.load_keys(ids));
        row = lanes.select(lanes.equal(lanes.load_keys(keys), wanted), ids, row);
    }
    lanes.smallest(row)
}
