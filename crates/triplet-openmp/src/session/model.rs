//! Every order in which threads may enter and leave jobs, by loom.

use super::Session;
use loom::{
    cell::UnsafeCell,
    model::Builder,
    sync::{Arc, atomic::AtomicUsize},
    thread,
};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::atomic::Ordering,
};

/// Runs `caller` on a thread with a session, and `helpers` more in [`Session::work`], in every order in which
/// a thread that could go on loses the core at most `preemptions` times.
fn with_helpers(helpers: usize, preemptions: usize, caller: impl Fn(&Session) + Send + Sync + 'static) {
    let mut builder = Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.max_branches = 20_000;
    builder.check(move || {
        let session = Arc::new(Session::default());
        session.begin();
        let threads: Vec<_> = (0..helpers)
            .map(|_| {
                let session = Arc::clone(&session);
                thread::spawn(move || session.work())
            })
            .collect();
        caller(&session);
        session.end();
        for thread in threads {
            thread.join().expect("a helper that ends");
        }
    });
}

/// What the caller lends to a job. loom fails where `mine` is written while another thread reads it.
struct Lent {
    mine: UnsafeCell<usize>,
    calls: [AtomicUsize; 2],
}

impl Lent {
    fn new() -> Self {
        Self { mine: UnsafeCell::new(0), calls: [AtomicUsize::new(0), AtomicUsize::new(0)] }
    }

    fn call(&self, worker: usize) {
        self.mine.with(|_| ());
        self.calls[worker].fetch_add(1, Ordering::Relaxed);
    }

    /// To be called when no thread may be inside any more.
    fn taken_back(&self) {
        self.mine.with_mut(|_| ());
        for calls in &self.calls {
            assert_eq!(calls.load(Ordering::Relaxed), 1, "each worker is called once");
        }
    }
}

// SAFETY: the model's cell is what two threads must not be seen in at once; its contents are never touched.
unsafe impl Sync for Lent {}

fn one_job_after_the_other(session: &Session, jobs: usize) {
    for _ in 0..jobs {
        let lent = Lent::new();
        session.run(2, &|worker| lent.call(worker));
        lent.taken_back();
    }
}

#[test]
fn no_thread_is_inside_of_a_job_that_is_taken_back() {
    with_helpers(1, 3, |session| one_job_after_the_other(session, 2));
    with_helpers(2, 1, |session| one_job_after_the_other(session, 1));
}

#[test]
fn a_panic_of_any_thread_reaches_the_caller_and_the_next_job_runs() {
    with_helpers(1, 3, |session| {
        let lent = Lent::new();
        let failing = |worker| {
            lent.call(worker);
            assert_ne!(worker, 1, "the job fails");
        };
        let outcome = catch_unwind(AssertUnwindSafe(|| session.run(2, &failing)));
        assert!(outcome.is_err(), "the job's panic");
        lent.mine.with_mut(|_| ());
        one_job_after_the_other(session, 1);
    });
}
