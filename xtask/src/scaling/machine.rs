//! What the model assumes of the machine, measured on this one.

use anyhow::Result;
use std::{hint::black_box, thread, time::Instant};
use triplet_par::Rayon;
use triplet_simd::Executor;

/// Numbers of each array that the bandwidth is measured with: more than caches hold.
const NUMBERS: usize = 1 << 24;
/// Jobs in a row.
const JOBS: u32 = 2000;

/// What is known of this machine.
pub(crate) struct Machine {
    /// Nanoseconds until two threads that are awake have both done an empty job.
    pub(crate) start: u64,
    /// Bytes a second from and to memory, on all cores together.
    pub(crate) bandwidth: f64,
}

impl Machine {
    pub(crate) fn measure() -> Result<Self> {
        Ok(Self { start: start()?, bandwidth: bandwidth(cores()) })
    }
}

/// Cores of this machine.
pub(crate) fn cores() -> usize {
    thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

fn start() -> Result<u64> {
    let executor = Rayon::with_threads(2)?;
    let mut least = u64::MAX;
    executor.keep_awake(&mut || {
        for _ in 0..10 {
            let start = Instant::now();
            for _ in 0..JOBS {
                executor.run(&|worker| {
                    black_box(worker);
                });
            }
            least = least.min(start.elapsed().as_nanos() as u64 / u64::from(JOBS));
        }
    });
    Ok(least)
}

/// The bandwidth of `a = b + 3 c`, which moves four arrays: what is written is read first.
fn bandwidth(threads: usize) -> f64 {
    let part = NUMBERS / threads;
    let mut arrays: Vec<[Vec<f32>; 3]> =
        (0..threads).map(|_| [vec![0.0; part], vec![1.0; part], vec![2.0; part]]).collect();
    let mut best = 0.0_f64;
    for _ in 0..5 {
        let start = Instant::now();
        thread::scope(|scope| {
            for [a, b, c] in &mut arrays {
                scope.spawn(|| {
                    for ((a, b), c) in a.iter_mut().zip(&*b).zip(&*c) {
                        *a = b + 3.0 * c;
                    }
                    black_box(a);
                });
            }
        });
        best = best.max((4 * 4 * part * threads) as f64 / start.elapsed().as_secs_f64());
    }
    best
}
