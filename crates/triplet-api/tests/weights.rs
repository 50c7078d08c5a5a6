//! Weights and upstream gradients together, in every reduction.

use triplet_api::{Inputs, Loss, LossSpec, Reduction, Weights, Workspace};
use triplet_core::{Batch, Distance, Objective, Rule};

const ROWS: usize = 6;
const X: [f64; ROWS] = [0.0, 1.0, 1.5, 3.0, 3.5, 5.0];
const LABELS: [i64; ROWS] = [0, 0, 1, 1, 2, 2];
/// Powers of two: what multiplies a loss or a gradient by them does not round.
const WEIGHTS: [f64; ROWS] = [2.0, 0.5, 1.0, 4.0, 0.25, 8.0];
const UPSTREAM: [f64; ROWS] = [0.5, 4.0, -2.0, 1.0, 16.0, -0.125];

fn asked(reduction: Reduction) -> LossSpec {
    let objective = Objective { distance: Distance::SquaredL2, rule: Rule::SemiHard, margin: 6.0 };
    LossSpec { objective, reduction, require_positives: false }
}

/// Loss, losses and gradient.
fn run(reduction: Reduction, weights: Weights<'_>, upstream: Option<&[f64]>) -> (f64, Vec<f64>, Vec<f64>) {
    let batch = Batch::new(&X, 1, &LABELS).unwrap();
    let mut workspace = Workspace::<f64>::default();
    let result =
        asked(reduction).evaluate_with(&batch, Inputs { weights, upstream }, &mut workspace).unwrap();
    (result.loss(), result.losses().unwrap_or_default().to_vec(), result.gradient().to_vec())
}

#[test]
fn the_upstream_gradient_multiplies_the_weights_of_the_rows() {
    let product: Vec<f64> = WEIGHTS.iter().zip(UPSTREAM).map(|(w, u)| w * u).collect();
    let both = run(Reduction::None, Weights::PerSample(&WEIGHTS), Some(&UPSTREAM));
    let multiplied = run(Reduction::None, Weights::None, Some(&product));
    assert_eq!(both.2, multiplied.2);
    // Neither of the two alone gives that gradient.
    assert_ne!(both.2, run(Reduction::None, Weights::None, Some(&UPSTREAM)).2);
    assert_ne!(both.2, run(Reduction::None, Weights::PerSample(&WEIGHTS), None).2);
    // The upstream gradient is no part of the losses, the weights are.
    let plain = run(Reduction::None, Weights::None, None).1;
    assert!(plain.iter().all(|&loss| loss > 0.0), "{plain:?}");
    let weighted: Vec<f64> = plain.iter().zip(WEIGHTS).map(|(loss, weight)| weight * loss).collect();
    assert_eq!(both.1, weighted);
    assert_eq!(multiplied.1, plain);
}

#[test]
fn a_scalar_weight_scales_the_losses_of_the_rows_and_the_gradient() {
    for reduction in Reduction::ALL {
        let rows = if reduction == Reduction::None { ROWS } else { 1 };
        let (loss, losses, gradient) = run(reduction, Weights::None, None);
        let scaled = |factor: f64, values: &[f64]| values.iter().map(|v| factor * v).collect::<Vec<_>>();
        assert_eq!(losses.is_empty(), reduction != Reduction::None);
        let weighted = run(reduction, Weights::Scalar(4.0), None);
        assert_eq!(weighted, (4.0 * loss, scaled(4.0, &losses), scaled(4.0, &gradient)), "{reduction:?}");
        // As much as a weight of each row.
        assert_eq!(run(reduction, Weights::PerSample(&[4.0; ROWS]), None), weighted, "{reduction:?}");
        // An upstream gradient scales the gradient alone, on top of the weight.
        let upstream = vec![-0.5; rows];
        let (same, unchanged, pulled) = run(reduction, Weights::Scalar(4.0), Some(&upstream));
        assert_eq!((same, &unchanged), (weighted.0, &weighted.1), "{reduction:?}");
        assert_eq!(pulled, scaled(-2.0, &gradient), "{reduction:?}");
    }
}

#[test]
fn the_reduced_losses_are_weighted_sums_of_the_losses_of_the_rows() {
    for weights in [Weights::None, Weights::Scalar(0.5), Weights::PerSample(&WEIGHTS)] {
        let (mean, losses, _) = run(Reduction::None, weights, None);
        let total: f64 = losses.iter().sum();
        // Six summands and a division: each rounds once.
        let close = |a: f64, b: f64| (a - b).abs() <= 8.0 * f64::EPSILON * b;
        assert!(close(run(Reduction::Sum, weights, None).0, total), "{weights:?}");
        assert!(close(run(Reduction::Mean, weights, None).0, total / ROWS as f64), "{weights:?}");
        assert!(close(mean, total / ROWS as f64), "{weights:?}");
    }
}
