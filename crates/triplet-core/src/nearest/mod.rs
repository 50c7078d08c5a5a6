//! The nearest negatives beyond given thresholds, of anchors against candidates that come a portion at a time.
//!
//! A batch is mined at once. Of a data set that is larger than memory, the thresholds of some anchors are known first,
//! and then the candidates come by: [`crate::Engine::search_nearest`] takes a portion of them and improves what was found
//! among those before. Cutting the candidates up changes nothing, since ties go to the lowest row of the whole set.

mod conditions;
mod found;

pub use conditions::{Conditions, first_key, last_key, score};
pub use found::{Nearest, NearestParts};

use crate::{Batch, Distance, Error, Points, Real, Result, real::Key};

/// Anchors, and what each looks for: for every threshold, the nearest candidates that reach it.
///
/// ```
/// use triplet_core::{
///     Batch, Distance, Engine, Points, Real, Scalar,
///     nearest::{Excluded, Nearest, NearestTask, Portion},
///     points::PointsBuffers,
/// };
/// let (anchors, candidates) = (
///     Batch::new(&[0.0_f32], 1, &[7])?,
///     Batch::new(&[3.0_f32, 1.0, -2.0, 0.5], 1, &[8, 8, 8, 7])?,
/// );
/// let (mut left, mut right) = (PointsBuffers::default(), PointsBuffers::default());
/// let distance = Distance::SquaredL2;
/// // One anchor with two thresholds: candidates from distance 0 on, and from 2 on.
/// let thresholds = [0.0_f32.key(), 2.0_f32.key()];
/// let task = NearestTask::new(Points::new(&anchors, distance, &mut left), distance, &[0, 2], &thresholds)?;
/// let task = task.keeping(2).excluding(Excluded::Label);
/// // They are rows 100 to 103 of the whole set.
/// let portion = Portion { points: Points::new(&candidates, distance, &mut right), first_row: 100 };
///
/// let mut nearest = Nearest::default();
/// nearest.reset(&task);
/// Scalar.search_nearest(&task, &portion, &mut nearest)?;
/// assert!(nearest.of(0).eq([(101, 1.0), (102, 4.0)]));
/// assert!(nearest.of(1).eq([(102, 4.0), (100, 9.0)]));
/// # Ok::<(), triplet_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct NearestTask<'a, T: Real> {
    anchors: Points<'a, T>,
    distance: Distance,
    starts: &'a [usize],
    thresholds: &'a [T::Key],
    limit: T::Key,
    keep: usize,
    farthest: bool,
    excluded: Excluded<'a>,
}

/// Some of the candidates; see the example of [`NearestTask`].
#[derive(Debug, Clone, Copy)]
pub struct Portion<'a, T: Real> {
    /// The rows.
    pub points: Points<'a, T>,
    /// The number of the first of them in the whole set.
    pub first_row: u32,
}

/// Rows that are anchors and candidates at once, so that a distance serves both of its rows: those of a task, all pairs
/// of them, or those of one part with another.
///
/// ```
/// use triplet_core::nearest::Mutual;
/// // Rows 96 to 191 of the whole set with rows 480 to 500.
/// let mutual = Mutual::between([96, 480], 96);
/// assert_eq!((mutual.row(95), mutual.row(96)), (191, 480));
/// assert!(mutual.looks_at(0, 96) && mutual.looks_at(96, 0) && !mutual.looks_at(0, 1));
/// assert!(Mutual::within(96).looks_at(0, 1));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mutual {
    first_rows: [u32; 2],
    split: Option<usize>,
}

impl Mutual {
    /// All pairs of rows, the first of which is this one of the whole set.
    #[must_use]
    pub fn within(first_row: u32) -> Self {
        Self { first_rows: [first_row, first_row], split: None }
    }

    /// The pairs of a row before the split and another, given the numbers in the whole set of the first row of each part,
    /// of which the first comes first. The split is a multiple of [`UNIT`](crate::shares::UNIT).
    #[must_use]
    pub fn between(first_rows: [u32; 2], split: usize) -> Self {
        Self { first_rows, split: Some(split) }
    }

    /// Where the second part starts, if there is one.
    #[must_use]
    pub fn split(self) -> Option<usize> {
        self.split
    }

    /// The number of a row in the whole set.
    #[must_use]
    pub fn row(self, row: usize) -> u32 {
        match self.split {
            Some(split) if row >= split => self.first_rows[1] + (row - split) as u32,
            _ => self.first_rows[0] + row as u32,
        }
    }

    /// Whether a pair of rows is looked at.
    #[must_use]
    pub fn looks_at(self, row: usize, other: usize) -> bool {
        self.split.is_none_or(|split| (row < split) != (other < split))
    }
}

/// Which candidates are none of an anchor's negatives.
///
/// ```
/// use triplet_core::nearest::Excluded;
/// let listed = Excluded::Rows { starts: &[0, 2, 2], rows: &[3, 9] };
/// assert!(listed.of(0) == [3, 9] && listed.of(1).is_empty());
/// assert!(Excluded::Label.of(0).is_empty());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Excluded<'a> {
    /// Those of the anchor's label, and so the anchor itself.
    Label,
    /// Those that are listed, whatever their labels.
    Rows {
        /// Where the rows of each anchor start, and the end, `[M + 1]`.
        starts: &'a [usize],
        /// Rows of the whole set; those of an anchor ascend.
        rows: &'a [u32],
    },
}

