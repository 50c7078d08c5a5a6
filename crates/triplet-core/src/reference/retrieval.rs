//! Which neighbours come first: every distance, sorted.

use crate::{
    Real,
    distance::inner,
    retrieval::{RetrievalTask, Score},
};

/// Scores every query; scores by original row.
///
/// ```
/// use triplet_core::{
///     Batch, Comparison, Distance, Identity, Points, points::PointsBuffers, reference,
///     retrieval::{RetrievalTask, Score},
/// };
/// // Row 2 is nearer to rows 1 and 0 than to row 3 of its own class.
/// let batch = Batch::new(&[0.0_f32, 0.1, 1.0, 9.0], 1, &[0, 0, 1, 1])?;
/// let mut buffers = PointsBuffers::default();
/// let points = Points::new(&batch, Distance::L2, &mut buffers);
/// let task = RetrievalTask::new(Comparison::within(points, Identity::OwnRow, Distance::L2), 2);
///
/// let mut scores = [Score::default(); 4];
/// reference::retrieve(&task, &mut scores);
/// assert_eq!(scores.map(|score| score.first), [1, 1, 0, 1]); // 0: not among the first 2
/// assert_eq!(scores[2].nearest, Some(1));
/// # Ok::<(), triplet_core::Error>(())
/// ```
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
