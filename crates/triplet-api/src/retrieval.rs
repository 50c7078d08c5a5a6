//! Retrieval measures: how high rows of a query's class are ranked, without a matrix of distances.

mod digits;

use crate::{Error, Result, Workspace};
use triplet_core::{
    Batch, Comparison, Distance, Identity, Points,
    points::PointsBuffers,
    retrieval::{RetrievalTask, Score},
};
use triplet_simd::{Element, float_mode};

/// Recall and precision over all queries with another row of their class.
///
/// ```
/// use triplet_api::{Batch, Distance, Retrieval, Workspace};
///
/// // Row 2 is nearer to row 1 than to its own class.
/// let batch = Batch::new(&[0.0_f32, 0.1, 1.0, 9.0], 1, &[0, 0, 1, 1])?;
/// let found = Retrieval::self_retrieval(&batch, &[1, 2], Distance::L2, &mut Workspace::default())?;
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
    /// For each k of the request: the share of the queries with a row of their class among the
    /// nearest k. The first is always k = 1.
    pub recall: Vec<(usize, f64)>,
    /// Mean share of a query's nearest `R` that are of its class, where `R` are.
    pub r_precision: f64,
    /// Mean average precision at `R` (Musgrave, Belongie and Lim, 2020, section 3.2).
    pub map_at_r: f64,
    /// How much of the distance to the nearest row may be rounding: a bound on the error over the
    /// distance, `D eps (n_i + n_j) / d_ij` or for angular distances `D eps / d_ij`, which 19 of 20
    /// queries whose nearest row is not equal to them stay below. Rows far from the origin and near
    /// to each other have much of it; [`Request::centre`] takes the offset away.
    pub rounding: f64,
}

/// Rows of a search; see the example of [`Request`].
#[derive(Debug, Clone, Copy)]
pub struct Rows<'a, T: Element = f32> {
    /// Embeddings and labels.
    pub batch: &'a Batch<'a, T>,
    /// One id a row: rows of a query's own id are neither ranked nor counted.
    /// Ids may repeat. Both sides of a search have them, or neither.
    pub ids: Option<&'a [i64]>,
}

impl<'a, T: Element> From<&'a Batch<'a, T>> for Rows<'a, T> {
    fn from(batch: &'a Batch<'a, T>) -> Self {
        Self { batch, ids: None }
    }
}

/// A search with all its options.
///
/// ```
/// use triplet_api::{Batch, Distance, Workspace, retrieval::{Request, Retrieval, Rows}};
///
/// // The gallery holds the queries 10 and 11, and one more picture of each class.
/// let gallery = Batch::new(&[0.0_f32, 9.0, 0.5, 8.0], 1, &[0, 1, 0, 1])?;
/// let queries = Batch::new(&[0.0_f32, 9.0], 1, &[0, 1])?;
/// let request = Request {
///     queries: Rows { batch: &queries, ids: Some(&[10, 11]) },
///     references: Some(Rows { batch: &gallery, ids: Some(&[10, 11, 12, 13]) }),
///     depths: &[1],
///     distance: Distance::L2,
///     centre: false,
/// };
/// let found = Retrieval::answer(&request, &mut Workspace::default())?;
/// assert_eq!((found.queries, found.map_at_r), (2, 1.0));
/// # Ok::<(), triplet_api::Error>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Request<'a, T: Element = f32> {
    /// The rows whose neighbours are ranked.
    pub queries: Rows<'a, T>,
    /// The rows that are ranked; `None` ranks, for each query, all other queries.
    pub references: Option<Rows<'a, T>>,
    /// Depths of recall@k; k = 1 is always added.
    pub depths: &'a [usize],
    /// The distance that ranks.
    pub distance: Distance,
    /// Whether to subtract the mean of the searched rows first, in f64 and rounded once.
    /// Euclidean distances stay what they are, and lose fewer digits to a common offset.
    pub centre: bool,
}

impl Retrieval {
    /// Searches each row among all others of the batch. Equal distances go to the lower row.
    ///
    /// # Errors
    /// [`SimdError::OutOfMemory`](crate::SimdError::OutOfMemory).
    pub fn self_retrieval<T: Element>(
        batch: &Batch<'_, T>,
        depths: &[usize],
        distance: Distance,
        workspace: &mut Workspace<T>,
    ) -> Result<Self> {
        let request = Request { queries: batch.into(), references: None, depths, distance, centre: false };
        Self::answer(&request, workspace)
    }

    /// Searches each query among the references.
    ///
    /// ```
    /// use triplet_api::{Batch, Distance, Retrieval, Workspace};
    /// let gallery = Batch::new(&[0.0_f32, 1.0, 5.0], 1, &[0, 1, 0])?;
    /// let queries = Batch::new(&[0.9_f32, 4.0], 1, &[0, 0])?;
    /// let found = Retrieval::query_reference(&queries, &gallery, &[1, 2], Distance::L2, &mut Workspace::default())?;
    /// assert_eq!(found.recall, [(1, 0.5), (2, 1.0)]);
    /// # Ok::<(), triplet_api::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::WidthMismatch`]; [`SimdError::OutOfMemory`](crate::SimdError::OutOfMemory).
    pub fn query_reference<T: Element>(
        queries: &Batch<'_, T>,
        references: &Batch<'_, T>,
        depths: &[usize],
        distance: Distance,
        workspace: &mut Workspace<T>,
    ) -> Result<Self> {
        let (queries, references) = (queries.into(), Some(references.into()));
        Self::answer(&Request { queries, references, depths, distance, centre: false }, workspace)
    }

