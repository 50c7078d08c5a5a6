//! How well embeddings find rows of their class, without a matrix of distances.

use crate::{Workspace, gram::GramElement};
use triplet_core::{
    Batch, Distance, Error, Problem, ProblemSpace, Question, Result, Rule,
    retrieval::{Score, Search, Side},
};
use triplet_simd::floats;

/// Recall and precision over all queries that have something to find.
///
/// ```
/// use triplet_api::{Batch, Distance, Retrieval, Workspace};
///
/// // Row 2 is nearer to row 1 than to its own class.
/// let batch = Batch::new(&[0.0_f32, 0.1, 1.0, 9.0], 1, &[0, 0, 1, 1])?;
/// let found = Retrieval::within(&batch, &[1, 2], Distance::L2, &mut Workspace::default())?;
/// assert_eq!(found.queries, 4);
/// assert_eq!(found.precision_at_1(), 0.75);
/// assert_eq!(found.recall, [(1, 0.75), (2, 0.75)]);
/// assert_eq!(found.map_at_r, 0.75);
/// # Ok::<(), triplet_api::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Retrieval {
    /// Rows with another of their class to find.
    pub queries: usize,
    /// For each k asked for: the share of the queries with a row of their class among the
    /// nearest k. The first is always k = 1.
    pub recall: Vec<(usize, f64)>,
    /// Mean share of a query's nearest `R` that are of its class, where `R` are.
    pub r_precision: f64,
    /// Mean average precision at `R` (Musgrave, Belongie and Lim, 2020, section 3.2).
    pub map_at_r: f64,
}

impl Retrieval {
    /// Searches each row among all others of the batch. Equal distances go to the lower row.
    ///
    /// # Errors
    /// None but those of future distances.
    pub fn within<T: GramElement>(
        batch: &Batch<'_, T>,
        depths: &[usize],
        distance: Distance,
        workspace: &mut Workspace<T>,
    ) -> Result<Self> {
        Self::measure(batch, None, depths, distance, workspace)
    }

    /// Searches each query among the references.
    ///
    /// # Errors
    /// [`Error::WidthMismatch`].
    pub fn among<T: GramElement>(
        queries: &Batch<'_, T>,
        references: &Batch<'_, T>,
        depths: &[usize],
        distance: Distance,
        workspace: &mut Workspace<T>,
    ) -> Result<Self> {
        if queries.width() != references.width() {
            let (queries, references) = (queries.width(), references.width());
            return Err(Error::WidthMismatch { queries, references });
        }
        Self::measure(queries, Some(references), depths, distance, workspace)
    }

    /// The share of the queries whose nearest row is of their class: recall@1.
    #[must_use]
    pub fn precision_at_1(&self) -> f64 {
        self.recall.first().map_or(0.0, |&(_, share)| share)
    }

    fn measure<T: GramElement>(
        queries: &Batch<'_, T>,
        references: Option<&Batch<'_, T>>,
        depths: &[usize],
        distance: Distance,
        workspace: &mut Workspace<T>,
    ) -> Result<Self> {
        let question = Question { distance, rule: Rule::Hard, margin: 0.0 };
        let depth = depths.iter().copied().max().unwrap_or(1).max(1);
        let mut scores = vec![Score::default(); queries.rows()];
        floats::as_defined(|| -> Result<()> {
            let mut space = ProblemSpace::default();
            let asking = Problem::new(queries, question, &mut workspace.problem)?;
            let asking = Side { problem: &asking, labels: queries.labels() };
            let searched = references.map(|batch| Problem::new(batch, question, &mut space)).transpose()?;
            let labels = references.map(Batch::labels);
            let searched = searched.as_ref().zip(labels).map(|(problem, labels)| Side { problem, labels });
            workspace.engine.retrieve(&Search::new(asking, searched, depth), &mut scores);
            Ok(())
        })?;
        Ok(Self::of(&scores, depths))
    }

    /// Means over the queries, in the order of the rows.
    fn of(scores: &[Score], depths: &[usize]) -> Self {
        let asked = || scores.iter().filter(|score| score.relevant > 0);
        let queries = asked().count();
        let mean = |sum: f64| if queries == 0 { 0.0 } else { sum / queries as f64 };
        let recall = |depth: usize| {
            let found = asked().filter(|score| score.first > 0 && score.first as usize <= depth);
            mean(found.count() as f64)
        };
        let mut all = vec![1];
        all.extend(depths.iter().copied().filter(|&depth| depth != 1));
        Self {
            queries,
            recall: all.into_iter().map(|depth| (depth, recall(depth))).collect(),
            r_precision: mean(asked().map(|s| f64::from(s.right) / f64::from(s.relevant)).sum()),
            map_at_r: mean(asked().map(|s| s.average_precision).sum()),
        }
    }
}
