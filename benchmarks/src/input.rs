//! The rows and labels that a shape and a seed stand for.

use crate::Shape;
use fastrand::Rng;
use triplet_api::Real;

/// Rows of unit length in random directions, and shuffled labels.
///
/// The same bits on every platform: logarithm and cosine are those of the crate `libm`, and sums are
/// taken in order.
#[must_use]
pub fn input(shape: Shape, seed: u64) -> (Vec<f32>, Vec<i64>) {
    let mut rng = Rng::with_seed(seed);
    let mut embeddings = Vec::with_capacity(shape.rows * shape.width);
    for _ in 0..shape.rows {
        let start = embeddings.len();
        embeddings.extend((0..shape.width).map(|_| normal(&mut rng)));
        let row = &mut embeddings[start..];
        let norm = row.iter().map(|x| x * x).sum::<f32>().sqrt().max(f32::MIN_POSITIVE);
        row.iter_mut().for_each(|x| *x /= norm);
    }
    let classes = shape.classes();
    let mut labels: Vec<i64> = (0..shape.rows).map(|row| (row * classes / shape.rows) as i64).collect();
    rng.shuffle(&mut labels);
    (embeddings, labels)
}

/// The same rows in another element type; nothing is rounded.
#[must_use]
pub fn widened<T: Real>(embeddings: &[f32]) -> Vec<T> {
    embeddings.iter().map(|&x| T::from_f64(f64::from(x))).collect()
}

/// A standard normal number (Box and Muller).
fn normal(rng: &mut Rng) -> f32 {
    let radius = (-2.0 * libm::log(1.0 - rng.f64())).sqrt();
    (radius * libm::cos(std::f64::consts::TAU * rng.f64())) as f32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Spread;

    #[test]
    fn rows_have_length_one_and_classes_their_size() {
        let (x, labels) = input(Shape { rows: 50, width: 7, spread: Spread::PerClass(8) }, 3);
        for row in x.chunks_exact(7) {
            let length: f64 = row.iter().map(|&v| f64::from(v) * f64::from(v)).sum();
            assert!((length - 1.0).abs() < 1e-6, "{length}");
        }
        let mut counts = [0; 7];
        labels.iter().for_each(|&label| counts[label as usize] += 1);
        assert_eq!(counts.iter().sum::<usize>(), 50);
        assert!(counts.iter().all(|&count| count == 7 || count == 8), "{counts:?}");
        assert!(!labels.is_sorted(), "labels are shuffled");
    }
}
