//! The default number of threads: the cores that the process may use.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// How long a count is cached: the system call costs more than a small batch.
const CACHE_DURATION: Duration = Duration::from_secs(1);

/// The number of cores that this process may use: its affinity and, on Linux, its cgroup's quota.
/// Both may change while it runs.
#[derive(Default)]
pub(crate) struct Cores {
    last: Mutex<Option<(Instant, usize)>>,
}

impl Cores {
    /// The count, at most [`CACHE_DURATION`] old.
    pub(crate) fn count(&self) -> usize {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        match *last {
            Some((time, count)) if time.elapsed() < CACHE_DURATION => count,
            _ => {
                let count = std::thread::available_parallelism().map_or(1, usize::from);
                *last = Some((Instant::now(), count));
                count
            }
        }
    }
}
