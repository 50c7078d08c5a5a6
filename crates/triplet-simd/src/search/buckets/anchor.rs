//! The thresholds of an anchor of a large class, and the nearest candidates found for them.

use super::WINDOW;
use crate::{cpu::isa::Element, memory::reserve_exact};
use triplet_core::{
    Problem,
    real::Key,
    terms::TripletCounts,
    triplets::{AnchorBuffers, AnchorTriplets},
};

/// The thresholds of one anchor, and what was found for them so far.
#[derive(Debug)]
pub(crate) struct Anchor<T: Element> {
    /// Distances of its positives.
    pub(crate) positives: Vec<T>,
    /// Its thresholds, then some that nothing reaches, up to a whole vector.
    pub(super) thresholds: Vec<T::Key>,
    /// The lowest and highest threshold that a distance can reach.
    pub(super) range: Option<(T::Key, T::Key)>,
    /// Where to look for each of them.
    pub(super) buckets: Vec<T::Key>,
    /// The nearest candidate for each threshold.
    pub(crate) nearest: Vec<T::Candidate>,
    /// Key and row of the farthest candidate.
    pub(crate) far: (T::Key, T::Key),
    /// Its triplets, where nothing else keeps them.
    pub(crate) found: AnchorBuffers,
}

/// What was found for an anchor's thresholds, to be written as its triplets.
pub(crate) struct Answers<'a, T: Element> {
    pub(crate) positives: &'a [T],
    pub(crate) nearest: &'a [T::Candidate],
    pub(crate) far: (T::Key, T::Key),
}

impl<T: Element> Answers<'_, T> {
    /// Writes the triplets and evaluates them; `negatives` is memory for their distances.
    pub(crate) fn write(
        self,
        problem: &Problem<'_, T>,
        out: AnchorTriplets<'_, T>,
        negatives: &mut Vec<T>,
    ) -> TripletCounts {
        let Self { positives, nearest, far: (far, farthest) } = self;
        let fallback = (far != Key::MASKED).then(|| T::pack_candidate(far, farthest.to_row()));
        negatives.clear();
        if let Some(farthest) = fallback {
            negatives.extend(nearest.iter().zip(&mut *out.negatives).map(|(&nearest, negative)| {
                let (key, row) =
                    T::unpack_candidate(if nearest == T::NO_CANDIDATE { farthest } else { nearest });
                *negative = row;
                T::from_key(key)
            }));
        } else {
            negatives.extend(positives.iter().zip(&mut *out.negatives).map(|(&positive, negative)| {
                let (row, distance) = problem.missing_negative(positive);
                *negative = row;
                distance
            }));
        }
        if !out.positive_distances.is_empty() {
            out.positive_distances.copy_from_slice(positives);
            out.negative_distances.copy_from_slice(negatives);
        }
        out.evaluate_terms_with(problem, positives, negatives)
    }
}

impl<T: Element> Default for Anchor<T> {
    fn default() -> Self {
        Self {
            positives: Vec::new(),
            thresholds: Vec::new(),
            buckets: Vec::new(),
            range: None,
            nearest: Vec::new(),
            far: (Key::MASKED, Key::SIGNED_MAX),
            found: AnchorBuffers::default(),
        }
    }
}

impl<T: Element> Anchor<T> {
    /// Makes room for so many positives, and no more.
    pub(crate) fn reserve(&mut self, positives: usize) {
        let padded = positives.next_multiple_of(WINDOW);
        reserve_exact(&mut self.positives, positives);
        reserve_exact(&mut self.thresholds, padded);
        reserve_exact(&mut self.buckets, padded);
        reserve_exact(&mut self.nearest, positives);
        reserve_exact(&mut self.found.negatives, positives);
        reserve_exact(&mut self.found.has_gradient, positives.div_ceil(64));
    }

    /// Sets the threshold of each positive, and forgets what was found.
    #[inline(always)]
    pub(crate) fn set_thresholds(&mut self, threshold: impl Fn(T) -> T::Key) {
        self.thresholds.clear();
        self.thresholds.extend(self.positives.iter().map(|&positive| threshold(positive)));
        self.nearest.clear();
        self.nearest.resize(self.thresholds.len(), T::NO_CANDIDATE);
        // Selections without branches, which compile to vectors.
        let (mut lowest, mut highest) = (T::Key::END, T::Key::ZERO);
        for &threshold in &self.thresholds {
            lowest = if threshold < lowest { threshold } else { lowest };
            let reachable = if threshold < Key::END { threshold } else { Key::ZERO };
            highest = if reachable > highest { reachable } else { highest };
        }
        self.range = (lowest < Key::END).then_some((lowest, highest));
        self.thresholds.resize(self.thresholds.len().next_multiple_of(WINDOW), Key::UNREACHABLE);
        self.far = (Key::MASKED, Key::SIGNED_MAX);
    }
}
