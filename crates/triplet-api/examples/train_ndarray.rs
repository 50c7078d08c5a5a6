//! A training loop with ndarray: a linear embedding, trained by plain gradient descent.
//!
//! `cargo run --release -p triplet-api --example train_ndarray`
//!
//! Inputs have 32 components. The centres of the classes differ in 4 of them only; all components
//! have noise of the same size as those differences. So among raw inputs the nearest row is often of
//! another class, and a good embedding is one that has learned which components to ignore. Recall is
//! measured on rows that were not trained on.

use ndarray::{Array1, Array2, ArrayView2};
use triplet_api::{Batch, Distance, Loss, Result, Retrieval, TripletSemiHardLoss, Workspace};

const CLASSES: usize = 16;
const ROWS_PER_CLASS: usize = 8;
const INPUTS: usize = 32;
const INFORMATIVE: usize = 4;
const WIDTH: usize = 4;
const STEPS: usize = 150;
const RATE: f32 = 0.05;
const SEED: u64 = 7;

/// Standard normal numbers (Box and Muller).
fn normal(rng: &mut fastrand::Rng) -> f32 {
    (-2.0 * (1.0 - rng.f32()).ln()).sqrt() * (std::f32::consts::TAU * rng.f32()).cos()
}

/// Noisy rows around the centres of the classes, and their labels.
fn sample(centres: &Array2<f32>, rng: &mut fastrand::Rng) -> (Array2<f32>, Array1<i64>) {
    let labels = Array1::from_shape_fn(CLASSES * ROWS_PER_CLASS, |row| (row / ROWS_PER_CLASS) as i64);
    let inputs = Array2::from_shape_fn((labels.len(), INPUTS), |(row, k)| {
        centres[[row / ROWS_PER_CLASS, k]] + normal(rng)
    });
    (inputs, labels)
}

/// Recall@1 of the embeddings.
fn recall(embeddings: &Array2<f32>, labels: &Array1<i64>, workspace: &mut Workspace) -> Result<f64> {
    let batch = Batch::from_views(embeddings.view(), labels.view())?;
    Ok(Retrieval::self_retrieval(&batch, &[1], Distance::L2, workspace)?.precision_at_1())
}

/// Trains, and returns recall@1 of held-out rows before and after.
fn train() -> Result<(f64, f64)> {
    let mut rng = fastrand::Rng::with_seed(SEED);
    let centres =
        Array2::from_shape_fn(
            (CLASSES, INPUTS),
            |(_, k)| {
                if k < INFORMATIVE { 2.0 * normal(&mut rng) } else { 0.0 }
            },
        );
    let (held_out, held_out_labels) = sample(&centres, &mut rng);
    let mut weights = Array2::from_shape_fn((INPUTS, WIDTH), |_| 0.2 * normal(&mut rng));

    let loss = TripletSemiHardLoss { distance: Distance::L2, ..Default::default() };
    let mut workspace = Workspace::default();
    let before = recall(&held_out.dot(&weights), &held_out_labels, &mut workspace)?;
    for step in 0..STEPS {
        let (inputs, labels) = sample(&centres, &mut rng);
        let embeddings = inputs.dot(&weights);
        let batch = Batch::from_views(embeddings.view(), labels.view())?;
        let result = loss.evaluate(&batch, &mut workspace)?;
        if step % 25 == 0 || step + 1 == STEPS {
            let counts = result.statistics();
            println!(
                "step {step:3}: loss {:.4}, {} of {} triplets above zero",
                result.loss(),
                counts.violating,
                counts.triplets
            );
        }
        // The chain rule of `embeddings = inputs · weights`.
        let gradient = ArrayView2::from_shape(embeddings.dim(), result.gradient())
            .expect("the gradient has the shape of the embeddings");
        weights.scaled_add(-RATE, &inputs.t().dot(&gradient));
    }
    let after = recall(&held_out.dot(&weights), &held_out_labels, &mut workspace)?;
    Ok((before, after))
}

fn main() -> Result<()> {
    let (before, after) = train()?;
    println!("recall@1 of held-out rows: {before:.3} before, {after:.3} after");
    Ok(())
}

#[test]
fn training_raises_recall() {
    let (before, after) = train().unwrap();
    assert!(after > before + 0.2, "recall@1 {before} before and {after} after training, seed {SEED}");
}
