//! How far a job is.

use std::time::Duration;

/// What is done after a step.
///
/// ```
/// use std::time::Duration;
/// use triplet_dataset::Progress;
/// let progress = Progress { pairs: 75, all_pairs: 100, here: 50, elapsed: Duration::from_secs(10), records: 0 };
/// assert_eq!(progress.rate(), 5.0);
/// assert_eq!(progress.left(), Some(Duration::from_secs(5)));
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Progress {
    /// Pairs of rows that were looked at, in all runs.
    pub pairs: u64,
    /// Pairs in all.
    pub all_pairs: u64,
    /// Pairs of this run.
    pub here: u64,
    /// Time of this run.
    pub elapsed: Duration,
    /// Records that are complete.
    pub records: u64,
}

impl Progress {
    /// Pairs a second.
    #[must_use]
    pub fn rate(&self) -> f64 {
        self.here as f64 / self.elapsed.as_secs_f64().max(1e-9)
    }

    /// The time that is left at that rate, if there is one.
    #[must_use]
    pub fn left(&self) -> Option<Duration> {
        let left = self.all_pairs.saturating_sub(self.pairs) as f64;
        Duration::try_from_secs_f64(left / self.rate()).ok()
    }
}

/// What a job does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Control {
    /// The next step.
    GoOn,
    /// Nothing more: it fails with [`crate::Error::Stopped`], unless it is done.
    Stop,
}
