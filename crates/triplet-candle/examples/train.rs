//! A training loop with candle: a linear layer, trained by plain gradient descent.
//!
//! `cargo run --release -p triplet-candle --example train`
//!
//! The loss is an operation of candle's graph: `backward` takes its gradient on to the weights.

use candle_core::{Device, Result, Tensor, Var};
use triplet_api::{BackendOptions, Distance, TripletSemiHardLoss};
use triplet_candle::TripletLoss;

const CLASSES: usize = 8;
const ROWS_PER_CLASS: usize = 4;
const INPUTS: usize = 6;
const WIDTH: usize = 2;
const STEPS: usize = 25;
const RATE: f64 = 0.1;

/// Trains, and returns the loss of the first and of the last step.
fn train() -> Result<(f32, f32)> {
    // Class c at (cos, sin) of its angle, in components 0 and 1; the others do not depend on the class.
    let labels: Vec<i64> = (0..CLASSES * ROWS_PER_CLASS).map(|row| (row / ROWS_PER_CLASS) as i64).collect();
    let mut inputs = Vec::with_capacity(labels.len() * INPUTS);
    for (row, &label) in labels.iter().enumerate() {
        let angle = std::f32::consts::TAU * label as f32 / CLASSES as f32;
        inputs.extend([angle.cos(), angle.sin()]);
        inputs.extend((2..INPUTS).map(|k| ((row * 31 + k * 17) % 13) as f32 / 6.0 - 1.0));
    }
    let inputs = Tensor::from_vec(inputs, (labels.len(), INPUTS), &Device::Cpu)?;
    let weights: Vec<f32> = (0..INPUTS * WIDTH).map(|i| (i * 7 % 5) as f32 / 5.0 - 0.4).collect();
    let weights = Var::from_slice(&weights, (INPUTS, WIDTH), &Device::Cpu)?;

    let loss = TripletSemiHardLoss { margin: 0.5, distance: Distance::L2, ..Default::default() };
    let loss = TripletLoss::new(&loss, BackendOptions::default())?;
    let mut losses = Vec::with_capacity(STEPS);
    for step in 0..STEPS {
        let value = loss.forward(&inputs.matmul(&weights)?, &labels)?;
        losses.push(value.to_scalar::<f32>()?);
        let gradients = value.backward()?;
        let gradient = gradients.get(&weights).expect("the loss depends on the weights");
        weights.set(&(weights.as_tensor() - (gradient * RATE)?)?)?;
        if step % 5 == 0 || step + 1 == STEPS {
            let counts = loss.statistics();
            println!(
                "step {step:2}: loss {:.4}, {} of {} triplets above zero",
                losses[step], counts.violating, counts.triplets
            );
        }
    }
    Ok((losses[0], losses[STEPS - 1]))
}

fn main() -> Result<()> {
    let (first, last) = train()?;
    println!("loss {first:.4} before training, {last:.4} after");
    Ok(())
}

#[test]
fn training_lowers_the_loss() {
    let (first, last) = train().unwrap();
    assert!(last < 0.5 * first, "loss {first} at the first step and {last} at the last");
}
