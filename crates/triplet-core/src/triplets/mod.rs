//! Mined triplets: anchors with their positives and negatives, one triplet a slot.

mod listing;
mod parts;

pub use listing::{Triplet, TripletRows};
pub use parts::{AnchorBuffers, AnchorTriplets, TripletsPart};

use crate::{NO_ROW, Problem, Real, terms::TripletCounts};

/// The triplets of a problem, one a slot (see [`Problem::slots`]), in parallel arrays.
///
/// Distances are *ranking values* (squared for L2). With one slot a positive
/// pair, the positive is implied by the slot and `positives` is empty.
///
/// ```
/// use triplet_core::{
///     Batch, Distance, Engine, NO_ROW, Objective, Problem, ProblemBuffers, Rule, Scalar, Triplet, Triplets,
/// };
/// // Two rows of one class: no anchor has a negative.
/// let batch = Batch::new(&[0.0_f32, 2.0], 1, &[5, 5])?;
/// let objective = Objective { distance: Distance::L2, rule: Rule::SemiHard, margin: 1.0 };
/// let mut buffers = ProblemBuffers::default();
/// let problem = Problem::new(&batch, objective, &mut buffers)?;
/// let mut triplets = Triplets::default();
/// Scalar.mine(&problem, &mut triplets)?;
/// assert_eq!((&triplets.negatives, &triplets.sums), (&vec![NO_ROW; 2], &vec![3.0; 2])); // 1 + 2 - 0
/// assert_eq!(triplets.positive_distances, [4.0, 4.0]); // ranking values
/// assert!(triplets.has_gradient(&problem, 0, 0));
///
/// // One by one, with distances.
/// let expected = Triplet {
///     anchor: 0, positive: Some(1), negative: None, positive_distance: 2.0, negative_distance: 0.0,
/// };
/// assert_eq!(triplets.triplets(&problem).next(), Some(expected));
/// # Ok::<(), triplet_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Triplets<T: Real> {
    /// Original row of each slot's negative; [`NO_ROW`] where the anchor has none.
    pub negatives: Vec<u32>,
    /// Ranking value of anchor and positive; empty unless [`Triplets::keeps_distances`].
    pub positive_distances: Vec<T>,
    /// Ranking value of anchor and negative; likewise.
    pub negative_distances: Vec<T>,
    /// Original row of each anchor's farthest positive, [`NO_ROW`] where it has
    /// none; only for rules with one triplet an anchor.
    pub positives: Vec<u32>,
    /// A flag a slot: whether its triplet has a gradient. See [`crate::slots::Slots::flag_words`].
    pub has_gradient: Vec<u64>,
    /// Sum of the terms of each anchor, by position.
    pub sums: Vec<f64>,
    /// Counts over the batch, filled in by the engine.
    pub counts: TripletCounts,
    most_distances: usize,
    keeps_distances: bool,
    keeps_triplets: bool,
}

impl<T: Real> Default for Triplets<T> {
    /// None yet, and all distances will be kept.
    fn default() -> Self {
        Self::with_most_distances(usize::MAX)
    }
}

impl<T: Real> Triplets<T> {
    /// None yet; the distances of up to so many triplets will be kept, and of more triplets none.
    /// With one triplet an anchor they always are.
    #[must_use]
    pub fn with_most_distances(most_distances: usize) -> Self {
        Self {
            negatives: Vec::new(),
            positive_distances: Vec::new(),
            negative_distances: Vec::new(),
            positives: Vec::new(),
            has_gradient: Vec::new(),
            sums: Vec::new(),
            counts: TripletCounts::default(),
            most_distances,
            keeps_distances: true,
            keeps_triplets: true,
        }
    }

    /// Keeps the distances of up to so many triplets from the next [`Triplets::resize`] on.
    pub fn keep_distances_up_to(&mut self, most_distances: usize) {
        self.most_distances = most_distances;
    }

    /// Of how many triplets the distances will be kept at most.
    #[must_use]
    pub fn most_distances(&self) -> usize {
        self.most_distances
    }

    /// Makes room for the triplets of a problem; the contents are unspecified.
    pub fn resize(&mut self, problem: &Problem<'_, T>) {
        let slots = problem.slots().count();
        self.keeps_distances = self.would_keep_distances(problem);
        self.keeps_triplets = true;
        let kept = if self.keeps_distances { slots } else { 0 };
        self.negatives.resize(slots, NO_ROW);
        self.positive_distances.resize(kept, T::ZERO);
        self.negative_distances.resize(kept, T::ZERO);
        self.positives.resize(if problem.rule().one_per_anchor() { slots } else { 0 }, NO_ROW);
        self.has_gradient.resize(problem.slots().flag_word_count(), 0);
        self.sums.resize(problem.anchors().len(), 0.0);
        if slots == 0 {
            self.sums.fill(0.0);
        }
        self.counts = TripletCounts::default();
    }

    /// Makes room for the sums of a problem's anchors alone, and gives back what else there was: for an
    /// engine that works through the triplets in parts (see [`crate::Engine::run_in_parts`]).
    pub fn resize_sums(&mut self, problem: &Problem<'_, T>) {
        let sums = core::mem::take(&mut self.sums);
        *self = Self {
            sums,
            keeps_distances: false,
            keeps_triplets: false,
            ..Self::with_most_distances(self.most_distances)
        };
        self.sums.clear();
        self.sums.resize(problem.anchors().len(), 0.0);
    }

    /// Forgets the distances, which are then computed again by whoever asks for them; with one triplet an anchor they stay.
    pub fn forget_distances(&mut self, problem: &Problem<'_, T>) {
        if !problem.rule().one_per_anchor() {
            self.positive_distances.clear();
            self.negative_distances.clear();
            self.keeps_distances = false;
        }
    }

    /// Whether the triplets are kept; where not, there are sums and counts alone.
    #[must_use]
    pub fn keeps_triplets(&self) -> bool {
        self.keeps_triplets
    }

    /// Whether the distances of the triplets are kept.
    #[must_use]
    pub fn keeps_distances(&self) -> bool {
        self.keeps_distances
    }

    /// Whether a slot's triplet has a gradient; `rank` counts from the anchor's first slot.
    #[inline]
    #[must_use]
    pub fn has_gradient(&self, problem: &Problem<'_, T>, position: usize, rank: usize) -> bool {
        self.has_gradient[problem.slots().flag_words(position).start + rank / 64] >> (rank % 64) & 1 == 1
    }

    /// Bytes of the triplets of a problem.
    #[must_use]
    pub fn bytes_needed(&self, problem: &Problem<'_, T>) -> usize {
        let slots = problem.slots().count();
        let kept = if self.would_keep_distances(problem) { 2 * size_of::<T>() } else { 0 };
        let positives = if problem.rule().one_per_anchor() { 4 } else { 0 };
        let flags = 8 * problem.slots().flag_word_count();
        slots.saturating_mul(4 + kept + positives).saturating_add(flags + 64 * problem.anchors().len())
    }

    /// Whether the distances of a problem's triplets will be kept.
    #[must_use]
    pub fn would_keep_distances(&self, problem: &Problem<'_, T>) -> bool {
        problem.rule().one_per_anchor() || problem.slots().count() <= self.most_distances
    }
}
