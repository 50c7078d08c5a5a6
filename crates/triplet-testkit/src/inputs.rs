//! Inputs to measure with: unit rows, at random or in clusters.

use crate::batches::normal;
use fastrand::Rng;

/// Rows of unit length in random directions, `per_class` of each label, shuffled.
#[must_use]
pub fn unit_rows(rows: usize, width: usize, per_class: usize, seed: u64) -> (Vec<f32>, Vec<i64>) {
    let mut rng = Rng::with_seed(seed);
    let mut embeddings: Vec<f32> = (0..rows * width).map(|_| normal(&mut rng)).collect();
    embeddings.chunks_exact_mut(width).for_each(to_unit_length);
    let mut labels: Vec<i64> = (0..rows).map(|row| (row / per_class) as i64).collect();
    rng.shuffle(&mut labels);
    (embeddings, labels)
}

/// The same, each class about a centre of its own: what training leads to.
#[must_use]
pub fn clusters(rows: usize, width: usize, per_class: usize, spread: f32, seed: u64) -> (Vec<f32>, Vec<i64>) {
    let (centres, _) = unit_rows(rows.div_ceil(per_class), width, 1, seed + 1);
    let (mut embeddings, labels) = unit_rows(rows, width, per_class, seed);
    for (row, &label) in embeddings.chunks_exact_mut(width).zip(&labels) {
        let centre = &centres[label as usize * width..][..width];
        row.iter_mut().zip(centre).for_each(|(x, c)| *x = c + spread * *x);
        to_unit_length(row);
    }
    (embeddings, labels)
}

fn to_unit_length(row: &mut [f32]) {
    let norm = row.iter().map(|x| x * x).sum::<f32>().sqrt().max(f32::MIN_POSITIVE);
    row.iter_mut().for_each(|x| *x /= norm);
}
