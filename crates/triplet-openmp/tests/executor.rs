//! The executor on the system's libgomp, which stands in for PyTorch's.
#![cfg(target_os = "linux")]

use std::{
    collections::HashSet,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};
use triplet_core::Engine;
use triplet_openmp::{Host, OpenMp};
use triplet_par::{Error, Parallel, Pool};
use triplet_simd::{Executor, Selected};

/// The runtime; none is printed, since nothing is covered then.
fn host() -> Option<Host> {
    let host = Host::load("libgomp.so.1");
    if host.is_none() {
        println!("NOT covered: libgomp.so.1 is not there");
    }
    host
}

fn executor(host: Host, threads: usize) -> OpenMp {
    let mut executor = OpenMp::new(host, Some(threads)).unwrap();
    executor.set_active(threads);
    executor
}

/// Calls of each worker.
fn counts(executor: &OpenMp) -> Vec<usize> {
    let counts: Vec<AtomicUsize> = (0..8).map(|_| AtomicUsize::new(0)).collect();
    executor.run(&|worker| {
        counts[worker].fetch_add(1, Ordering::Relaxed);
    });
    counts.into_iter().map(AtomicUsize::into_inner).collect()
}

#[test]
fn every_worker_is_called_once_whatever_the_runtime_gives() {
    let Some(host) = host() else { return };
    let threads = host.threads().unwrap();
    for wanted in 1..=threads + 1 {
        let executor = executor(host, wanted);
        let active = wanted.min(threads);
        assert_eq!((executor.threads(), executor.max_threads()), (active, wanted));
        for _ in 0..100 {
            let mut expected = vec![0; 8];
            expected[..active].fill(1);
            assert_eq!(counts(&executor), expected);
        }
    }
}

#[test]
fn a_region_has_all_threads_of_the_runtime_and_the_caller_is_the_first() {
    let Some(host) = host() else { return };
    let (mut first, others) = (None, Mutex::new(HashSet::new()));
    host.run(&mut || first = Some(thread::current().id()), &|| {
        others.lock().unwrap().insert(thread::current().id());
    });
    let others = others.into_inner().unwrap();
    assert_eq!(first, Some(thread::current().id()));
    assert_eq!(others.len(), host.threads().unwrap() - 1);
    assert!(!others.contains(&thread::current().id()));
}

#[test]
fn jobs_of_one_region_follow_each_other_on_threads_that_stay() {
    let Some(host) = host() else { return };
    let executor = executor(host, 2);
    let mut jobs = 0;
    executor.keep_awake(&mut || {
        for _ in 0..2000 {
            // A sum over pieces that threads take: right only if all are there when a job has returned.
            let (next, sum) = (AtomicUsize::new(0), AtomicUsize::new(0));
            executor.run(&|_| {
                loop {
                    let piece = next.fetch_add(1, Ordering::Relaxed);
                    if piece >= 40 {
                        return;
                    }
                    sum.fetch_add(piece, Ordering::Relaxed);
                }
            });
            assert_eq!(sum.into_inner(), 780);
            jobs += 1;
        }
        executor.keep_awake(&mut || assert_eq!(counts(&executor)[0], 1)); // one within another
    });
    assert_eq!(jobs, 2000);
}

#[test]
fn a_panic_reaches_the_caller_and_the_next_job_runs() {
    let Some(host) = host() else { return };
    let executor = executor(host, 2);
    for bad in 0..executor.threads() {
        let job = || executor.run(&|worker| assert_ne!(worker, bad, "of worker {bad}"));
        for awake in [false, true] {
            let caught = catch_unwind(AssertUnwindSafe(|| {
                if awake { executor.keep_awake(&mut || job()) } else { job() }
            }));
            let message = *caught.unwrap_err().downcast::<String>().unwrap();
            assert!(message.contains(&format!("of worker {bad}")), "{message}");
            assert_eq!(counts(&executor).iter().sum::<usize>(), executor.threads());
        }
    }
}

#[test]
fn a_call_inside_of_a_region_runs_on_other_threads() {
    let Some(host) = host() else { return };
    let inside = Mutex::new(Vec::new());
    let call = || {
        let executor = executor(host, 2);
        let ran = counts(&executor);
        inside.lock().unwrap().push((host.threads(), executor.backend(), ran[..3].to_vec()));
    };
    host.run(&mut || call(), &call);
    let inside = inside.into_inner().unwrap();
    assert_eq!(inside.len(), host.threads().unwrap());
    for found in inside {
        assert_eq!(found, (None, "par", vec![1, 1, 0]));
    }
}

#[test]
fn two_callers_at_once_have_threads_of_their_own() {
    let Some(host) = host() else { return };
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let executor = executor(host, 2);
                for _ in 0..200 {
                    assert_eq!(counts(&executor).iter().sum::<usize>(), executor.threads());
                }
            });
        }
    });
}

#[test]
fn the_engine_tells_where_its_last_call_ran() {
    let Some(host) = host() else { return };
    let engine = Parallel::<f32, _>::new(Selected::best().unwrap(), executor(host, 2));
    assert_eq!(engine.executed().backend, "openmp");
    assert_eq!(OpenMp::new(host, Some(0)).err(), Some(Error::ZeroThreads));
}
