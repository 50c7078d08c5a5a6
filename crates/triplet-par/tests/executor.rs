//! The executor by itself: every worker runs, all at once, and a session inside the caller's
//! pool occupies none of its threads.

use std::{
    sync::{
        Condvar, Mutex,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};
use triplet_par::Rayon;
use triplet_simd::Executor;

/// Beyond what any scheduler lets a runnable thread wait.
const LONG: Duration = Duration::from_secs(60);

/// The workers that were called, each of which waited for all others to be there.
fn workers_at_once(executor: &dyn Executor) -> Vec<usize> {
    let (present, arrived) = (Mutex::new(Vec::new()), Condvar::new());
    executor.run(&|worker| {
        let mut present = present.lock().unwrap();
        present.push(worker);
        arrived.notify_all();
        let short = |present: &mut Vec<usize>| present.len() < executor.threads();
        let (_present, waited) = arrived.wait_timeout_while(present, LONG, short).unwrap();
        assert!(!waited.timed_out(), "worker {worker} waited in vain for {} others", executor.threads() - 1);
    });
    let mut workers = present.into_inner().unwrap();
    workers.sort_unstable();
    workers
}

#[test]
fn all_threads_run_at_the_same_time() {
    for threads in 1..=4 {
        let mut executor = Rayon::with_threads(threads).unwrap();
        assert_eq!((executor.threads(), executor.max_threads()), (threads, threads));
        assert_eq!(workers_at_once(&executor), (0..threads).collect::<Vec<_>>());
        // In a session too, where they are awake; and fewer of them.
        executor.keep_awake(&mut || assert_eq!(workers_at_once(&executor).len(), threads));
        for fewer in 1..=threads {
            executor.set_active(fewer);
            assert_eq!(workers_at_once(&executor), (0..fewer).collect::<Vec<_>>());
        }
        executor.set_active(0);
        assert_eq!(executor.threads(), 1);
        executor.set_active(threads + 1);
        assert_eq!(executor.threads(), threads);
    }
}

#[test]
fn the_threads_of_the_callers_pool_are_all_used() {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
    let workers = pool.install(|| workers_at_once(&Rayon::current()));
    assert_eq!(workers, [0, 1, 2]);
}

/// Whether `scenario` ends. If it does not, its thread is left behind, to end with the process.
fn ends(scenario: impl FnOnce() + Send + 'static) -> bool {
    let (done, ended) = mpsc::channel();
    thread::spawn(move || {
        scenario();
        let _ = done.send(());
    });
    ended.recv_timeout(LONG / 3).is_ok()
}

/// A thread of the pool that waits inside a session takes up whatever its pool has to do. Were
/// a task that lasts as long as the session among it, neither would end. The pool's other
/// thread is kept busy, so that such a task can only be taken up by the waiting thread itself.
#[test]
fn a_session_inside_a_pool_puts_nothing_into_it_that_lasts_as_long() {
    static BUSY: AtomicBool = AtomicBool::new(false);
    static ENDED: AtomicBool = AtomicBool::new(false);
    let ended = ends(|| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
        pool.install(|| {
            rayon::spawn(|| {
                BUSY.store(true, Ordering::Release);
                while !ENDED.load(Ordering::Acquire) {
                    thread::yield_now();
                }
            });
            while !BUSY.load(Ordering::Acquire) {
                thread::yield_now();
            }
            let executor = Rayon::current();
            assert_eq!(executor.threads(), 2);
            let mut found = None;
            executor.keep_awake(&mut || found = rayon::yield_now());
            assert_eq!(found, Some(rayon::Yield::Idle), "the session put a task into the caller's pool");
            ENDED.store(true, Ordering::Release);
        });
    });
    assert!(ended, "a thread waits for the end of the session that it is in");
}
