//! Mined triplets to losses: terms, anchor sums and statistics.

use crate::{Mined, NO_ROW, Problem, Real};
use core::ops::AddAssign;

/// Counts that tell whether a batch still teaches anything.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Statistics {
    /// Ordered pairs of distinct rows that share a label, `N`.
    pub positive_pairs: u64,
    /// Triplets judged: `N`, or `B` with one triplet an anchor.
    pub triplets: u64,
    /// Triplets with a negative whose term is above zero.
    pub active: u64,
    /// Triplets for which no negative was far enough, so the farthest stood in.
    pub fallbacks: u64,
    /// Rows that have a positive but no negative.
    pub anchors_without_negatives: u64,
}

impl Statistics {
    /// Share of the triplets that are active; 0 for none.
    #[must_use]
    pub fn active_fraction(&self) -> f64 {
        if self.triplets == 0 { 0.0 } else { self.active as f64 / self.triplets as f64 }
    }
}

/// Counts over some triplets, which may be added up in any order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Verdict {
    /// As in [`Statistics`].
    pub active: u64,
    /// As in [`Statistics`].
    pub fallbacks: u64,
}

impl AddAssign for Verdict {
    fn add_assign(&mut self, other: Self) {
        self.active += other.active;
        self.fallbacks += other.fallbacks;
    }
}

/// Judges the triplets of one anchor: the sum of their terms (f64, positives ascending),
/// a flag for each that has a slope, and counts.
///
/// A hard rule without a negative has no slope: the distance that stands in is the
/// positive's own, and the two cancel.
pub fn judge<T: Real>(
    problem: &Problem<'_, T>,
    negatives: &[u32],
    positive_distances: &[T],
    negative_distances: &[T],
    (active, sum): (&mut [u64], &mut f64),
) -> Verdict {
    let (distance, rule, margin) = (problem.distance(), problem.rule(), problem.margin());
    let mut verdict = Verdict::default();
    let mut total = 0.0;
    let triplets = negatives.chunks(64).zip(positive_distances.chunks(64)).zip(negative_distances.chunks(64));
    for (flags, ((negatives, near), far)) in active.iter_mut().zip(triplets) {
        *flags = 0;
        for (bit, ((&negative, &near), &far)) in negatives.iter().zip(near).zip(far).enumerate() {
            let term = rule.term(margin, distance.reported(near), distance.reported(far));
            total += term.value.to_f64();
            let exists = negative != NO_ROW;
            verdict.active += u64::from(exists & (term.value > T::ZERO));
            verdict.fallbacks += u64::from(exists & (far.key() < problem.floor(near)));
            let sloped = term.slope != 0.0 && (exists || !rule.one_per_anchor());
            *flags |= u64::from(sloped) << bit;
        }
    }
    *sum = total;
    verdict
}

/// The loss of every anchor, before weights and division.
#[derive(Debug, Clone, Default)]
pub struct AnchorTerms {
    /// Sum of the terms of each anchor, by original row: f64, positives ascending.
    pub sums: Vec<f64>,
    /// Counts over the batch.
    pub statistics: Statistics,
}

impl AnchorTerms {
    /// Puts what the engine judged in original order, reusing what is allocated.
    pub fn rebuild<T: Real>(&mut self, problem: &Problem<'_, T>, mined: &Mined<T>) {
        let classes = problem.classes();
        let sums = classes.positions().iter().map(|&position| mined.sums[position as usize]);
        self.sums.clear();
        self.sums.extend(sums);
        // Only a batch of one class has rows without negatives.
        let lonely = classes.count() == 1 && classes.rows() > 1;
        self.statistics = Statistics {
            positive_pairs: classes.positive_pairs(),
            triplets: problem.slot_count() as u64,
            active: mined.verdict.active,
            fallbacks: mined.verdict.fallbacks,
            anchors_without_negatives: if lonely { classes.rows() as u64 } else { 0 },
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
