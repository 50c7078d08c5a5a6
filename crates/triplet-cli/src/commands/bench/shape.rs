//! Inputs to measure with.

/// One input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) rows: usize,
    pub(crate) width: usize,
    pub(crate) classes: usize,
}

/// Unit rows in random directions and shuffled labels, from a seed.
pub(crate) fn input(shape: Shape, seed: u64) -> (Vec<f32>, Vec<i64>) {
    let mut rng = fastrand::Rng::with_seed(seed);
    let mut embeddings = Vec::with_capacity(shape.rows * shape.width);
    for _ in 0..shape.rows {
        let start = embeddings.len();
        embeddings.extend((0..shape.width).map(|_| crate::train::random::normal(&mut rng)));
        let row = &mut embeddings[start..];
        let norm = row.iter().map(|x| x * x).sum::<f32>().sqrt().max(f32::MIN_POSITIVE);
        row.iter_mut().for_each(|x| *x /= norm);
    }
    let mut labels: Vec<i64> = (0..shape.rows).map(|row| (row * shape.classes / shape.rows) as i64).collect();
    rng.shuffle(&mut labels);
    (embeddings, labels)
}
