//! What can go wrong with a data set.

use std::io;
use triplet_core::Error as CoreError;

/// Every way in which a job fails. Nothing that it wrote looks whole then.
///
/// ```
/// use triplet_dataset::{Error, InMemory, Job, Request, Side};
/// let rows = InMemory::new(&[0.0_f32, f32::NAN], 1);
/// let error = triplet_dataset::check_rows(&rows, &mut |_| true).unwrap_err();
/// assert!(error.to_string().starts_with("embeddings[1, 0] is NaN"));
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Rows, labels or conditions that are refused.
    #[error(transparent)]
    Core(#[from] CoreError),
    /// Labels and rows disagree.
    #[error("there are {labels} labels for {rows} rows of the {side}: one label a row is needed")]
    Labels {
        /// `anchors` or `candidates`.
        side: &'static str,
        /// Number of labels.
        labels: usize,
        /// Number of rows.
        rows: usize,
    },
    /// A part that does not exist.
    #[error("part {part} of {parts}: parts are numbered from 1 to their number, and there is one at least")]
    Part {
        /// Which.
        part: usize,
        /// Of how many.
        parts: usize,
    },
    /// No negative is asked for.
    #[error("0 negatives for each positive: ask for 1 at least")]
    NoNegatives,
    /// Less memory than one step takes.
    #[error("{given} bytes are too few: {needed} are the least for these rows")]
    Memory {
        /// Bytes given.
        given: u64,
        /// Bytes needed.
        needed: u64,
    },
    /// Rows that cannot be read.
    #[error("reading rows {first} to {last}: {error}")]
    Read {
        /// The first of them.
        first: usize,
        /// The last of them.
        last: usize,
        /// What the system says.
        error: io::Error,
    },
    /// A file that is no longer the one that was begun with.
    #[error("{0}")]
    Changed(String),
    /// What a stopped job left cannot be gone on from.
    #[error("cannot resume: {0}")]
    Resume(String),
    /// A file of the job's own cannot be written or read.
    #[error("{path}: {error}")]
    Work {
        /// Which.
        path: String,
        /// What the system says.
        error: io::Error,
    },
    /// Whoever takes the records failed.
    #[error(transparent)]
    Sink(Box<dyn std::error::Error + Send + Sync>),
    /// The caller stopped the job; what it found so far is kept where it has a folder.
    #[error("stopped")]
    Stopped,
}

impl Error {
    /// That of a batch of some rows, of which `row_of` gives the numbers in the whole set.
    pub(crate) fn of_whole_set(error: CoreError, row_of: impl Fn(usize) -> usize) -> Self {
        Self::Core(match error {
            CoreError::NonFinite { row, column, value } => {
                CoreError::NonFinite { row: row_of(row), column, value }
            }
            CoreError::NormOverflow { row, squared_norm, limit } => {
                CoreError::NormOverflow { row: row_of(row), squared_norm, limit }
            }
            other => other,
        })
    }
}
