//! Digits that squared distances lose to a common offset, and how to keep them.

use crate::Result;
use triplet_core::{Batch, Distance, Real, retrieval::Score};
use triplet_simd::memory;

/// Of twenty queries, one may have more rounding than is answered.
const FEW: usize = 20;

/// What rounding may do to the distances of the queries to their nearest rows, next to these
/// distances: what 19 of 20 queries stay below.
///
/// `d = (n_i + n_j) - 2 g_ij` is computed from chains of `D` rounded steps. Each of the two
/// norms is off by at most `gamma_D n`, `g_ij` by at most `gamma_D (n_i + n_j) / 2` (Higham
/// 2002, 3.5, and `2 |x_k y_k| <= x_k^2 + y_k^2`), where `gamma_D` is about `D u` and `u` half
/// of the type's epsilon: in all `2 D u (n_i + n_j) = D eps (n_i + n_j)`. The angular distance
/// `1 - g_ij` of unit rows is off by `D u` from the chain and about `u` a component from
/// normalising: `D eps` in all. It is divided by the distance in f64. Equal rows are left out:
/// squared distances give 0 for them without an error.
pub(super) fn rounding<T: Real>(
    queries: &Batch<'_, T>,
    searched: &Batch<'_, T>,
    distance: Distance,
    scores: &[Score],
) -> f64 {
    let width = queries.width();
    let rows = queries.embeddings().chunks_exact(width);
    let ratio = |(x, score): (&[T], &Score)| {
        let y = &searched.embeddings()[score.nearest? as usize * width..][..width];
        let (mut own, mut other, mut apart) = (0.0_f64, 0.0_f64, 0.0_f64);
        for (x, y) in x.iter().zip(y) {
            let (x, y) = (x.to_f64(), y.to_f64());
            own += x * x;
            other += y * y;
            apart += (x - y) * (x - y);
        }
        let (size, distance) = match distance {
            Distance::SquaredL2 | Distance::L2 => (own + other, apart),
            Distance::Angular => {
                // 1 - cos = |x/|x| - y/|y||^2 / 2, without the cancellation of 1 - cos.
                let (own, other) = (own.sqrt().max(f64::MIN_POSITIVE), other.sqrt().max(f64::MIN_POSITIVE));
                let step = |(x, y): (&T, &T)| (x.to_f64() / own - y.to_f64() / other).powi(2);
                (1.0, x.iter().zip(y).map(step).sum::<f64>() / 2.0)
            }
        };
        (apart > 0.0 && distance > 0.0).then(|| width as f64 * T::EPSILON * size / distance)
    };
    let mut ratios: Vec<f64> = rows.zip(scores).filter_map(ratio).collect();
    if ratios.is_empty() {
        return 0.0;
    }
    let place = ratios.len() - 1 - ratios.len() / FEW;
    *ratios.select_nth_unstable_by(place, f64::total_cmp).1
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
    let mut moved = memory::reserve(batch.embeddings().len())?;
    for row in rows {
        moved.extend(row.iter().zip(mean).map(|(x, mean)| T::from_f64(x.to_f64() - mean)));
    }
    Ok(Batch::owned(moved, batch.width(), batch.labels().to_vec())?)
}

#[cfg(test)]
mod tests {
    use super::*;

    const EPSILON: f64 = f32::EPSILON as f64;

    fn nearest(rows: &[Option<u32>]) -> Vec<Score> {
        rows.iter().map(|&nearest| Score { nearest, ..Score::default() }).collect()
    }

    /// Of one query, and the second of two rows.
    fn of_one(query: [f32; 2], row: [f32; 2], distance: Distance) -> f64 {
        let searched = [0.0, 9.0, row[0], row[1]];
        let (queries, searched) =
            (Batch::new(&query, 2, &[0]).unwrap(), Batch::new(&searched, 2, &[0, 0]).unwrap());
        rounding(&queries, &searched, distance, &nearest(&[Some(1)]))
    }

    #[test]
    fn the_bound_of_one_query_worked_out_by_hand() {
        // Norms of 25 and 5, a squared distance of 1 + 9: 2 eps (25 + 5) / 10.
        for distance in [Distance::SquaredL2, Distance::L2] {
            assert_eq!(of_one([3.0, 4.0], [2.0, 1.0], distance), 6.0 * EPSILON);
            assert_eq!(of_one([3.0, 4.0], [3.0, 4.0], distance), 0.0);
        }
        // The directions (0.6, 0.8) and (0.8, 0.6) are 0.04 from each other: 2 eps / 0.04.
        let angular = of_one([3.0, 4.0], [8.0, 6.0], Distance::Angular);
        assert!((angular / (50.0 * EPSILON) - 1.0).abs() < 1e-12, "{angular:e}");
        // Rows of one direction have no distance, equal or not.
        for row in [[3.0, 4.0], [6.0, 8.0]] {
            assert_eq!(of_one([3.0, 4.0], row, Distance::Angular), 0.0);
        }
    }

    #[test]
    fn one_query_of_twenty_may_have_more() {
        let ranked = |count: u32| {
            // The query at n has its nearest row at n + 1, and a bound of eps (n^2 + (n + 1)^2).
            let rows: Vec<f32> = (0..=count).map(|n| n as f32).collect();
            let labels = vec![0; rows.len()];
            let (queries, searched) = (
                Batch::new(&rows[..count as usize], 1, &labels[1..]).unwrap(),
                Batch::new(&rows, 1, &labels).unwrap(),
            );
            let nearest = nearest(&(1..=count).map(Some).collect::<Vec<_>>());
            rounding(&queries, &searched, Distance::L2, &nearest) / EPSILON
        };
        let bound = |n: f64| n * n + (n + 1.0) * (n + 1.0);
        // All of 19 queries, all but one of 20, all but two of 40.
        assert_eq!([1, 19, 20, 40].map(ranked), [0.0, 18.0, 18.0, 37.0].map(bound));
    }

    #[test]
    fn queries_without_a_nearest_row_have_no_bound() {
        let batch = Batch::new(&[1.0_f32, 2.0], 1, &[0, 0]).unwrap();
        assert_eq!(rounding(&batch, &batch, Distance::L2, &nearest(&[None, None])), 0.0);
        assert_eq!(rounding(&batch, &batch, Distance::L2, &nearest(&[None, Some(0)])), 5.0 * EPSILON);
    }

    #[test]
    fn the_mean_row_is_subtracted() {
        let batch = Batch::new(&[1.0_f32, 2.0, 4.0, 8.0], 2, &[7, 8]).unwrap();
        assert_eq!(mean(&batch), [2.5, 5.0]);
        assert_eq!(mean(&Batch::new(&[0.0_f32; 0], 2, &[]).unwrap()), [0.0, 0.0]);
        let moved = less(&batch, &[2.5, 5.0]).unwrap();
        assert_eq!((moved.embeddings(), moved.labels()), (&[-1.5, -3.0, 1.5, 3.0][..], &[7, 8][..]));
    }
}
