//! How many fused multiply-adds this CPU does at best: the upper bound on the speed of a kernel.

use crate::{
    cpu::isa::{Element, Selected},
    lanes::{Kernel, Lanes, MAX_LEN},
};
use std::{
    hint::black_box,
    time::{Duration, Instant},
};
use triplet_core::Real;

/// Steps between two looks at the clock.
const STEPS: usize = 4096;

/// Multiply-adds a second of the calling thread, in registers: the best of as many short
/// runs as fit the time.
///
/// ```
/// use std::time::Duration;
/// use triplet_simd::{Selected, fma_peak::multiply_adds_per_second};
/// let peak = multiply_adds_per_second::<f32>(Selected::best()?, Duration::from_millis(1));
/// println!("{:.1} GFLOP/s", 2e-9 * peak);
/// assert!(peak > 0.0);
/// # Ok::<(), triplet_simd::Error>(())
/// ```
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
        if L::REGISTERS >= 32 { chains::<L, 24>(lanes) } else { chains::<L, 12>(lanes) }
    }
}

/// `N` independent chains: enough to hide the latency of the multiply-add (four cycles on
/// two to four units), few enough for the registers.
#[inline(always)]
fn chains<L: Lanes, const N: usize>(lanes: L) -> usize {
    let constant = |value| lanes.splat(black_box(L::Real::from_f64(value)));
    let (half, one) = (constant(0.5), constant(1.0));
    let mut sums = [one; N];
    for _ in 0..STEPS {
        // Tends to 2: never subnormal, never infinite.
        for sum in &mut sums {
            *sum = lanes.fma(*sum, half, one);
        }
    }
    let mut out = [L::Real::ZERO; MAX_LEN];
    for sum in sums {
        lanes.store(&mut out, sum);
        black_box(&out);
    }
    STEPS * N * L::LEN
}
