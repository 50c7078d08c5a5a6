//! Mined triplets to losses: terms, anchor sums and statistics.

use crate::{Mined, NO_ROW, Problem, Real};

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

/// The loss of every anchor, before weights and division.
#[derive(Debug, Clone, Default)]
pub struct AnchorTerms {
    /// Sum of the terms of each anchor, by original row: f64, positives ascending.
    pub sums: Vec<f64>,
    /// Counts over the batch.
    pub statistics: Statistics,
}

impl AnchorTerms {
    /// Evaluates every mined triplet, reusing what is allocated.
    pub fn rebuild<T: Real>(&mut self, problem: &Problem<'_, T>, mined: &Mined<T>) {
        let classes = problem.classes();
        let (distance, rule, margin) = (problem.distance(), problem.rule(), problem.margin());
        let mut statistics = Statistics {
            positive_pairs: classes.positive_pairs(),
            triplets: problem.slot_count() as u64,
            ..Statistics::default()
        };
        self.sums.resize(problem.batch_size(), 0.0);
        for (position, &row) in classes.order().iter().enumerate() {
            let mut sum = 0.0;
            let slots = problem.slots(position);
            for slot in slots {
                let positive = mined.positive_distances[slot];
                let negative = mined.negative_distances[slot];
                let term = rule.term(margin, distance.reported(positive), distance.reported(negative));
                sum += term.value.to_f64();
                if mined.negatives[slot] != NO_ROW {
                    statistics.active += u64::from(term.value > T::ZERO);
                    statistics.fallbacks += u64::from(negative.key() < problem.floor(positive));
                }
            }
            self.sums[row as usize] = sum;
        }
        // Only a batch of one class has rows without negatives.
        if classes.count() == 1 && classes.rows() > 1 {
            statistics.anchors_without_negatives = classes.rows() as u64;
        }
        self.statistics = statistics;
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
