//! Triplets of some anchors, to be written by one thread each.

use super::Triplets;
use crate::{
    NO_ROW, Problem, Real,
    terms::{self, TripletCounts},
};
use core::ops::Range;

/// The part of [`Triplets`] that belongs to consecutive anchors.
///
/// ```
/// use triplet_core::{Batch, Distance, Objective, Problem, ProblemBuffers, Rule, Triplets};
/// let batch = Batch::new(&[0.0_f32, 1.0, 1.5, 3.0], 1, &[0, 0, 1, 2])?;
/// let objective = Objective { distance: Distance::SquaredL2, rule: Rule::SemiHard, margin: 2.0 };
/// let mut buffers = ProblemBuffers::default();
/// let problem = Problem::new(&batch, objective, &mut buffers)?;
/// let mut triplets = Triplets::default();
/// triplets.resize(&problem);
///
/// // Nearest negatives and their ranking values, as a search finds them: rows 2 and 3 have no positive.
/// let found = [(0, 2, 2.25), (1, 3, 4.0)];
/// let mut counts = triplets.counts;
/// // Each part may be filled in by a thread of its own.
/// let parts = triplets.parts(&problem, [0..1, 1..4].into_iter());
/// for (mut part, (position, negative, far)) in parts.zip(found) {
///     assert!(part.positions().contains(&position));
///     let anchor = part.anchor(&problem, position);
///     anchor.negatives[0] = negative;
///     anchor.positive_distances[0] = 1.0;
///     anchor.negative_distances[0] = far;
///     counts += anchor.evaluate_terms(&problem);
/// }
/// assert_eq!((triplets.negatives, counts.violating), (vec![2, 3], 1));
/// # Ok::<(), triplet_core::Error>(())
/// ```
#[derive(Debug)]
pub struct TripletsPart<'m, T> {
    positions: Range<usize>,
    first_slot: usize,
    first_word: usize,
    negatives: &'m mut [u32],
    positive_distances: &'m mut [T],
    negative_distances: &'m mut [T],
    positives: &'m mut [u32],
    has_gradient: &'m mut [u64],
    sums: &'m mut [f64],
}

/// The part of [`Triplets`] that belongs to one anchor; see the example of [`TripletsPart`].
#[derive(Debug)]
pub struct AnchorTriplets<'m, T> {
    /// Its chosen negatives.
    pub negatives: &'m mut [u32],
    /// Ranking values of its positives, if kept.
    pub positive_distances: &'m mut [T],
    /// Ranking values of its negatives, if kept.
    pub negative_distances: &'m mut [T],
    /// Its farthest positive, with one triplet an anchor.
    pub positives: &'m mut [u32],
    has_gradient: &'m mut [u64],
    sum: &'m mut f64,
}

/// The triplets of one anchor, for as long as it is at work: kept by whoever mines it.
///
/// ```
/// use triplet_core::{
///     Batch, Distance, Objective, Problem, ProblemBuffers, Rule, triplets::AnchorBuffers,
/// };
/// let batch = Batch::new(&[0.0_f32, 1.0, 1.5, 3.0], 1, &[0, 0, 1, 2])?;
/// let objective = Objective { distance: Distance::SquaredL2, rule: Rule::SemiHard, margin: 2.0 };
/// let mut buffers = ProblemBuffers::default();
/// let problem = Problem::new(&batch, objective, &mut buffers)?;
/// let mut anchor = AnchorBuffers::default();
/// let place = anchor.resize(&problem, 0);
/// place.negatives[0] = 2;
/// place.evaluate_terms_with(&problem, &[1.0], &[2.25]);
/// assert_eq!((anchor.negatives, anchor.has_gradient, anchor.sum), (vec![2], vec![1], 0.75));
/// # Ok::<(), triplet_core::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct AnchorBuffers {
    /// Its chosen negatives.
    pub negatives: Vec<u32>,
    /// A flag a triplet, as in [`Triplets`].
    pub has_gradient: Vec<u64>,
    /// The sum of its terms.
    pub sum: f64,
}

