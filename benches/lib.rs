//! Inputs that the benchmarks share.
#![forbid(unsafe_code)]

use fastrand::Rng;
use triplet_testkit::batches::normal;

/// Rows of unit length in random directions, `per_class` of each label, shuffled.
#[must_use]
pub fn unit_rows(rows: usize, width: usize, per_class: usize) -> (Vec<f32>, Vec<i64>) {
    let mut rng = Rng::with_seed(42);
    let mut embeddings: Vec<f32> = (0..rows * width).map(|_| normal(&mut rng)).collect();
    for row in embeddings.chunks_exact_mut(width) {
        let norm = row.iter().map(|x| x * x).sum::<f32>().sqrt();
        row.iter_mut().for_each(|x| *x /= norm);
    }
    let mut labels: Vec<i64> = (0..rows).map(|row| (row / per_class) as i64).collect();
    rng.shuffle(&mut labels);
    (embeddings, labels)
}
