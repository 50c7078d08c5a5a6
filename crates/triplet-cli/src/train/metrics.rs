//! How well rows of one class find one another.

use ndarray::{ArrayView1, ArrayView2};

/// Recall@1 and MAP@R of a set of embeddings.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Retrieval {
    /// Share of the rows whose nearest other row has their label.
    pub(crate) recall_at_1: f64,
    /// Mean average precision at R (Musgrave, Belongie and Lim, 2020, section 3.2):
    /// R is the number of other rows of the query's class.
    pub(crate) map_at_r: f64,
}

/// Measures by Euclidean distance; equal distances go to the lower row. Rows without
/// another of their class are no queries.
pub(crate) fn retrieval(embeddings: ArrayView2<'_, f32>, labels: &[i64]) -> Retrieval {
    let (mut queries, mut hits, mut precisions) = (0_u32, 0_u32, 0.0);
    for (query, x) in embeddings.outer_iter().enumerate() {
        let relevant = labels.iter().filter(|&&label| label == labels[query]).count() - 1;
        if relevant == 0 {
            continue;
        }
        queries += 1;
        let others = embeddings.outer_iter().enumerate().filter(|&(row, _)| row != query);
        let mut ranked: Vec<(f64, usize)> = others.map(|(row, y)| (squared_distance(x, y), row)).collect();
        ranked.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        hits += u32::from(labels[ranked[0].1] == labels[query]);
        let (mut right, mut sum) = (0_u32, 0.0);
        for (rank, &(_, row)) in ranked[..relevant].iter().enumerate() {
            if labels[row] == labels[query] {
                right += 1;
                sum += f64::from(right) / (rank + 1) as f64;
            }
        }
        precisions += sum / relevant as f64;
    }
    let queries = f64::from(queries.max(1));
    Retrieval { recall_at_1: f64::from(hits) / queries, map_at_r: precisions / queries }
}

fn squared_distance(x: ArrayView1<'_, f32>, y: ArrayView1<'_, f32>) -> f64 {
    x.iter().zip(y).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::arr2;

    #[test]
    fn worked_out_by_hand() {
        // Row 0 (class 0, R = 2) ranks 1, 2, 3: right, wrong. AP = (1/1) / 2.
        // Row 1 (class 0) ranks 0 and 2 (a tie, lower row first): AP = 1/2.
        // Row 2 (class 1, R = 1) ranks 1: wrong. Row 3 (class 0) ranks 2, 1: AP = (1/2) / 2.
        // Row 4 (class 1) ranks 3: wrong.
        let x = arr2(&[[0.0], [1.0], [2.0], [3.5], [9.0]]);
        let got = retrieval(x.view(), &[0, 0, 1, 0, 1]);
        assert_eq!(got.recall_at_1, 2.0 / 5.0);
        assert!((got.map_at_r - (0.5 + 0.5 + 0.0 + 0.25 + 0.0) / 5.0).abs() < 1e-15);
    }

    #[test]
    fn perfect_clusters_score_one_and_loners_are_no_queries() {
        let x = arr2(&[[0.0], [0.1], [5.0], [5.1], [100.0]]);
        let got = retrieval(x.view(), &[0, 0, 1, 1, 2]);
        assert_eq!(got, Retrieval { recall_at_1: 1.0, map_at_r: 1.0 });
    }
}
