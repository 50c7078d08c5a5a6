//! Which neighbours come first: every distance, sorted.

use crate::{
    Real,
    distance::inner,
    retrieval::{RetrievalTask, Score},
};

/// Scores every query; scores by original row.
pub fn retrieve<T: Real>(task: &RetrievalTask<'_, T>, scores: &mut [Score]) {
    let comparison = task.comparison();
    let (queries, references) = (comparison.anchors(), comparison.candidates());
    let rows = 0..references.len() as u32;
    let norm = |x: &[T]| inner(x, x);
    let norms: Vec<T> = rows.clone().map(|row| norm(references.row(row))).collect();
    for (query, score) in (0..).zip(scores) {
        let x = queries.row(query);
        let value = |row: u32| {
            comparison.distance().ranking_value(inner(x, references.row(row)), norm(x), norms[row as usize])
        };
        let found = rows.clone().filter(|&row| !comparison.identity().is_same(query, row));
        let mut ranked: Vec<(T, u32)> = found.map(|row| (value(row), row)).collect();
        // Ranking values are finite; rows are in ascending order, which a stable sort keeps.
        ranked.sort_by(|a, b| a.0.partial_cmp(&b.0).unwrap_or(core::cmp::Ordering::Equal));
        *score = task.score(query, ranked.into_iter().map(|(_, row)| row));
    }
}
