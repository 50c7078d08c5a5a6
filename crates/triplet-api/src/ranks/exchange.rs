//! What carries bytes between ranks.

use core::fmt;

/// Processes, or threads, that hold one batch together and call in lockstep.
///
/// Every rank makes the same calls in the same order. [`Local`](super::Local) connects the threads of a process; with the feature
/// `mpi`, `Mpi` the processes of an MPI job; the Python package, those of a `torch.distributed` group.
pub trait Exchange: Send {
    /// The number of this rank, from 0.
    fn rank(&self) -> usize;

    /// How many ranks there are.
    fn ranks(&self) -> usize;

    /// Gives every rank the bytes of all, by ascending rank; `lengths[r]` is what rank `r` has, and `own` has this rank's
    /// length.
    ///
    /// # Errors
    /// Ranks that did not answer.
    fn all_gather(
        &mut self,
        stage: Stage,
        own: &[u8],
        lengths: &[usize],
        all: &mut [u8],
    ) -> Result<(), ExchangeError>;

    /// Gives each rank its part of the bytes of every other: `parts` are the bytes by ascending rank, and how many go to
    /// each; `received`, by ascending rank, what the others have for this one, and how many bytes come from each.
    ///
    /// # Errors
    /// Ranks that did not answer.
    fn all_to_all(
        &mut self,
        stage: Stage,
        parts: (&[u8], &[usize]),
        received: (&mut [u8], &[usize]),
    ) -> Result<(), ExchangeError>;
}

triplet_core::named_enum! {
    /// What a call of [`Exchange`] is for.
    ///
    /// ```
    /// use triplet_api::ranks::Stage;
    /// assert_eq!(Stage::Candidates.to_string(), "candidates");
    /// ```
    pub enum Stage: "stage" {
        /// Settings, and how many rows there are: [`HEADER_BYTES`](super::HEADER_BYTES) a rank.
        Settings = "settings",
        /// Rows, labels and weights.
        Rows = "rows",
        /// What each rank found for the rows of the others.
        Candidates = "candidates",
        /// The triplets of each rank's own rows.
        Triplets = "triplets",
        /// Whether each rank's gradient is finite; only if it may not be.
        Gradient = "gradient",
        /// Rows of a matrix that is put together: [`Gathered::join`](super::Gathered::join).
        Joined = "rows of a matrix",
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// An exchange that did not come about.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ExchangeError {
    /// The ranks that did not answer, as far as is known.
    pub ranks: Vec<usize>,
    /// What the transport says.
    pub reason: String,
}
