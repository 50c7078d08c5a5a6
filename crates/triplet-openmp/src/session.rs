//! Several jobs in one parallel region: the caller publishes them, and the other threads look for them.

#![expect(unsafe_code, reason = "a job is shared with threads for as long as its caller waits for them")]

#[cfg(all(test, loom))]
mod model;

use crate::sync::{AtomicBool, AtomicUsize, Mutex, MutexGuard, hint, thread};
use std::{
    any::Any,
    mem,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::{PoisonError, atomic::Ordering},
};

/// How often a thread looks before it gives its core to others, again and again.
const LOOKS: usize = if cfg!(loom) { 0 } else { 64 };

type Job<'a> = dyn Fn(usize) + Sync + 'a;

/// The jobs of one caller, one after the other. A thread that has not come yet, or to which the system
/// gives no core, is not waited for: its share is done by those that are there.
#[derive(Default)]
pub(crate) struct Session {
    open: Mutex<Open>,
    /// Jobs published so far.
    published: AtomicUsize,
    /// The next worker of the open job.
    next: AtomicUsize,
    /// Threads other than the caller inside of the open job.
    inside: AtomicUsize,
    ended: AtomicBool,
}

/// What threads may enter, and what went wrong in it.
#[derive(Default)]
struct Open {
    job: Option<(&'static Job<'static>, usize)>,
    panic: Option<Box<dyn Any + Send>>,
}

impl Session {
    /// Makes it ready for a region, of which no thread is inside yet.
    pub(crate) fn begin(&self) {
        self.published.store(0, Ordering::Relaxed);
        self.ended.store(false, Ordering::Relaxed);
    }

    /// Calls `job` for every worker below `workers`, here and on threads inside of [`Session::work`].
    pub(crate) fn run(&self, workers: usize, job: &Job<'_>) {
        // SAFETY: no thread enters the job after it is taken back below, and none is inside of it when this
        // function returns or unwinds: nothing between here and there can panic but the job, which is caught.
        let shared = unsafe { mem::transmute::<&Job<'_>, &'static Job<'static>>(job) };
        self.next.store(0, Ordering::Relaxed);
        self.open().job = Some((shared, workers));
        self.published.fetch_add(1, Ordering::Release);
        let own = catch_unwind(AssertUnwindSafe(|| self.take_workers(workers, job)));
        self.open().job = None;
        wait_until(|| self.inside.load(Ordering::Acquire) == 0);
        let others = self.open().panic.take();
        if let Err(panic) = own.and(others.map_or(Ok(()), Err)) {
            resume_unwind(panic);
        }
    }

    /// Takes part in jobs until [`Session::end`].
    pub(crate) fn work(&self) {
        let mut seen = 0;
        loop {
            wait_until(|| {
                self.published.load(Ordering::Acquire) != seen || self.ended.load(Ordering::Acquire)
            });
            if self.ended.load(Ordering::Acquire) {
                return;
            }
            seen = self.published.load(Ordering::Acquire);
            let entered = {
                let open = self.open();
                // Under the lock, so that the caller, who closes the job under it, sees who is inside.
                open.job.inspect(|_| {
                    self.inside.fetch_add(1, Ordering::Relaxed);
                })
            };
            let Some((job, workers)) = entered else { continue };
            let done = catch_unwind(AssertUnwindSafe(|| self.take_workers(workers, job)));
            if let Err(panic) = done {
                self.open().panic.get_or_insert(panic);
            }
            self.inside.fetch_sub(1, Ordering::Release);
        }
    }

    /// Lets the other threads go.
    pub(crate) fn end(&self) {
        self.ended.store(true, Ordering::Release);
    }

    /// Calls the job for workers that no other thread has taken.
    fn take_workers(&self, workers: usize, job: &Job<'_>) {
        loop {
            let worker = self.next.fetch_add(1, Ordering::Relaxed);
            if worker >= workers {
                return;
            }
            job(worker);
        }
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        // Nothing is left half done under this lock.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Looks until it is so.
fn wait_until(is_so: impl Fn() -> bool) {
    let mut looks = 0;
    while !is_so() {
        if looks < LOOKS {
            looks += 1;
            hint::spin_loop();
        } else {
            thread::yield_now();
        }
    }
}