impl AnchorBuffers {
    /// Makes room for the triplets of the anchor at a position; the contents are unspecified.
    pub fn resize<T: Real>(&mut self, problem: &Problem<'_, T>, position: usize) -> AnchorTriplets<'_, T> {
        self.negatives.resize(problem.slots().of(position).len(), NO_ROW);
        self.has_gradient.resize(problem.slots().flag_words(position).len(), 0);
        AnchorTriplets {
            negatives: &mut self.negatives,
            positive_distances: &mut [],
            negative_distances: &mut [],
            positives: &mut [],
            has_gradient: &mut self.has_gradient,
            sum: &mut self.sum,
        }
    }
}

impl<T: Real> Triplets<T> {
    /// Cuts everything at ranges of positions, which must follow one another from 0.
    pub fn parts<'m>(
        &'m mut self,
        problem: &'m Problem<'m, T>,
        ranges: impl Iterator<Item = Range<usize>> + Send + 'm,
    ) -> impl Iterator<Item = TripletsPart<'m, T>> + Send + 'm {
        let mut rest = TripletsPart {
            positions: 0..problem.anchors().len(),
            first_slot: 0,
            first_word: 0,
            negatives: &mut self.negatives,
            positive_distances: &mut self.positive_distances,
            negative_distances: &mut self.negative_distances,
            positives: &mut self.positives,
            has_gradient: &mut self.has_gradient,
            sums: &mut self.sums,
        };
        ranges.map(move |range| rest.split_off(problem, range))
    }
}

/// Takes the first `length` elements off a slice, or none of an empty one.
fn take<'m, E>(slice: &mut &'m mut [E], length: usize) -> &'m mut [E] {
    let length = length.min(slice.len());
    slice.split_off_mut(..length).unwrap_or_default()
}

impl<'m, T: Real> TripletsPart<'m, T> {
    /// The positions of these anchors.
    #[must_use]
    pub fn positions(&self) -> Range<usize> {
        self.positions.clone()
    }

    /// Takes the first anchors off.
    fn split_off(&mut self, problem: &Problem<'_, T>, range: Range<usize>) -> Self {
        assert!(range.start == self.positions.start && range.end <= self.positions.end);
        self.positions.start = range.end;
        let (first_slot, first_word) = (self.first_slot, self.first_word);
        if !range.is_empty() {
            self.first_slot = problem.slots().of(range.end - 1).end;
            self.first_word = problem.slots().flag_words(range.end - 1).end;
        }
        let (slots, words) = (self.first_slot - first_slot, self.first_word - first_word);
        Self {
            first_slot,
            first_word,
            negatives: take(&mut self.negatives, slots),
            positive_distances: take(&mut self.positive_distances, slots),
            negative_distances: take(&mut self.negative_distances, slots),
            positives: take(&mut self.positives, slots),
            has_gradient: take(&mut self.has_gradient, words),
            sums: take(&mut self.sums, range.len()),
            positions: range,
        }
    }

    /// One of these anchors, by position.
    #[inline(always)]
    pub fn anchor(&mut self, problem: &Problem<'_, T>, position: usize) -> AnchorTriplets<'_, T> {
        let (slots, words) = (problem.slots().of(position), problem.slots().flag_words(position));
        let slots = slots.start - self.first_slot..slots.end - self.first_slot;
        let kept = if self.positive_distances.is_empty() { 0..0 } else { slots.clone() };
        let hardest = if self.positives.is_empty() { 0..0 } else { slots.clone() };
        AnchorTriplets {
            negatives: &mut self.negatives[slots],
            positive_distances: &mut self.positive_distances[kept.clone()],
            negative_distances: &mut self.negative_distances[kept],
            positives: &mut self.positives[hardest],
            has_gradient: &mut self.has_gradient[words.start - self.first_word..words.end - self.first_word],
            sum: &mut self.sums[position - self.positions.start],
        }
    }
}

impl<T: Real> AnchorTriplets<'_, T> {
    /// Evaluates the anchor's triplets once they are filled in, by kept distances.
    pub fn evaluate_terms(self, problem: &Problem<'_, T>) -> TripletCounts {
        let Self { negatives, positive_distances, negative_distances, has_gradient, sum, .. } = self;
        terms::evaluate_terms(problem, negatives, positive_distances, negative_distances, (has_gradient, sum))
    }

    /// The same by distances that are not kept.
    pub fn evaluate_terms_with(
        self,
        problem: &Problem<'_, T>,
        positives: &[T],
        negatives: &[T],
    ) -> TripletCounts {
        terms::evaluate_terms(problem, self.negatives, positives, negatives, (self.has_gradient, self.sum))
    }
}
