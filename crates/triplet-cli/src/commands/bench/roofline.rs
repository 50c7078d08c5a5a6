//! The peak of fused multiply-adds, and what share of it our rows reach.

use super::row::{Kind, Row};
use std::{collections::BTreeMap, sync::Barrier, thread, time::Duration};
use triplet_api::Isa;
use triplet_simd::{Selected, peak};

/// How long each peak is measured.
const TIME: Duration = Duration::from_millis(60);

/// Multiply-adds a second, by instruction set and threads.
pub(super) type Peaks = BTreeMap<(String, usize), f64>;

/// Measures the peak of every instruction set and number of threads among the rows, and
/// fills their shares in.
pub(super) fn fill(rows: &mut [Row]) -> Peaks {
    let mut peaks = Peaks::new();
    for row in rows.iter_mut().filter(|row| row.kind == Kind::Ours) {
        let Some(selected) = row.isa.parse::<Isa>().ok().and_then(|isa| Selected::new(isa).ok()) else {
            continue;
        };
        let peak = *peaks
            .entry((row.isa.clone(), row.threads))
            .or_insert_with(|| multiply_adds_per_second(selected, row.threads));
        let needed = (row.b * row.b) as f64 / 2.0 * row.d as f64;
        row.share_of_roofline = row.fwd_bwd_ms_min.map(|ms| needed / peak / (ms / 1e3));
    }
    peaks
}

/// All threads at once: clocks go down when all cores work.
fn multiply_adds_per_second(selected: Selected, threads: usize) -> f64 {
    let together = Barrier::new(threads);
    let run = || {
        together.wait();
        peak::multiply_adds_per_second::<f32>(selected, TIME)
    };
    thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(run)).collect();
        let own = run();
        own + others.into_iter().filter_map(|other| other.join().ok()).sum::<f64>()
    })
}
