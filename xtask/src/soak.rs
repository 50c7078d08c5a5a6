//! `cargo xtask soak`: many threads call for a long time, each answer is compared with stored bits, and memory
//! and threads of the process are watched.

use anyhow::{Context, Result, anyhow, ensure};
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::{
    fs,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};
use triplet_api::{Element, Error, Workspace};
use triplet_core::Real;
use triplet_par::Rayon;
use triplet_simd::{Fused, Inline, Selected};
use triplet_testkit::{Answer, Rectangle, compare::answer_in, digests::Case, engines};

/// For how long, and by how many.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Minutes.
    #[arg(long, default_value_t = 30.0)]
    minutes: f64,
    /// Threads that call at the same time.
    #[arg(long, default_value_t = 16)]
    threads: usize,
    /// Batches, of the cross-check with seed 1.
    #[arg(long, default_value_t = 120)]
    batches: u64,
    /// A thread makes its workspaces, and their pools, anew after so many calls.
    #[arg(long, default_value_t = 200)]
    calls: u64,
}

/// Memory may grow by this part after the first tenth of the time.
const GROWTH: f64 = 0.10;

/// What is asked, and the answers.
struct Asked<T: Element> {
    case: Case,
    rectangle: Option<Rectangle>,
    square: Result<Answer<KeyOf<T>>, Error>,
    against: Option<Result<Answer<KeyOf<T>>, Error>>,
}

type KeyOf<T> = <T as Real>::Key;

/// The answers of the reference.
fn asked<T: Element>(batches: u64) -> Result<Vec<Asked<T>>> {
    let reference = engines::contenders::<T>()?.into_iter().next().context("no reference")?;
    let (_, mut workspace) = reference.workspace();
    let ask = |number| {
        let case = Case::cross_check(1, number);
        let weights = case.weights.as_deref();
        let square = answer_in(&case.sample, case.asked, weights, &mut workspace);
        let rectangle = (number % 3 == 0).then(|| Rectangle::numbered(&case.sample, number / 3));
        let against = rectangle.as_ref().map(|r| r.answer(&case.sample, case.asked, weights, &mut workspace));
        Asked { rectangle, square, against, case }
    };
    Ok((0..batches).map(ask).collect())
}

/// Ways to compute that a thread goes through: on itself, on a pool of its own, on the one it is called in.
fn workspaces<T: Element>() -> Result<Vec<Workspace<T>>> {
    let selected = Selected::best()?;
    let own = Fused::new("par", selected, Rayon::with_threads(2)?);
    let called = Fused::new("par", selected, Rayon::current());
    Ok(vec![
        Workspace::with_engine(Box::new(Fused::new("simd", selected, Inline))),
        Workspace::with_engine(Box::new(own)),
        Workspace::with_engine(Box::new(called)),
    ])
}

/// What the threads share.
struct Shared {
    single: Vec<Asked<f32>>,
    double: Vec<Asked<f64>>,
    calls: AtomicU64,
    stop: AtomicBool,
}

impl Shared {
    /// Calls until told to stop; the first answer that differs.
    fn work(&self, thread: u64, calls: u64) -> Result<()> {
        let mut turn = thread * 7;
        while !self.stop.load(Ordering::Relaxed) {
            let (mut single, mut double) = (workspaces::<f32>()?, workspaces::<f64>()?);
            for _ in 0..calls {
                if self.stop.load(Ordering::Relaxed) {
                    break;
                }
                turn += 1;
                let place = turn as usize;
                if turn.is_multiple_of(2) {
                    check(&self.single[place % self.single.len()], &mut single[place / 2 % 3])?;
                } else {
                    check(&self.double[place % self.double.len()], &mut double[place / 2 % 3])?;
                }
                self.calls.fetch_add(1, Ordering::Relaxed);
            }
        }
        Ok(())
    }
}

