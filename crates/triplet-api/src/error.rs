//! Typed errors of a call. Each names the offending value, where it stands and what to do.

use core::fmt;

/// Everything that can be wrong with a caller's input or options.
///
/// Degenerate batches (no rows, one row, no positives, no negatives) are results,
/// not errors; see [`crate::Statistics`].
///
/// ```
/// use triplet_api::{Batch, CoreError, Error, Loss, TripletSemiHardLoss, Weights, Workspace};
/// let batch = Batch::new(&[0.0_f32, 1.0], 1, &[0, 0])?;
/// let mut workspace = Workspace::default();
/// let loss = TripletSemiHardLoss { margin: f64::NAN, ..Default::default() };
/// let error = loss.evaluate(&batch, &mut workspace).unwrap_err();
/// assert!(matches!(error, Error::Core(CoreError::Margin { value }) if value.is_nan()));
///
/// let weights = Weights::PerSample(&[1.0, -2.0]);
/// let error = TripletSemiHardLoss::default().forward(&batch, weights, &mut workspace).unwrap_err();
/// assert_eq!(error.to_string(), "sample_weight[1] is -2: weights must be finite and not negative");
/// # Ok::<(), triplet_api::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A batch, margin or name that is refused.
    #[error(transparent)]
    Core(#[from] triplet_core::Error),
    /// An error of the instruction set or of an allocation.
    #[error(transparent)]
    Simd(triplet_simd::Error),
    /// An error of the number of threads, or of starting them.
    #[error(transparent)]
    Par(triplet_par::Error),
    /// Ranks that cannot compute together.
    #[error(transparent)]
    Rank(#[from] crate::ranks::RankError),
    /// Rows that are not cut into ranks.
    #[error(
        "the rows of the ranks start at {starts:?}: expected ascending starts from 0 to {rows}, one a rank and the end"
    )]
    RankStarts {
        /// The starts.
        starts: Vec<usize>,
        /// Rows of the batch.
        rows: usize,
    },
    /// Marks that are not one a row.
    #[error("there are {marks} marks for {rows} rows: one a row is needed")]
    RankMarks {
        /// Number of marks.
        marks: usize,
        /// Rows of the shard.
        rows: usize,
    },
    /// Candidates of several ranks' anchors whose gradient is wanted.
    #[error(
        "ranks compute the gradient to their own rows: that of candidates, which every rank has, is not put together"
    )]
    RankCandidates,
    /// Centring with a distance other than the Euclidean and its square.
    #[error("centring moves the origin, which angles are measured from: it goes with l2 and squared-l2")]
    CentredAngles,
    /// One side of a search has ids, the other none.
    #[error("the {side} have no ids but the other side has: give ids to both or to neither")]
    IdsMissing {
        /// `queries` or `references`.
        side: &'static str,
    },
    /// Queries and references of different widths.
    #[error(
        "the queries have width {queries} but the references have width {references}: both must be embeddings of one network"
    )]
    WidthMismatch {
        /// Width of the queries.
        queries: usize,
        /// Width of the references.
        references: usize,
    },
    /// Ids and rows of a search disagree about how many there are.
    #[error("there are {ids} ids for {rows} rows of the {side}: one id a row is needed")]
    IdsLength {
        /// `queries` or `references`.
        side: &'static str,
        /// Number of ids.
        ids: usize,
        /// Number of rows.
        rows: usize,
    },
    /// A call that needs more memory than it may take.
    #[error(
        "the call needs {} of memory at least, of the {} that it may take: allow more, or use smaller batches or fewer threads",
        Megabytes(*needed), Megabytes(*allowed)
    )]
    MemoryBudget {
        /// Bytes needed at least.
        needed: usize,
        /// [`crate::MemoryLimits::bytes`].
        allowed: usize,
    },
    /// Triplets asked of a call that worked through them in parts.
    #[error("the triplets were not kept in the {} that the call might take: allow more", Megabytes(*allowed))]
    TripletsNotKept {
        /// [`crate::MemoryLimits::bytes`].
        allowed: usize,
    },
    /// A memory bank without room.
    #[error("a memory bank of {size} rows of width {width} holds nothing: both must be at least 1")]
    MemoryBank {
        /// Width of the rows.
        width: usize,
        /// Rows that it should hold.
        size: usize,
    },
    /// A batch that a memory bank cannot hold.
    #[error("{rows} rows do not fit a memory bank of {size}: use a larger one, or smaller batches")]
    MemoryBankTooSmall {
        /// Rows of the batch.
        rows: usize,
        /// Rows that the bank holds.
        size: usize,
    },
    /// Sample weights of a shape that is neither scalar nor one a row.
    #[error(
        "sample_weight has shape {shape:?} but the batch has shape [{rows}]: give a scalar, [{rows}] or [{rows}, 1]"
    )]
    WeightShape {
        /// The shape found.
        shape: Vec<usize>,
        /// Rows in the batch.
        rows: usize,
    },
    /// A weight that is negative, NaN or infinite.
    #[error("sample_weight[{row}] is {value}: weights must be finite and not negative")]
    Weight {
        /// Index of the weight (0 for a scalar).
        row: usize,
        /// The weight.
        value: f64,
    },
    /// An upstream gradient of the wrong length for the reduction.
    #[error("the upstream gradient has {len} values but the reduced loss has {expected}")]
    UpstreamShape {
        /// Length found.
        len: usize,
        /// Length needed: 1 for mean and sum, the batch size for none.
        expected: usize,
    },
    /// A slice for the gradient that has another length than the embeddings.
    #[error("the gradient has {expected} values but there is room for {len}")]
    GradientLength {
        /// Length of the slice.
        len: usize,
        /// Rows times width.
        expected: usize,
    },
    /// An upstream gradient that is NaN or infinite.
    #[error("the upstream gradient's value {index} is {value}: it must be finite")]
    Upstream {
        /// Position of the value.
        index: usize,
        /// The value.
        value: f64,
    },
    /// Finite input whose loss does not fit the element type.
    #[error(
        "the loss is {value:.3e}, beyond the element type's range: scale the embeddings, the margin or the weights down"
    )]
    LossOverflow {
        /// The loss in f64.
        value: f64,
    },
    /// Finite input whose gradient does not fit the element type.
    #[error(
        "the gradient's row {row} leaves the element type's range: scale the embeddings or the weights down"
    )]
    GradientOverflow {
        /// Row of the gradient.
        row: usize,
    },
    /// A batch without a positive pair, to a loss with `require_positives`.
    #[error(
        "no two of the {rows} rows share a label: the loss of an empty set of pairs is undefined; sample at least two rows a class, or allow it"
    )]
    NoPositivePairs {
        /// Rows in the batch.
        rows: usize,
    },
    /// A configuration key that is not read.
    #[error("unknown config key {key:?}: the keys are {known}")]
    UnknownConfigKey {
        /// The key.
        key: String,
        /// The keys that are read.
        known: &'static str,
    },
    /// A configuration value of the wrong type.
    #[error("config key {key:?} holds {found}: expected {expected}")]
    ConfigType {
        /// The key.
        key: String,
        /// Type and value found.
        found: String,
        /// The type needed.
        expected: &'static str,
    },
    /// A configuration that is no JSON object.
    #[error("the config is not a JSON object: {reason}")]
    ConfigSyntax {
        /// The message of the parser.
        reason: String,
    },
}

impl From<triplet_simd::Error> for Error {
    fn from(error: triplet_simd::Error) -> Self {
        Self::Simd(error)
    }
}

impl From<triplet_par::Error> for Error {
    /// An error of `triplet-simd` is [`Error::Simd`] also where `triplet-par` returned it.
    fn from(error: triplet_par::Error) -> Self {
        match error {
            triplet_par::Error::Simd(error) => Self::Simd(error),
            error => Self::Par(error),
        }
    }
}

/// Bytes for people.
struct Megabytes(usize);

impl fmt::Display for Megabytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Two digits of little, so that what is needed differs from what is allowed.
        write!(f, "{:.2} MB", self.0 as f64 / 1e6)
    }
}
