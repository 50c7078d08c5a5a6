//! How high rows of a query's class are ranked among its neighbours: recall@k, precision@1, MAP@R.
//!
//! Every query's neighbours are ranked by distance, equal distances by original row. The
//! definitions follow Musgrave, Belongie and Lim, *A Metric Learning Reality Check* (2020),
//! section 3.2, with `R` the number of rows of the query's class among those searched.
//! The query itself and rows of its own id are neither ranked nor counted.

use crate::{
    Real,
    comparison::{Comparison, Identity},
};
use std::collections::HashMap;

/// Queries (the anchors of the comparison), each to be ranked against all references (its candidates).
///
/// ```
/// use triplet_core::{
///     Batch, Comparison, Distance, Identity, Points, points::PointsBuffers, retrieval::RetrievalTask,
/// };
/// let batch = Batch::new(&[0.0_f32, 0.1, 1.0, 9.0], 1, &[0, 0, 1, 1])?;
/// let mut buffers = PointsBuffers::default();
/// let points = Points::new(&batch, Distance::L2, &mut buffers);
/// let task = RetrievalTask::new(Comparison::within(points, Identity::OwnRow, Distance::L2), 3);
/// assert!(task.excludes(2, 2));
/// assert_eq!(task.wanted(2), 3);
///
/// // The neighbours of row 2, nearest first: one other row of its class, at rank 3.
/// let score = task.score(2, [1, 0, 3].into_iter());
/// assert_eq!((score.relevant, score.first, score.right), (1, 3, 0));
/// # Ok::<(), triplet_core::Error>(())
/// ```
#[derive(Debug)]
pub struct RetrievalTask<'a, T: Real> {
    comparison: Comparison<'a, T>,
    depth: usize,
    relevant: Vec<u32>,
}

/// What one query found; see the example of [`RetrievalTask`].
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Score {
    /// Rows of its class among those searched, `R`. With 0 the query is left out of every mean.
    pub relevant: u32,
    /// Rank of the first of them, from 1; 0 if it is deeper than the ranks that were searched.
    pub first: u32,
    /// How many of them are among the first `R`.
    pub right: u32,
    /// Mean over the first `R` ranks of the precision there, where the row is right.
    pub average_precision: f64,
    /// The nearest row, of any class.
    pub nearest: Option<u32>,
}

impl<'a, T: Real> RetrievalTask<'a, T> {
    /// Every query among the references. Neighbours are ranked up to the larger of `depth` and `R`.
    #[must_use]
    pub fn new(comparison: Comparison<'a, T>, depth: usize) -> Self {
        let (queries, references) = (comparison.anchors().labels(), comparison.candidates().labels());
        let mut counts: HashMap<i64, u32> = HashMap::new();
        for &label in references {
            *counts.entry(label).or_default() += 1;
        }
        // Rows of a class that share an id, whatever the class.
        let mut same_id: HashMap<(i64, i64), u32> = HashMap::new();
        if let Identity::Ids { candidates, .. } = comparison.identity() {
            for (&label, &id) in references.iter().zip(candidates) {
                *same_id.entry((label, id)).or_default() += 1;
            }
        }
        let count = |(query, label): (usize, &i64)| {
            let own = match comparison.identity() {
                Identity::OwnRow => 1,
                Identity::Disjoint => 0,
                Identity::Ids { anchors, .. } => same_id.get(&(*label, anchors[query])).copied().unwrap_or(0),
            };
            counts.get(label).copied().unwrap_or(0).saturating_sub(own)
        };
        let relevant = queries.iter().enumerate().map(count).collect();
        Self { comparison, depth, relevant }
    }

    /// Queries and references, and the distance between them.
    #[must_use]
    pub fn comparison(&self) -> &Comparison<'a, T> {
        &self.comparison
    }

    /// Whether a row is left out of a query's ranking: the query itself, or a row of its own id.
    #[inline]
    #[must_use]
    pub fn excludes(&self, query: u32, row: u32) -> bool {
        self.comparison.identity().is_same(query, row)
    }

    /// How many neighbours of a query are scored: the larger of `depth` and `R`, at most all
    /// references; none where no reference is of its class.
    #[must_use]
    pub fn wanted(&self, query: u32) -> usize {
        match self.relevant[query as usize] as usize {
            0 => 0,
            relevant => relevant.max(self.depth).min(self.comparison.candidates().len()),
        }
    }

    /// Scores a query by its neighbours, nearest first and without those that it
    /// [excludes](RetrievalTask::excludes): at least [`RetrievalTask::wanted`] of them where there are so many.
    pub fn score(&self, query: u32, ranked: impl Iterator<Item = u32>) -> Score {
        let label = self.comparison.anchors().label(query);
        let references = self.comparison.candidates();
        let relevant = self.relevant[query as usize];
        let mut score = Score { relevant, ..Score::default() };
        let mut found = 0;
        for (rank, row) in (1..).zip(ranked.take(self.wanted(query))) {
            score.nearest = score.nearest.or(Some(row));
            if references.label(row) != label {
                continue;
            }
            found += 1;
            if score.first == 0 && rank as usize <= self.depth.max(relevant as usize) {
                score.first = rank;
            }
            if rank <= relevant {
                score.right = found;
                score.average_precision += f64::from(found) / f64::from(rank);
            }
        }
        if relevant > 0 {
            score.average_precision /= f64::from(relevant);
        }
        score
    }
}
