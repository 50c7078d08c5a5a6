//! Batches at random, and what is answered about them.

use proptest::prelude::*;
use triplet_api::{Candidates, Evaluation, Identity, Inputs, Loss, LossSpec, Reduction, Weights, Workspace};
use triplet_core::{Batch, Distance, Objective, Rule};

/// Rows and their labels.
#[derive(Debug, Clone)]
pub(crate) struct Rows {
    pub(crate) x: Vec<f32>,
    pub(crate) width: usize,
    pub(crate) labels: Vec<i64>,
}

/// What an evaluation answers, in bits.
#[derive(Debug, PartialEq)]
pub(crate) struct Bits {
    pub(crate) loss: u32,
    pub(crate) losses: Vec<u32>,
    pub(crate) gradient: Vec<u32>,
    pub(crate) triplets: Vec<Chosen>,
}

/// Anchor, positive, negative, and the bits of their distances.
pub(crate) type Chosen = (u32, Option<u32>, Option<u32>, u32, u32);

impl Rows {
    pub(crate) fn evaluate(&self, rule: Rule, distance: Distance, margin: f64, reduction: Reduction) -> Bits {
        self.weighted(rule, distance, margin, reduction, Weights::None)
    }

    pub(crate) fn weighted(
        &self,
        rule: Rule,
        distance: Distance,
        margin: f64,
        reduction: Reduction,
        weights: Weights<'_>,
    ) -> Bits {
        let mut workspace = Workspace::<f32>::default();
        let batch = Batch::new(&self.x, self.width, &self.labels).unwrap();
        let spec = spec(rule, distance, margin, reduction);
        let inputs = Inputs { weights, ..Inputs::default() };
        Bits::of(&spec.evaluate_with(&batch, inputs, &mut workspace).unwrap())
    }

    /// Some of the rows as anchors against all of them: what they answer, and the gradient to all.
    pub(crate) fn against_all(&self, chosen: &[usize], rule: Rule, distance: Distance) -> (Bits, Vec<f32>) {
        let mut workspace = Workspace::<f32>::default();
        let part = self.chosen(chosen);
        let anchors = Batch::new(&part.x, self.width, &part.labels).unwrap();
        let all = Batch::new(&self.x, self.width, &self.labels).unwrap();
        let ids: Vec<i64> = (0..self.labels.len() as i64).collect();
        let anchor_ids: Vec<i64> = chosen.iter().map(|&row| row as i64).collect();
        let identity = Identity::Ids { anchors: &anchor_ids, candidates: &ids };
        let candidates = Candidates::new(&all, identity).with_gradient();
        let spec = spec(rule, distance, 0.5, Reduction::None);
        let answer = spec.evaluate_against(&anchors, candidates, Inputs::default(), &mut workspace).unwrap();
        let mut gradient = answer.gradient_to_candidates().to_vec();
        for (row, own) in chosen.iter().zip(answer.gradient().chunks(self.width)) {
            for (sum, own) in gradient[row * self.width..].iter_mut().zip(own) {
                *sum += own;
            }
        }
        (Bits::of(&answer), gradient)
    }

    pub(crate) fn chosen(&self, rows: &[usize]) -> Self {
        Self {
            x: rows.iter().flat_map(|&row| &self.x[row * self.width..][..self.width]).copied().collect(),
            width: self.width,
            labels: rows.iter().map(|&row| self.labels[row]).collect(),
        }
    }

    pub(crate) fn map(&self, change: impl Fn(usize, f32) -> f32) -> Self {
        let x = self.x.iter().enumerate().map(|(i, &x)| change(i % self.width, x)).collect();
        Self { x, ..self.clone() }
    }
}

pub(crate) fn spec(rule: Rule, distance: Distance, margin: f64, reduction: Reduction) -> LossSpec {
    LossSpec { objective: Objective { distance, rule, margin }, reduction, require_positives: false }
}

impl Bits {
    /// The triplets without their distances.
    pub(crate) fn choices(&self) -> Vec<(u32, Option<u32>, Option<u32>)> {
        self.triplets.iter().map(|t| (t.0, t.1, t.2)).collect()
    }

    fn of(answer: &Evaluation<'_, f32>) -> Self {
        let bits = |values: &[f32]| values.iter().map(|value| value.to_bits()).collect();
        Self {
            loss: answer.loss().to_bits(),
            losses: answer.losses().map(bits).unwrap_or_default(),
            gradient: bits(answer.gradient()),
            triplets: answer
                .triplets()
                .unwrap()
                .map(|t| {
                    let distances = (t.positive_distance.to_bits(), t.negative_distance.to_bits());
                    (t.anchor, t.positive, t.negative, distances.0, distances.1)
                })
                .collect(),
        }
    }
}

pub(crate) fn rows(component: impl Strategy<Value = f32> + Clone) -> impl Strategy<Value = Rows> {
    (2_usize..40, 1_usize..20, 1_i64..8).prop_flat_map(move |(count, width, classes)| {
        let x = prop::collection::vec(component.clone(), count * width);
        let labels = prop::collection::vec(0..classes, count);
        (x, labels).prop_map(move |(x, labels)| Rows { x, width, labels })
    })
}

pub(crate) fn reals() -> impl Strategy<Value = Rows> {
    rows(-4.0_f32..4.0)
}

pub(crate) fn integers() -> impl Strategy<Value = Rows> {
    rows((-6_i32..=6).prop_map(|value| value as f32))
}

pub(crate) fn times(bits: &[u32], factor: f32) -> Vec<u32> {
    bits.iter().map(|&bits| (f32::from_bits(bits) * factor).to_bits()).collect()
}
