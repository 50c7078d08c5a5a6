//! Jobs on rayon's threads.

use crate::{Error, Result};
use std::{
    error::Error as _,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};
use triplet_simd::{Executor, memory};

/// Estimated memory of a thread: its stack, and as much again for its scratch.
const THREAD_BYTES: usize = 4 << 20;

/// Runs jobs on the calling thread and threads of a rayon pool.
///
/// ```
/// use std::sync::atomic::{AtomicUsize, Ordering};
/// use triplet_par::Rayon;
/// use triplet_simd::Executor;
///
/// let mut executor = Rayon::with_threads(2)?;
/// let workers = AtomicUsize::new(0);
/// executor.run(&|worker| {
///     workers.fetch_or(1 << worker, Ordering::Relaxed);
/// });
/// assert_eq!((executor.threads(), workers.into_inner()), (2, 0b11));
///
/// executor.set_active(1); // the next jobs run on the calling thread
/// assert_eq!((executor.threads(), executor.max_threads()), (1, 2));
/// # Ok::<(), triplet_par::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Rayon {
    /// The executor's own pool; `None` for the caller's, or rayon's global one.
    pool: Option<Arc<rayon::ThreadPool>>,
    max_threads: usize,
    active: usize,
}

impl Rayon {
    /// The largest number of threads that is accepted.
    pub const MAX_THREADS: usize = 4096;

    /// Whether a number of threads is accepted: by every backend, also by those with one thread.
    ///
    /// # Errors
    /// [`Error::ZeroThreads`]; [`Error::TooManyThreads`].
    pub fn check(threads: usize) -> Result<()> {
        match threads {
            0 => Err(Error::ZeroThreads),
            _ if threads > Self::MAX_THREADS => {
                Err(Error::TooManyThreads { threads, most: Self::MAX_THREADS })
            }
            _ => Ok(()),
        }
    }

    /// The most threads that are started, however many are requested: 16, or four a core if that
    /// is more. With more threads a call takes seconds, which pass in waiting.
    #[must_use]
    pub fn useful_threads() -> usize {
        thread::available_parallelism().map_or(16, |cores| useful_on(cores.get()))
    }

    /// How many threads are started for a requested number.
    #[must_use]
    pub fn started_threads(threads: usize) -> usize {
        threads.min(Self::useful_threads())
    }

    /// At most `threads` threads in all, the calling one among them, and [`Rayon::useful_threads`].
    ///
    /// # Errors
    /// As [`Rayon::check`]; [`Error::ThreadPool`] if the system starts no more threads, or
    /// [`triplet_simd::Error::OutOfMemory`] if it has no memory for them.
    pub fn with_threads(threads: usize) -> Result<Self> {
        Self::check(threads)?;
        let threads = Self::started_threads(threads);
        let pool = match threads {
            1 => None,
            _ => {
                // A thread that finds no memory for what is its own ends the process.
                memory::reserve::<u8>(bytes_needed(threads))?;
                let builder = rayon::ThreadPoolBuilder::new()
                    .num_threads(threads - 1)
                    .thread_name(|index| format!("triplet-{index}"));
                let pool = builder.build();
                Some(Arc::new(pool.map_err(|e| Error::ThreadPool { threads, reason: e.to_string() })?))
            }
        };
        Ok(Self { pool, max_threads: threads, active: threads })
    }

    /// The threads of the pool that the call comes from, or of rayon's global pool; the calling one alone where the
    /// system starts no others.
    #[must_use]
    pub fn current() -> Self {
        let max_threads = if has_pool() { rayon::current_num_threads() } else { 1 };
        Self { pool: None, max_threads, active: max_threads }
    }

    /// The most threads that jobs may use.
    #[must_use]
    pub fn max_threads(&self) -> usize {
        self.max_threads
    }

    /// Uses this many threads from now on, at least one and at most [`Rayon::max_threads`].
    pub fn set_active(&mut self, threads: usize) {
        self.active = threads.clamp(1, self.max_threads);
    }
}

