//! Triplets to losses: terms, anchor sums and statistics.

use crate::{NO_ROW, Problem, Real, Triplets};
use core::ops::AddAssign;

/// Counts over a batch.
///
/// ```
/// use triplet_core::Statistics;
/// let statistics = Statistics { triplets: 8, violating: 2, ..Statistics::default() };
/// assert_eq!(statistics.violating_fraction(), 0.25);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Statistics {
    /// Ordered pairs of an anchor and a positive, `N`.
    pub positive_pairs: u64,
    /// Triplets: `N`, or one an anchor.
    pub triplets: u64,
    /// Triplets with a negative that violate the margin: their term is above zero.
    pub violating: u64,
    /// Triplets for which no negative reached the threshold, so the farthest was taken.
    pub fallbacks: u64,
    /// Anchors that have a positive but no negative.
    pub anchors_without_negatives: u64,
}

impl Statistics {
    /// Share of the triplets that violate the margin; 0 for none.
    #[must_use]
    pub fn violating_fraction(&self) -> f64 {
        if self.triplets == 0 { 0.0 } else { self.violating as f64 / self.triplets as f64 }
    }
}

/// Counts over some triplets, which may be added up in any order.
///
/// ```
/// use triplet_core::terms::TripletCounts;
/// let mut counts = TripletCounts { violating: 2, fallbacks: 0 };
/// counts += TripletCounts { violating: 1, fallbacks: 1 };
/// assert_eq!(counts, TripletCounts { violating: 3, fallbacks: 1 });
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TripletCounts {
    /// As in [`Statistics`].
    pub violating: u64,
    /// As in [`Statistics`].
    pub fallbacks: u64,
}

impl AddAssign for TripletCounts {
    fn add_assign(&mut self, other: Self) {
        self.violating += other.violating;
        self.fallbacks += other.fallbacks;
    }
}

/// Evaluates the triplets of one anchor, given ranking values of positives and negatives: the sum
/// of their terms (f64, positives ascending), a flag for each that has a gradient, and counts.
///
/// ```
/// use triplet_core::{Batch, Distance, Objective, Problem, ProblemBuffers, Rule, terms::evaluate_terms};
/// let batch = Batch::new(&[0.0_f32, 1.0, 1.5, 3.0], 1, &[0, 0, 1, 2])?;
/// let objective = Objective { distance: Distance::SquaredL2, rule: Rule::SemiHard, margin: 2.0 };
/// let mut buffers = ProblemBuffers::default();
/// let problem = Problem::new(&batch, objective, &mut buffers)?;
/// // Two triplets: 2 + 1 - 2.25 and 2 + 1 - 4.
/// let (mut flags, mut sum) = ([0], 0.0);
/// let counts = evaluate_terms(&problem, &[2, 3], &[1.0, 1.0], &[2.25, 4.0], (&mut flags, &mut sum));
/// assert_eq!((flags, sum, counts.violating), ([0b01], 0.75, 1));
/// # Ok::<(), triplet_core::Error>(())
/// ```
pub fn evaluate_terms<T: Real>(
    problem: &Problem<'_, T>,
    negatives: &[u32],
    positive_distances: &[T],
    negative_distances: &[T],
    (has_gradient, sum): (&mut [u64], &mut f64),
) -> TripletCounts {
    let mut counts = TripletCounts::default();
    let mut total = 0.0;
    has_gradient.fill(0);
    let triplets = negatives
        .chunks(TOGETHER)
        .zip(positive_distances.chunks(TOGETHER))
        .zip(negative_distances.chunks(TOGETHER));
    for (n, ((negatives, near), far)) in triplets.enumerate() {
        let Terms { values, differentiable } = Terms::evaluate(problem, near, far);
        let (mut flags, mut violating, mut fallbacks) = (0, 0, 0);
        for (i, &negative) in negatives.iter().enumerate() {
            let exists = negative != NO_ROW;
            total += values[i].to_f64();
            violating += u64::from(exists && values[i] > T::ZERO);
            let passes = differentiable[i] && (exists || problem.rule().differentiates_missing_negative());
            flags |= u64::from(passes) << i;
        }
        for ((&negative, &near), &far) in negatives.iter().zip(near).zip(far) {
            fallbacks += u64::from(negative != NO_ROW && far.key() < problem.threshold(near));
        }
        counts += TripletCounts { violating, fallbacks };
        let first = n * TOGETHER;
        has_gradient[first / 64] |= flags << (first % 64);
    }
    *sum = total;
    counts
}

/// Triplets evaluated together: few enough for an anchor of few, and vectors for one of many.
const TOGETHER: usize = 16;

/// The terms of some triplets.
struct Terms<T> {
    values: [T; TOGETHER],
    /// Whether the term has a derivative.
    differentiable: [bool; TOGETHER],
}

impl<T: Real> Terms<T> {
    /// Short loops, one operation after the other, which compile to vectors.
    fn evaluate(problem: &Problem<'_, T>, near: &[T], far: &[T]) -> Self {
        let (distance, rule, margin) = (problem.distance(), problem.rule(), problem.margin());
        let mut terms = Self { values: [T::ZERO; TOGETHER], differentiable: [false; TOGETHER] };
        let mut distances = [[T::ZERO; TOGETHER]; 2];
        for (distances, ranked) in distances.iter_mut().zip([near, far]) {
            for (value, &ranked) in distances.iter_mut().zip(ranked) {
                *value = distance.of_ranking_value(ranked);
            }
        }
        let [near_distances, far_distances] = distances;
        for i in 0..near.len().min(TOGETHER) {
            let term = rule.term(margin, near_distances[i], far_distances[i]);
            (terms.values[i], terms.differentiable[i]) = (term.value, term.derivative != 0.0);
        }
        terms
    }
}

/// The loss of every anchor, before weights and division.
///
/// ```
/// use triplet_core::AnchorTerms;
/// let terms = AnchorTerms { sums: vec![0.5, 0.0, 1.5], ..AnchorTerms::default() };
/// assert_eq!(terms.weighted_sum(None), 2.0);
/// assert_eq!(terms.weighted_sum(Some(&[1.0, 1.0, 2.0])), 3.5);
/// ```
#[derive(Debug, Clone, Default)]
pub struct AnchorTerms {
    /// Sum of the terms of each anchor, by original row: f64, positives ascending.
    pub sums: Vec<f64>,
    /// Counts over the batch.
    pub statistics: Statistics,
}

impl AnchorTerms {
    /// Puts an engine's sums in original order of the anchors, reusing what is allocated.
    pub fn rebuild<T: Real>(&mut self, problem: &Problem<'_, T>, triplets: &Triplets<T>) {
        let anchors = 0..problem.anchors().len() as u32;
        self.sums.clear();
        self.sums.extend(anchors.map(|anchor| triplets.sums[problem.position_of(anchor)]));
        self.statistics = Statistics {
            positive_pairs: problem.positive_pairs(),
            triplets: problem.slots().count() as u64,
            violating: triplets.counts.violating,
            fallbacks: triplets.counts.fallbacks,
            anchors_without_negatives: problem.anchors_without_negatives(),
        };
    }

    /// The weighted sum over anchors, f64, ascending original rows.
    #[must_use]
    pub fn weighted_sum(&self, weights: Option<&[f64]>) -> f64 {
        match weights {
            // Not `sum()`: that starts from negative zero.
            None => self.sums.iter().fold(0.0, |total, sum| total + sum),
            Some(weights) => self.sums.iter().zip(weights).fold(0.0, |total, (s, w)| total + w * s),
        }
    }
}