impl<'a> Excluded<'a> {
    /// The rows that are listed for an anchor.
    #[must_use]
    pub fn of(self, anchor: usize) -> &'a [u32] {
        match self {
            Self::Label => &[],
            Self::Rows { starts, rows } => &rows[starts[anchor]..starts[anchor + 1]],
        }
    }
}

impl<'a, T: Real> NearestTask<'a, T> {
    /// Anchors with the thresholds of each, which start at `starts`, `[M + 1]`. Of each threshold one candidate is kept,
    /// at any distance, and those of the anchor's label are excluded.
    ///
    /// # Errors
    /// [`Error::Starts`] if the starts do not cut the thresholds into one run an anchor.
    pub fn new(
        anchors: Points<'a, T>,
        distance: Distance,
        starts: &'a [usize],
        thresholds: &'a [T::Key],
    ) -> Result<Self> {
        check_starts("thresholds", starts, anchors.len(), thresholds.len())?;
        let limit = T::Key::END.previous();
        let excluded = Excluded::Label;
        Ok(Self { anchors, distance, starts, thresholds, limit, keep: 1, farthest: false, excluded })
    }

    /// Keeps so many candidates for each threshold, at least one.
    #[must_use]
    pub fn keeping(self, candidates: usize) -> Self {
        Self { keep: candidates.max(1), ..self }
    }

    /// Takes candidates up to this key alone.
    #[must_use]
    pub fn within(self, limit: T::Key) -> Self {
        Self { limit: limit.min(self.limit), ..self }
    }

    /// Looks for the farthest candidate of an anchor too, where one of its thresholds is not reached.
    #[must_use]
    pub fn with_farthest(self, farthest: bool) -> Self {
        Self { farthest, ..self }
    }

    /// Which candidates are none of an anchor's negatives.
    #[must_use]
    pub fn excluding(self, excluded: Excluded<'a>) -> Self {
        Self { excluded, ..self }
    }

    /// The anchors.
    #[must_use]
    pub fn anchors(&self) -> Points<'a, T> {
        self.anchors
    }

    /// The distance in use.
    #[must_use]
    pub fn distance(&self) -> Distance {
        self.distance
    }

    /// Where the thresholds of each anchor start, and the end, `[M + 1]`.
    #[must_use]
    pub fn starts(&self) -> &'a [usize] {
        self.starts
    }

    /// The smallest key that a candidate may have, for every threshold.
    #[must_use]
    pub fn thresholds(&self) -> &'a [T::Key] {
        self.thresholds
    }

    /// The largest key that a candidate may have.
    #[must_use]
    pub fn limit(&self) -> T::Key {
        self.limit
    }

    /// Candidates that are kept for each threshold.
    #[must_use]
    pub fn keep(&self) -> usize {
        self.keep
    }

    /// Whether the farthest candidates are looked for.
    #[must_use]
    pub fn farthest(&self) -> bool {
        self.farthest
    }

    /// Which candidates are none of an anchor's negatives.
    #[must_use]
    pub fn excluded(&self) -> Excluded<'a> {
        self.excluded
    }

    /// Checks a task against a portion, which engines do before they search it.
    ///
    /// # Errors
    /// Widths that differ; more rows than an index can name; excluded rows that are not one run an anchor.
    pub fn check(&self, portion: &Portion<'_, T>) -> Result<()> {
        let (anchors, candidates) = (self.anchors.width(), portion.points.width());
        if anchors != candidates {
            return Err(Error::WidthMismatch { anchors, candidates });
        }
        if let Excluded::Rows { starts, rows } = self.excluded {
            check_starts("excluded rows", starts, self.anchors.len(), rows.len())?;
        }
        let (rows, limit) = (portion.first_row as usize + portion.points.len(), Batch::<T>::MAX_ROWS);
        if rows > limit { Err(Error::TooManyRows { rows, limit }) } else { Ok(()) }
    }
}

impl<T: Real> NearestTask<'_, T> {
    /// Checks a task whose rows are candidates too.
    ///
    /// # Errors
    /// [`Error::Mutual`] where rows are listed as excluded, or parts overlap or are cut within a unit; more rows than an
    /// index can name.
    pub fn check_mutual(&self, mutual: Mutual) -> Result<()> {
        let (rows, [first, second]) = (self.anchors.len(), mutual.first_rows);
        let problem = match mutual.split {
            _ if self.excluded != Excluded::Label => Some("excluded rows cannot be listed"),
            Some(split) if split > rows || split % crate::shares::UNIT != 0 => {
                Some("the first part has to be a multiple of 48 rows, and no more than there are")
            }
            Some(split) if (first as usize + split) > second as usize => {
                Some("the first part has to end before the second starts")
            }
            _ => None,
        };
        if let Some(problem) = problem {
            return Err(Error::Mutual { problem });
        }
        let (rows, limit) = (second as usize + rows - mutual.split.unwrap_or(0), Batch::<T>::MAX_ROWS);
        if rows > limit { Err(Error::TooManyRows { rows, limit }) } else { Ok(()) }
    }
}

fn check_starts(what: &'static str, starts: &[usize], anchors: usize, len: usize) -> Result<()> {
    let fits = starts.len() == anchors + 1 && starts[0] == 0 && starts[anchors] == len && starts.is_sorted();
    if fits { Ok(()) } else { Err(Error::Starts { what, starts: starts.len(), anchors, len }) }
}