    /// Searches as the request says. Equal distances go to the lower row.
    ///
    /// # Errors
    /// [`Error::WidthMismatch`]; [`Error::IdsLength`] and [`Error::IdsMissing`];
    /// [`Error::CentredAngles`]; [`SimdError::OutOfMemory`](crate::SimdError::OutOfMemory); with
    /// `centre`, [`CoreError::NormOverflow`](crate::CoreError::NormOverflow) of rows too far from the mean.
    pub fn answer<T: Element>(request: &Request<'_, T>, workspace: &mut Workspace<T>) -> Result<Self> {
        request.check()?;
        float_mode::with_default_mode(|| {
            if !request.centre {
                return Self::measure(request, workspace);
            }
            let (queries, references) = (request.queries, request.references);
            let mean = digits::mean(references.unwrap_or(queries).batch);
            let moved = digits::less(queries.batch, &mean)?;
            let searched = references.map(|rows| digits::less(rows.batch, &mean)).transpose()?;
            let references = references.zip(searched.as_ref());
            let moved = Request {
                queries: Rows { batch: &moved, ..queries },
                references: references.map(|(rows, batch)| Rows { batch, ..rows }),
                ..*request
            };
            Self::measure(&moved, workspace)
        })
    }

    /// The share of the queries whose nearest row is of their class: recall@1.
    #[must_use]
    pub fn precision_at_1(&self) -> f64 {
        self.recall.first().map_or(0.0, |&(_, share)| share)
    }

    fn measure<T: Element>(request: &Request<'_, T>, workspace: &mut Workspace<T>) -> Result<Self> {
        let Request { queries, references, depths, distance, .. } = *request;
        let depth = depths.iter().copied().max().unwrap_or(1).max(1);
        workspace.kept.granted.ask(request.bytes_needed(0))?;
        let mut scores = vec![Score::default(); queries.batch.rows()];
        let mut buffers = [PointsBuffers::default(), PointsBuffers::default()];
        let [of_queries, of_references] = &mut buffers;
        let points = Points::new(queries.batch, distance, of_queries);
        let comparison = match references {
            None => {
                let own_ids = |ids| Identity::Ids { anchors: ids, candidates: ids };
                Comparison::within(points, queries.ids.map_or(Identity::OwnRow, own_ids), distance)
            }
            Some(rows) => {
                let ids = queries.ids.zip(rows.ids);
                let given = |(anchors, candidates)| Identity::Ids { anchors, candidates };
                let searched = Points::new(rows.batch, distance, of_references);
                Comparison::between(points, searched, ids.map_or(Identity::Disjoint, given), distance)
            }
        };
        let task = RetrievalTask::new(comparison, depth);
        let wanted = (0..scores.len() as u32).map(|query| task.wanted(query)).max().unwrap_or(0);
        let candidates = wanted.saturating_mul(workspace.engine.executed().threads);
        workspace.kept.granted.ask(request.bytes_needed(candidates))?;
        workspace.engine.retrieve(&task, &mut scores);
        let searched = references.unwrap_or(queries).batch;
        let rounding = digits::rounding(queries.batch, searched, distance, &scores);
        Ok(Self { rounding, ..Self::of(&scores, depths) })
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
            rounding: 0.0,
        }
    }
}

impl<T: Element> Request<'_, T> {
    /// Bytes that the search takes, about: both sides and both packed, scores, and so many
    /// candidates that all workers together keep for each query of a tile.
    fn bytes_needed(&self, candidates: usize) -> usize {
        let (queries, searched) = (self.queries.batch, self.references.unwrap_or(self.queries).batch);
        let rows = queries.rows().saturating_add(searched.rows());
        let packed = rows.saturating_mul(queries.width() + 2).saturating_mul(size_of::<T>());
        let points = Points::<T>::bytes_needed(rows, queries.width(), self.distance);
        // Tiles of 16 rows, candidates of 16 bytes, twice as many as are wanted.
        let kept = candidates.saturating_mul(16 * 16 * 2);
        let scores = 2 * size_of::<Score>() * queries.rows();
        [packed, points, kept, scores].into_iter().fold(0, usize::saturating_add)
    }

    fn check(&self) -> Result<()> {
        if self.centre && self.distance.needs_unit_rows() {
            return Err(Error::CentredAngles);
        }
        let (queries, references) = (self.queries, self.references.unwrap_or(self.queries));
        if queries.batch.width() != references.batch.width() {
            let (queries, references) = (queries.batch.width(), references.batch.width());
            return Err(Error::WidthMismatch { queries, references });
        }
        let sides = [("queries", queries, references), ("references", references, queries)];
        for (side, rows, others) in sides {
            match rows.ids {
                Some(ids) if ids.len() != rows.batch.rows() => {
                    return Err(Error::IdsLength { side, ids: ids.len(), rows: rows.batch.rows() });
                }
                None if others.ids.is_some() => return Err(Error::IdsMissing { side }),
                _ => {}
            }
        }
        Ok(())
    }
}
