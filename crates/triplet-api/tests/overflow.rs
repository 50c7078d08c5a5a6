//! Gradients that the element type cannot hold, of batches whose loss it can: each is an error,
//! whatever makes the gradient large.

use triplet_api::{Error, Inputs, Loss, LossSpec, Reduction, Weights, Workspace};
use triplet_core::{Batch, Distance, Objective, Rule};
use triplet_testkit::contenders;

fn asked(distance: Distance, rule: Rule, margin: f64, reduction: Reduction) -> LossSpec {
    LossSpec { objective: Objective { distance, rule, margin }, reduction, require_positives: false }
}

/// The row whose gradient overflows, by every engine; the loss alone must be finite.
#[track_caller]
fn overflows_at(x: &[f32], width: usize, labels: &[i64], asked: LossSpec, inputs: Inputs<'_>) -> usize {
    let batch = Batch::new(x, width, labels).unwrap();
    let mut rows = Vec::new();
    for contender in contenders::<f32>().unwrap() {
        let (name, mut workspace) = contender.workspace();
        let loss = asked.forward(&batch, inputs.weights, &mut workspace).unwrap().loss();
        assert!(loss.is_finite(), "{name}: {loss}");
        match asked.evaluate_with(&batch, inputs, &mut workspace).err() {
            Some(Error::GradientOverflow { row }) => rows.push(row),
            other => panic!("{name}: {other:?} instead of an overflow"),
        }
    }
    assert!(rows.iter().all(|&row| row == rows[0]), "{rows:?}");
    rows[0]
}

#[test]
fn one_over_a_small_distance() {
    // A distance of 1e-22 between rows 0 and 1; a term of 1 each, whatever it is.
    let heavy = Inputs { weights: Weights::PerSample(&[1e30; 3]), upstream: None };
    let asked = asked(Distance::L2, Rule::SemiHard, 2.0, Reduction::Mean);
    assert_eq!(overflows_at(&[0.0, 1e-22, 1.0], 1, &[0, 0, 1], asked, heavy), 0);
    // The same with light weights fits.
    let batch = Batch::new(&[0.0_f32, 1e-22, 1.0], 1, &[0, 0, 1]).unwrap();
    let mut workspace = Workspace::default();
    let result = asked.evaluate(&batch, &mut workspace).unwrap();
    assert!(result.gradient().iter().all(|g| g.is_finite()) && result.gradient()[0] != 0.0);
}

#[test]
fn weights_of_the_rows() {
    // Terms of about 1e-3 between rows that are 1/4 and 1/2 apart; the weights of a pair's two
    // anchors are added up.
    let x = [0.0_f32, 0.25, 4.0];
    let heavy = Inputs { weights: Weights::PerSample(&[3e38, 3e38, 0.0]), upstream: None };
    let asked = |reduction| asked(Distance::SquaredL2, Rule::SemiHard, 16.0 - 0.0625, reduction);
    let labels = [0, 0, 1];
    assert_eq!(overflows_at(&x, 1, &labels, asked(Reduction::Mean), heavy), 0);
    // Weights and upstream gradients that are large together only.
    let weights = Weights::PerSample(&[3e19, 3e19, 0.0]);
    let upstream = [1e19, 1e19, 0.0];
    let both = Inputs { weights, upstream: Some(&upstream) };
    assert_eq!(overflows_at(&x, 1, &labels, asked(Reduction::None), both), 0);
    let pulled = Inputs { weights, upstream: Some(&[1e19]) };
    assert_eq!(overflows_at(&x, 1, &labels, asked(Reduction::Sum), pulled), 0);
}

#[test]
fn the_way_back_through_a_normalisation() {
    // The norm of row 0 is below the floor, whose reciprocal is a million.
    let x = [3e-7_f32, 4e-7, 1.0, 0.0, 0.0, 1.0];
    let heavy = Inputs { weights: Weights::PerSample(&[1e33; 3]), upstream: None };
    let asked = asked(Distance::Angular, Rule::SemiHard, 1.0, Reduction::Mean);
    assert_eq!(overflows_at(&x, 2, &[0, 0, 1], asked, heavy), 0);
}

#[test]
fn many_triplets_of_one_row() {
    // 300 rows of weight 1e36 in one class: no pair overflows, their sum does.
    let x: Vec<f32> = (0..301).map(|row| if row == 300 { 1e-3 } else { row as f32 * 1e-3 }).collect();
    let labels: Vec<i64> = (0..301).map(|row| i64::from(row == 300)).collect();
    let weights = vec![1e36; 301];
    let heavy = Inputs { weights: Weights::PerSample(&weights), upstream: None };
    let asked = asked(Distance::SquaredL2, Rule::SemiHard, 1e-1, Reduction::Mean);
    overflows_at(&x, 1, &labels, asked, heavy);
}
