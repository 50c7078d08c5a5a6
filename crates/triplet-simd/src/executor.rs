//! Who runs the pieces of a stage.

use crate::floats;
use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicUsize, Ordering},
};

/// Runs jobs on some number of threads. Nothing a job computes may depend on how
/// many there are, nor on which thread takes which piece.
pub trait Executor: Send + Sync {
    /// Threads that [`Executor::run`] uses.
    fn threads(&self) -> usize;
    /// Calls `job(worker)` once for every worker below [`Executor::threads`], and
    /// returns when all have returned.
    fn run(&self, job: &(dyn Fn(usize) + Sync));
    /// Calls `body`, which will run several jobs in a row: threads may be kept awake
    /// between them.
    fn session(&self, body: &mut dyn FnMut()) {
        body();
    }
}

/// The calling thread alone.
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

/// An executor's threads, as those who share the parts of a job.
pub(crate) struct Crew<'a>(pub(crate) &'a dyn Executor);

impl triplet_core::crew::Crew for Crew<'_> {
    fn size(&self) -> usize {
        self.0.threads()
    }
    fn each(&self, parts: usize, part: &(dyn Fn(usize) + Sync)) {
        let next = AtomicUsize::new(0);
        let work = |_| {
            floats::as_defined(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= parts {
                        return;
                    }
                    part(number);
                }
            });
        };
        // Nobody needs to be woken for one part.
        if parts <= 1 { work(0) } else { self.0.run(&work) }
    }
}

/// Hands the pieces of an iterator to whichever worker asks next; each worker gets
/// a scratch of its own.
pub(crate) fn share<P: Send, S: Send>(
    executor: &dyn Executor,
    scratches: &mut [S],
    pieces: impl Iterator<Item = P> + Send,
    work: impl Fn(&mut S, P) + Sync,
) {
    let scratches = Mutex::new(scratches.iter_mut());
    let pieces = Mutex::new(pieces);
    executor.run(&|_| {
        let Some(scratch) = take(&scratches) else { return };
        // A worker's thread may be set otherwise than the caller's.
        floats::as_defined(|| {
            while let Some(piece) = take(&pieces) {
                work(scratch, piece);
            }
        });
    });
}

/// The next item of a shared iterator. The lock is held for a few instructions.
fn take<I: Iterator>(shared: &Mutex<I>) -> Option<I::Item> {
    shared.lock().unwrap_or_else(PoisonError::into_inner).next()
}
