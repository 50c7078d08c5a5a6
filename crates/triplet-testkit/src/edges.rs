//! Edges of the semantics, small enough to be worked out by hand.

use triplet_api::{LossSpec, Reduction};
use triplet_core::{Distance, Objective, Rule};

use crate::Sample;

/// A batch of width 1, a objective, and the answer.
#[derive(Debug, Clone, Copy)]
pub struct Edge {
    /// What it shows.
    pub name: &'static str,
    /// One embedding a row.
    pub x: &'static [f32],
    /// Labels.
    pub labels: &'static [i64],
    /// The rule.
    pub rule: Rule,
    /// The distance.
    pub distance: Distance,
    /// The margin.
    pub margin: f64,
    /// The loss.
    pub loss: f32,
    /// The gradient.
    pub gradient: &'static [f32],
    /// Negatives by slot; `u32::MAX` for none.
    pub negatives: &'static [u32],
}

const NONE: u32 = u32::MAX;
const TFA: Edge = Edge {
    name: "",
    x: &[],
    labels: &[],
    rule: Rule::SemiHard,
    distance: Distance::SquaredL2,
    margin: 1.0,
    loss: 0.0,
    gradient: &[],
    negatives: &[],
};

/// The table. Every backend's answer must equal it in every bit.
pub const EDGES: &[Edge] = &[
    Edge { name: "an empty batch", ..TFA },
    Edge { name: "one row", x: &[2.0], labels: &[0], gradient: &[0.0], ..TFA },
    Edge { name: "no positives", x: &[0.0, 1.0], labels: &[0, 1], gradient: &[0.0, 0.0], ..TFA },
    // Anchor 0: d_pos 1, negatives at 2.25 and 9; anchor 1: d_pos 1, at 0.25 and 4.
    // Terms 1 + 1 - 2.25 < 0 and 1 + 1 - 4 < 0.
    Edge {
        name: "the margin is not in the threshold",
        x: &[0.0, 1.0, 1.5, 3.0],
        labels: &[0, 0, 1, 2],
        loss: 0.0,
        gradient: &[0.0; 4],
        negatives: &[2, 3],
        ..TFA
    },
    // Beyond 1 + 1: anchor 0 takes 2.25, anchor 1 takes 4.
    Edge {
        name: "the literal rule puts the margin in the threshold",
        x: &[0.0, 1.0, 1.25, 3.0],
        labels: &[0, 0, 1, 2],
        rule: Rule::SemiHardLiteral,
        loss: 0.0,
        gradient: &[0.0; 4],
        negatives: &[3, 3],
        ..TFA
    },
    // t = 1 + 4 for both; the pair pulls with 2 triplets, 2/N = 1: (x_r - x_m) * 2.
    Edge {
        name: "no negatives: distance 0 stands in",
        x: &[0.0, 2.0],
        labels: &[3, 3],
        loss: 5.0,
        gradient: &[-4.0, 4.0],
        negatives: &[NONE, NONE],
        ..TFA
    },
    // Both anchors see negatives at 0.25 only, nearer than the positive at 1: the
    // farthest, lowest row on the tie between rows 2 and 3, stands in.
    Edge {
        name: "fallback to the farthest, ties to the lowest row",
        x: &[0.0, 1.0, 0.5, 0.5],
        labels: &[0, 0, 1, 2],
        loss: 1.75,
        gradient: &[-1.5, 1.5, 0.0, 0.0],
        negatives: &[2, 2],
        ..TFA
    },
    // Anchor 0: d_pos 1, negative at 4: t = 3 + 1 - 4 = 0 passes its gradient.
    // Anchor 1: d_pos 1, negatives at 1: none farther than 1, so the farthest, at 1.
    Edge {
        name: "a term of exactly zero passes its gradient",
        x: &[0.0, 1.0, 2.0],
        labels: &[0, 0, 1],
        margin: 3.0,
        loss: 1.5,
        gradient: &[0.0, 3.0, -3.0],
        negatives: &[2, 2],
        ..TFA
    },
    Edge {
        name: "equal rows pull with exactly nothing",
        x: &[7.0, 7.0, 7.0, 7.0],
        labels: &[0, 0, 1, 1],
        loss: 1.0,
        gradient: &[0.0; 4],
        negatives: &[2, 2, 0, 0],
        ..TFA
    },
    // L2 terms: anchor 0: 1 + 1 - 1.5, anchor 1: 1 + 1 - 2. Gradient 1/d.
    Edge {
        name: "L2 takes the root of the chosen pairs",
        x: &[0.0, 1.0, 1.5, 3.0],
        labels: &[0, 0, 1, 2],
        distance: Distance::L2,
        loss: 0.25,
        gradient: &[-0.5, 1.5, -0.5, -0.5],
        negatives: &[2, 3],
        ..TFA
    },
    // t = 3 + 0 - 2 for both anchors. The positives are at distance 0, where the root has no
    // derivative: they add nothing, and the negative pulls with 1/2 * 2.
    Edge {
        name: "L2 of equal rows adds nothing to the gradient",
        x: &[1.0, 1.0, 3.0],
        labels: &[0, 0, 1],
        distance: Distance::L2,
        margin: 3.0,
        loss: 1.0,
        gradient: &[0.5, 0.5, -1.0],
        negatives: &[2, 2],
        ..TFA
    },
    // Farthest positives 1, 1, 0, 0; nearest negatives 2.25, 0.25, 0.25, 2.25:
    // terms 0, 1.75, 0.75, 0 over B = 4.
    Edge {
        name: "hard: one triplet an anchor, mean over all of them",
        x: &[0.0, 1.0, 1.5, 3.0],
        labels: &[0, 0, 1, 2],
        rule: Rule::Hard,
        loss: 0.625,
        gradient: &[-0.5, 1.0, -0.5, 0.0],
        negatives: &[2, 2, 1, 2],
        ..TFA
    },
    // The row's largest distance stands in for the negative: t = margin, no gradient.
    Edge {
        name: "hard without negatives",
        x: &[0.0, 2.0],
        labels: &[0, 0],
        rule: Rule::Hard,
        loss: 1.0,
        gradient: &[0.0, 0.0],
        negatives: &[NONE, NONE],
        ..TFA
    },
    // All distances are 0, so t = margin; the differences themselves do not underflow.
    Edge {
        name: "squares that underflow leave the margin",
        x: &[1e-30, -1e-30, 3e-30],
        labels: &[0, 0, 1],
        loss: 1.0,
        gradient: &[6e-30, 0.0, -6e-30],
        negatives: &[2, 2],
        ..TFA
    },
];

impl Edge {
    /// The batch.
    #[must_use]
    pub fn sample(&self) -> Sample {
        Sample {
            name: self.name.to_owned(),
            embeddings: self.x.to_vec(),
            width: 1,
            labels: self.labels.to_vec(),
        }
    }

    /// The loss asked for.
    #[must_use]
    pub fn asked(&self) -> LossSpec {
        let objective = Objective { distance: self.distance, rule: self.rule, margin: self.margin };
        LossSpec { objective, reduction: Reduction::Mean, require_positives: false }
    }
}
