//! What can be wrong with a number of threads.

/// Errors of starting threads.
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
        /// Threads asked for.
        threads: usize,
        /// The most there may be.
        most: usize,
    },
    /// Threads that the operating system would not start.
    #[error("could not start {threads} threads: {reason}")]
    ThreadPool {
        /// Threads asked for.
        threads: usize,
        /// What the thread pool answered.
        reason: String,
    },
    /// No instruction set, or no memory.
    #[error(transparent)]
    Simd(#[from] triplet_simd::Error),
}
