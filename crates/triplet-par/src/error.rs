//! What can be wrong with a number of threads.

/// Errors of starting threads.
///
/// ```
/// use triplet_par::{Error, Rayon};
/// assert_eq!(Rayon::check(0), Err(Error::ZeroThreads));
/// let error = Rayon::with_threads(Rayon::MAX_THREADS + 1).unwrap_err();
/// assert_eq!(error, Error::TooManyThreads { threads: 4097, most: 4096 });
/// ```
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A thread count of zero.
    #[error("threads is 0: give at least 1, or leave it out for one a core")]
    ZeroThreads,
    /// More threads than any machine runs at once.
    #[error(
        "threads is {threads}: give at most {most}, or leave it out for one a core (the stacks of so many \
         would take {} GB)",
        threads / 500
    )]
    TooManyThreads {
        /// Threads requested.
        threads: usize,
        /// The largest number accepted.
        most: usize,
    },
    /// Threads that the operating system would not start.
    #[error("could not start {threads} threads: {reason}")]
    ThreadPool {
        /// Threads requested.
        threads: usize,
        /// The message of the thread pool.
        reason: String,
    },
    /// An error of the instruction set or of an allocation.
    #[error(transparent)]
    Simd(#[from] triplet_simd::Error),
}