fn check<T: Element>(asked: &Asked<T>, workspace: &mut Workspace<T>) -> Result<()> {
    let Case { sample, asked: loss, weights, .. } = &asked.case;
    let weights = weights.as_deref();
    let square = answer_in(sample, *loss, weights, workspace);
    ensure!(same(&asked.square, &square), "{}: other bits than at the start", sample.name);
    if let (Some(rectangle), Some(stored)) = (&asked.rectangle, &asked.against) {
        let against = rectangle.answer(sample, *loss, weights, workspace);
        ensure!(same(stored, &against), "{}, {}: other bits than at the start", sample.name, rectangle.kind);
    }
    Ok(())
}

fn same<K: PartialEq + core::fmt::Debug>(
    stored: &Result<Answer<K>, Error>,
    now: &Result<Answer<K>, Error>,
) -> bool {
    match (stored, now) {
        (Ok(stored), Ok(now)) => stored.difference(now).is_none(),
        (Err(stored), Err(now)) => stored == now,
        _ => false,
    }
}

/// Resident bytes and threads of this process, where the system says.
fn usage() -> Option<(u64, u64)> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let number = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().next()?.parse::<u64>().ok()
    };
    Some((number("VmRSS:")? * 1024, number("Threads:")?))
}

pub(crate) fn run(args: &Args) -> Result<()> {
    ensure!(args.threads > 0 && args.batches > 0, "at least one thread and one batch");
    let duration = Duration::try_from_secs_f64(60.0 * args.minutes).context("--minutes")?;
    let shared = Arc::new(Shared {
        single: asked(args.batches)?,
        double: asked(args.batches)?,
        calls: AtomicU64::new(0),
        stop: AtomicBool::new(false),
    });
    let before = usage();
    println!(
        "{} threads, {:.1} minutes, {} batches in f32 and f64",
        args.threads, args.minutes, args.batches
    );
    let start = Instant::now();
    let workers: Vec<_> = (0..args.threads as u64)
        .map(|thread| {
            let (shared, calls) = (Arc::clone(&shared), args.calls);
            thread::spawn(move || {
                let result = shared.work(thread, calls);
                if result.is_err() {
                    shared.stop.store(true, Ordering::Relaxed);
                }
                result
            })
        })
        .collect();
    // Bytes in the second tenth of the time, and later; threads.
    let (mut early, mut late, mut most_threads) = (0, 0, 0);
    let mut reported = start;
    while start.elapsed() < duration && !shared.stop.load(Ordering::Relaxed) {
        thread::sleep(Duration::from_millis(200));
        let Some(now) = usage() else { continue };
        most_threads = most_threads.max(now.1);
        match start.elapsed() {
            elapsed if elapsed < duration / 10 => {}
            elapsed if elapsed < duration / 5 => early = early.max(now.0),
            _ => late = late.max(now.0),
        }
        if reported.elapsed() > Duration::from_secs(60) {
            reported = Instant::now();
            eprintln!(
                "{} calls, {} MB, {} threads",
                shared.calls.load(Ordering::Relaxed),
                now.0 >> 20,
                now.1
            );
        }
    }
    shared.stop.store(true, Ordering::Relaxed);
    for worker in workers {
        worker.join().map_err(|_| anyhow!("a thread panicked"))??;
    }
    // Threads of pools end in their own time.
    thread::sleep(Duration::from_secs(1));
    println!("{} calls, no other bits", shared.calls.load(Ordering::Relaxed));
    let Some(((_, threads_before), (_, threads_after))) = before.zip(usage()) else {
        println!("memory and threads: NOT covered, this system has no /proc");
        return Ok(());
    };
    println!("memory: {} MB in the second tenth of the time, at most {} MB later", early >> 20, late >> 20);
    println!("threads: {threads_before} before, at most {most_threads}, {threads_after} after");
    ensure!((late as f64) < early as f64 * (1.0 + GROWTH) + 16e6, "memory grows");
    // The pool of the process stays.
    let pool = thread::available_parallelism().map_or(1, usize::from) as u64;
    ensure!(threads_after <= threads_before + pool, "threads are left behind");
    Ok(())
}
