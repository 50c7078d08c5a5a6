//! Digits that squared distances lose to a common offset, and how to keep them.

use triplet_core::{Batch, Real, Result, memory, retrieval::Score};

/// What rounding may do to the squared distances of the queries to their nearest rows, next
/// to these distances: the median over the queries.
///
/// `d = (n_i + n_j) - 2 g_ij` is computed from chains of `D` rounded steps. Each of the two
/// norms is off by at most `gamma_D n`, `g_ij` by at most `gamma_D (n_i + n_j) / 2` (Higham
/// 2002, 3.5, and `2 |x_k y_k| <= x_k^2 + y_k^2`), where `gamma_D` is about `D u` and `u` half
/// of the type's epsilon: in all `2 D u (n_i + n_j) = D eps (n_i + n_j)`. It is divided by the
/// distance of the differences in f64. Equal rows are at distance 0 without an error, so they
/// do not count.
pub(super) fn rounding<T: Real>(queries: &Batch<'_, T>, searched: &Batch<'_, T>, scores: &[Score]) -> f64 {
    let width = queries.width();
    let rows = queries.embeddings().chunks_exact(width);
    let ratio = |(x, score): (&[T], &Score)| {
        let y = &searched.embeddings()[score.nearest? as usize * width..][..width];
        let (mut norms, mut distance) = (0.0, 0.0);
        for (x, y) in x.iter().zip(y) {
            let (x, y) = (x.to_f64(), y.to_f64());
            norms += x * x + y * y;
            distance += (x - y) * (x - y);
        }
        (distance > 0.0).then(|| width as f64 * T::EPSILON * norms / distance)
    };
    let mut ratios: Vec<f64> = rows.zip(scores).filter_map(ratio).collect();
    if ratios.is_empty() {
        return 0.0;
    }
    let middle = ratios.len() / 2;
    *ratios.select_nth_unstable_by(middle, f64::total_cmp).1
}

/// The mean row, in f64; zeros without any.
pub(super) fn mean<T: Real>(batch: &Batch<'_, T>) -> Vec<f64> {
    let mut mean = vec![0.0; batch.width()];
    for row in batch.embeddings().chunks_exact(batch.width()) {
        mean.iter_mut().zip(row).for_each(|(sum, x)| *sum += x.to_f64());
    }
    let rows = batch.rows().max(1) as f64;
    mean.iter_mut().for_each(|sum| *sum /= rows);
    mean
}

/// The rows less a row, each component computed in f64 and rounded once.
pub(super) fn less<T: Real>(batch: &Batch<'_, T>, mean: &[f64]) -> Result<Batch<'static, T>> {
    let rows = batch.embeddings().chunks_exact(batch.width());
    let mut moved = memory::room(batch.embeddings().len())?;
    for row in rows {
        moved.extend(row.iter().zip(mean).map(|(x, mean)| T::from_f64(x.to_f64() - mean)));
    }
    Batch::owned(moved, batch.width(), batch.labels().to_vec())
}
