//! How many threads the machine is worth, where nobody says.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// For so long an answer of the system holds: asking costs more than a small call.
const HOLDS: Duration = Duration::from_secs(1);

/// The cores that this process may use: its affinity and, on Linux, its cgroup's quota. Both
/// may change while it runs.
#[derive(Default)]
pub(crate) struct Cores {
    last: Mutex<Option<(Instant, usize)>>,
}

impl Cores {
    /// How many they were at most a second ago.
    pub(crate) fn count(&self) -> usize {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        match *last {
            Some((asked, count)) if asked.elapsed() < HOLDS => count,
            _ => {
                let count = std::thread::available_parallelism().map_or(1, usize::from);
                *last = Some((Instant::now(), count));
                count
            }
        }
    }
}
