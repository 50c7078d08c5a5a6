//! The peak of fused multiply-adds, and what share of it the rows reach.

use super::row::{Kind, Row};
use serde::{Deserialize, Serialize};
use std::{sync::Barrier, thread, time::Duration};
use triplet_api::Isa;
use triplet_simd::{Selected, fma_peak};

/// How long each peak is measured.
const TIME: Duration = Duration::from_millis(60);

/// The peak of one instruction set on some threads.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Peak {
    pub(super) isa: String,
    pub(super) threads: usize,
    pub(super) multiply_adds_per_second: f64,
}

/// Measures the peak of every instruction set and number of threads among the rows, and
/// fills their shares in.
pub(super) fn fill<'a>(rows: impl Iterator<Item = &'a mut Row>) -> Vec<Peak> {
    let mut peaks: Vec<Peak> = Vec::new();
    let best = Selected::best().ok();
    for row in rows {
        let ours = row.isa.parse::<Isa>().ok().and_then(|isa| Selected::new(isa).ok());
        let Some(selected) = ours.or(best) else { continue };
        let threads = if row.kind == Kind::Ours { row.threads } else { row.threads_given };
        let isa = selected.isa().name();
        let known = peaks.iter().find(|peak| peak.isa == isa && peak.threads == threads);
        let peak = known.map_or_else(
            || multiply_adds_per_second(selected, threads),
            |peak| peak.multiply_adds_per_second,
        );
        if known.is_none() {
            peaks.push(Peak { isa: isa.to_owned(), threads, multiply_adds_per_second: peak });
        }
        let needed = (row.b as f64).powi(2) / 2.0 * row.d as f64;
        row.share_of_fma_peak = row.ms().map(|ms| needed / peak / (ms / 1e3));
    }
    peaks
}

/// All threads at once: clocks go down when all cores work.
fn multiply_adds_per_second(selected: Selected, threads: usize) -> f64 {
    let together = Barrier::new(threads);
    let run = || {
        together.wait();
        fma_peak::multiply_adds_per_second::<f32>(selected, TIME)
    };
    thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(run)).collect();
        let own = run();
        own + others.into_iter().filter_map(|other| other.join().ok()).sum::<f64>()
    })
}
