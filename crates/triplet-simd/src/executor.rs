//! Which threads run the pieces of a stage.

use crate::float_mode;
use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicUsize, Ordering},
};

/// Runs jobs on some number of threads. Nothing a job computes may depend on how
/// many there are, nor on which thread takes which piece.
///
/// ```
/// use triplet_core::Engine;
/// use triplet_simd::{Executor, Fused, Selected};
///
/// /// Threads that are started for every job.
/// struct Scoped(usize);
///
/// impl Executor for Scoped {
///     fn threads(&self) -> usize {
///         self.0
///     }
///     fn run(&self, job: &(dyn Fn(usize) + Sync)) {
///         std::thread::scope(|scope| {
///             for worker in 0..self.0 {
///                 scope.spawn(move || job(worker));
///             }
///         });
///     }
/// }
///
/// let engine = Fused::<f32, _>::new("scoped", Selected::best()?, Scoped(2));
/// assert_eq!((engine.executed().backend, engine.executed().threads), ("scoped", 2));
/// # Ok::<(), triplet_simd::Error>(())
/// ```
pub trait Executor: Send + Sync {
    /// Threads that [`Executor::run`] uses.
    fn threads(&self) -> usize;
    /// Calls `job(worker)` once for every worker below [`Executor::threads`], and
    /// returns when all have returned.
    fn run(&self, job: &(dyn Fn(usize) + Sync));
    /// Calls `body`, which runs several jobs in a row: threads may be kept awake between them.
    fn keep_awake(&self, body: &mut dyn FnMut()) {
        body();
    }
    /// A job calls this for its worker before it takes a piece of work, and before it looks at what other workers
    /// have left or leaves something for them. There is nothing to do for threads that run side by
    /// side; an executor that runs one worker at a time may go on with another here.
    fn turn(&self, _worker: usize) {}
}

/// The calling thread alone.
///
/// ```
/// use triplet_simd::{Executor, Inline};
/// let ran = std::sync::atomic::AtomicBool::new(false);
/// Inline.run(&|worker| ran.store(worker == 0, std::sync::atomic::Ordering::Relaxed));
/// assert!(ran.into_inner());
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct Inline;

impl Executor for Inline {
    fn threads(&self) -> usize {
        1
    }
    fn run(&self, job: &(dyn Fn(usize) + Sync)) {
        job(0);
    }
}

/// Calls `part` once for every number below `parts`, in any order.
pub(crate) fn run_parts(executor: &dyn Executor, parts: usize, part: &(dyn Fn(usize) + Sync)) {
    if parts <= 1 {
        // No other thread needs to be woken.
        return float_mode::with_default_mode(|| (0..parts).for_each(part));
    }
    let next = AtomicUsize::new(0);
    executor.run(&|worker| {
        float_mode::with_default_mode(|| {
            loop {
                executor.turn(worker);
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= parts {
                    return;
                }
                part(number);
            }
        });
    });
}

/// Hands the pieces of an iterator to whichever worker is free; each worker gets
/// a scratch of its own.
pub(crate) fn run_tasks<P: Send, S: Send>(
    executor: &dyn Executor,
    scratches: &mut [S],
    pieces: impl Iterator<Item = P> + Send,
    work: impl Fn(&mut S, P) + Sync,
) {
    run_tasks_and_leave(executor, scratches, pieces, work, |_| {});
}

/// The same, where a worker leaves something for the others after each piece: `leave` is called before it
/// asks for the next one.
pub(crate) fn run_tasks_and_leave<P: Send, S: Send>(
    executor: &dyn Executor,
    scratches: &mut [S],
    pieces: impl Iterator<Item = P> + Send,
    work: impl Fn(&mut S, P) + Sync,
    leave: impl Fn(&mut S) + Sync,
) {
    let scratches = Mutex::new(scratches.iter_mut());
    let pieces = Mutex::new(pieces);
    executor.run(&|worker| {
        let Some(scratch) = take(&scratches) else { return };
        // A worker's thread may be set otherwise than the caller's.
        float_mode::with_default_mode(|| {
            loop {
                executor.turn(worker);
                leave(scratch);
                let Some(piece) = take(&pieces) else { return };
                work(scratch, piece);
            }
        });
    });
}

/// The next item of a shared iterator. The lock is held for a few instructions.
fn take<I: Iterator>(shared: &Mutex<I>) -> Option<I::Item> {
    shared.lock().unwrap_or_else(PoisonError::into_inner).next()
}
