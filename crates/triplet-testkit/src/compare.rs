//! Answers as bits, and where two of them first differ.

use triplet_api::Error;
use triplet_api::{Element, Evaluation, Inputs, Loss, LossSpec, Reduction, Workspace};
use triplet_core::{Batch, Distance, Objective, Real, Rule, Statistics};

use crate::Sample;

/// Everything a call gives, in bits.
#[derive(Debug, Clone, PartialEq, Hash)]
pub struct Answer<K> {
    /// The reduced loss.
    pub loss: K,
    /// Losses of the rows.
    pub losses: Vec<K>,
    /// The gradient.
    pub gradient: Vec<K>,
    /// Chosen negatives.
    pub negatives: Vec<u32>,
    /// Chosen positives of hard rules.
    pub positives: Vec<u32>,
    /// Distances of positive and negative, triplet by triplet.
    pub distances: Vec<K>,
    /// Whether there are triplets: negatives, positives, distances. What was worked through in parts has none.
    pub keeps_triplets: bool,
    /// The counts.
    pub statistics: Statistics,
}

impl<K: PartialEq + core::fmt::Debug> Answer<K> {
    /// What differs first, in words; `None` if every bit agrees. Triplets are compared where both have them.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Option<String> {
        let both = self.keeps_triplets && other.keeps_triplets;
        let rows = [
            ("negative", &self.negatives, &other.negatives),
            ("positive", &self.positives, &other.positives),
        ];
        for (what, a, b) in rows.into_iter().filter(|_| both) {
            if let Some(at) = first_difference(a, b) {
                return Some(format!("{what} of slot {at}: {:?} and {:?}", a.get(at), b.get(at)));
            }
        }
        let distances = both.then_some(("distance", &self.distances, &other.distances));
        let lists = [
            ("loss of row", &self.losses, &other.losses),
            ("gradient component", &self.gradient, &other.gradient),
        ];
        for (what, a, b) in distances.into_iter().chain(lists) {
            if let Some(at) = first_difference(a, b) {
                return Some(format!("{what} {at}: bits {:x?} and {:x?}", a.get(at), b.get(at)));
            }
        }
        if self.loss != other.loss {
            return Some(format!("loss: bits {:x?} and {:x?}", self.loss, other.loss));
        }
        (self.statistics != other.statistics)
            .then(|| format!("statistics: {:?} and {:?}", self.statistics, other.statistics))
    }
}

fn first_difference<K: PartialEq>(a: &[K], b: &[K]) -> Option<usize> {
    let at = a.iter().zip(b).position(|(x, y)| x != y);
    at.or_else(|| (a.len() != b.len()).then(|| a.len().min(b.len())))
}

/// The bits of an evaluation.
#[must_use]
pub fn answer<T: Real>(evaluation: &Evaluation<'_, T>) -> Answer<T::Key> {
    let bits = |values: &[T]| values.iter().map(|v| v.key()).collect::<Vec<_>>();
    let mined = evaluation.mined();
    // Not as they were kept: an engine need not keep them.
    let distances = evaluation
        .triplets()
        .into_iter()
        .flatten()
        .flat_map(|triplet| [triplet.positive_distance.key(), triplet.negative_distance.key()])
        .collect();
    Answer {
        loss: evaluation.loss().key(),
        losses: evaluation.losses().map(bits).unwrap_or_default(),
        gradient: bits(evaluation.gradient()),
        negatives: mined.negatives.clone(),
        positives: mined.positives.clone(),
        distances,
        keeps_triplets: evaluation.keeps_triplets(),
        statistics: evaluation.statistics(),
    }
}

/// The loss that is asked of a numbered batch: every combination of distance, rule, margin and
/// reduction comes round.
#[must_use]
pub fn numbered_spec(number: u64) -> LossSpec {
    let mut rest = number as usize;
    let (distance, rule) = (next(&Distance::ALL, &mut rest), next(&Rule::ALL, &mut rest));
    let margin = next(&[1.0, 0.2, 0.0, -0.5, 1e3, 1e-3], &mut rest);
    LossSpec {
        objective: Objective { distance, rule, margin },
        reduction: next(&Reduction::ALL, &mut rest),
        require_positives: false,
    }
}

/// The choice that the last digit of a number stands for, in base of how many there are; the other
/// digits are left.
fn next<E: Copy>(choices: &[E], number: &mut usize) -> E {
    let choice = choices[*number % choices.len()];
    *number /= choices.len();
    choice
}

/// The answer of one engine, in the element type of its workspace.
///
/// # Errors
/// Whatever the loss refuses.
pub fn answer_in<T: Element>(
    sample: &Sample,
    asked: LossSpec,
    weights: Option<&[f64]>,
    workspace: &mut Workspace<T>,
) -> Result<Answer<<T as Real>::Key>, Error> {
    let rows: Vec<T> = sample.rows();
    let batch = Batch::new(&rows, sample.width, &sample.labels)?;
    let weights = weights.map_or(triplet_api::Weights::None, triplet_api::Weights::PerSample);
    asked.evaluate_with(&batch, Inputs { weights, upstream: None }, workspace).map(|e| answer(&e))
}

/// Weights for a numbered batch: whole numbers, fractions and zeros.
#[must_use]
pub fn weights(number: u64, rows: usize) -> Option<Vec<f64>> {
    (number % 2 == 1)
        .then(|| (0..rows).map(|row| [1.0, 0.1, 0.0, 2.5, 1.0 / 3.0][(row * 7 + 3) % 5]).collect())
}
