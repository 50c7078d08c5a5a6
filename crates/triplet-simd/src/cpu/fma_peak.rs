//! How many fused multiply-adds this CPU does at best: the roof that kernels stand under.

use crate::{
    cpu::isa::{Element, Selected},
    lanes::{Kernel, Lanes},
};
use std::{
    hint::black_box,
    time::{Duration, Instant},
};
use triplet_core::Real;

/// Independent chains: enough to hide the latency of every CPU's multiply-add, few
/// enough for the registers of every instruction set.
const CHAINS: usize = 12;
/// Steps between two looks at the clock.
const STEPS: usize = 4096;

/// Multiply-adds a second of the calling thread, in registers: the best of as many short
/// runs as fit the time.
#[must_use]
pub fn multiply_adds_per_second<T: Element>(selected: Selected, time: Duration) -> f64 {
    let begin = Instant::now();
    let mut best = 0.0_f64;
    while best == 0.0 || begin.elapsed() < time {
        let start = Instant::now();
        let done = T::dispatch(selected, Chains);
        best = best.max(done as f64 / start.elapsed().as_secs_f64());
    }
    best
}

/// Runs the chains; the number of multiply-adds.
struct Chains;

impl<T: Real> Kernel<T> for Chains {
    type Output = usize;
    #[inline(always)]
    fn run<L: Lanes<Real = T>>(self, lanes: L) -> usize {
        let (half, one) =
            (lanes.splat(black_box(T::from_f64(0.5))), lanes.splat(black_box(T::from_f64(1.0))));
        let mut sums = [one; CHAINS];
        for _ in 0..STEPS {
            // Tends to 2: never subnormal, never infinite.
            for sum in &mut sums {
                *sum = lanes.fma(*sum, half, one);
            }
        }
        let mut out = [T::ZERO; 16];
        for sum in sums {
            lanes.store(&mut out, sum);
            black_box(&out);
        }
        STEPS * CHAINS * L::LEN
    }
}