/// Whether the call comes from a pool, or there is a global one, which is started now unless it was. Without threads for it
/// rayon panics whenever it is asked for anything.
fn has_pool() -> bool {
    static GLOBAL: OnceLock<bool> = OnceLock::new();
    let start = || match rayon::ThreadPoolBuilder::new().build_global() {
        Ok(()) => true,
        // The system's error has a source; that there is a pool already has none.
        Err(error) => error.source().is_none(),
    };
    rayon::current_thread_index().is_some() || *GLOBAL.get_or_init(start)
}

/// [`Rayon::useful_threads`] on so many cores.
fn useful_on(cores: usize) -> usize {
    16.max(4 * cores)
}

/// Memory of the threads beside the calling one.
fn bytes_needed(threads: usize) -> usize {
    (threads - 1) * THREAD_BYTES
}

impl Executor for Rayon {
    fn threads(&self) -> usize {
        self.active
    }

    fn run(&self, job: &(dyn Fn(usize) + Sync)) {
        if self.active == 1 {
            return job(0);
        }
        match &self.pool {
            Some(pool) => pool.in_place_scope(|scope| fan_out(scope, self.active, job)),
            None => rayon::in_place_scope(|scope| fan_out(scope, self.active, job)),
        }
    }

    fn keep_awake(&self, body: &mut dyn FnMut()) {
        // A caller that is itself one of the pool's threads takes up other work while it
        // waits, and must not take up waiting for another session: two of them could
        // wait for each other.
        let inside = self.pool.is_none() && rayon::current_thread_index().is_some();
        if self.active == 1 || inside {
            return body();
        }
        // Waking a thread for every stage costs more than a small stage itself.
        let ended = AtomicBool::new(false);
        match &self.pool {
            Some(pool) => pool.in_place_scope(|scope| stay_awake(scope, self.active, &ended, body)),
            None => rayon::in_place_scope(|scope| stay_awake(scope, self.active, &ended, body)),
        }
    }
}

/// Calls `body` while the other threads look for work without falling asleep.
fn stay_awake<'s>(scope: &rayon::Scope<'s>, threads: usize, ended: &'s AtomicBool, body: &mut dyn FnMut()) {
    for _ in 1..threads {
        scope.spawn(|_| {
            while !ended.load(Ordering::Acquire) {
                // Runs whatever the pool has to do, ours or the caller's.
                if rayon::yield_now() != Some(rayon::Yield::Executed) {
                    thread::yield_now();
                }
            }
        });
    }
    // Also if the body panics: the scope waits for these threads.
    let _end = EndOnDrop(ended);
    body();
}

/// Sets a flag when it goes out of scope.
struct EndOnDrop<'a>(&'a AtomicBool);

impl Drop for EndOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

/// One job on every other thread, the first on this one.
fn fan_out<'s>(scope: &rayon::Scope<'s>, threads: usize, job: &'s (dyn Fn(usize) + Sync)) {
    for worker in 1..threads {
        scope.spawn(move |_| job(worker));
    }
    job(0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_from_1_to_4096_are_accepted() {
        assert_eq!(Rayon::check(0), Err(Error::ZeroThreads));
        assert_eq!([1, 2, 4096].map(Rayon::check), [Ok(()), Ok(()), Ok(())]);
        for threads in [4097, 5000, usize::MAX] {
            assert_eq!(Rayon::check(threads), Err(Error::TooManyThreads { threads, most: 4096 }));
        }
    }

    #[test]
    fn four_threads_a_core_are_useful_or_sixteen() {
        assert_eq!([1, 4, 5, 64].map(useful_on), [16, 16, 20, 256]);
        let useful = Rayon::useful_threads();
        assert!(useful >= 16);
        assert_eq!([1, 15, useful, useful + 1].map(Rayon::started_threads), [1, 15, useful, useful]);
    }

    #[test]
    fn the_calling_thread_is_none_of_those_that_are_started() {
        let started = |threads| {
            let executor = Rayon::with_threads(threads).unwrap();
            executor.pool.map(|pool| pool.current_num_threads())
        };
        assert_eq!([1, 2, 4].map(started), [None, Some(1), Some(3)]);
    }
}
