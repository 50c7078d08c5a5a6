//! Everything that runs on one input with one number of threads, in turn.

mod entry;
mod forecast;
mod others;
mod ours;
pub(super) mod schedule;

pub(super) use others::{load, probe};

use super::{
    args::BenchArgs,
    progress::Progress,
    rivals::Rivals,
    row::{Kind, Measured, compare},
    selection::Selection,
};
use crate::options::BackendArgs;
use anyhow::Result;
use entry::Entry;
use schedule::{Cost, Schedule};
use triplet_api::{Batch, Distance, Element, Loss, LossSpec, Objective, Weights, Workspace};
use triplet_benchmarks::{Benchmark, ElementType, input, widened};

/// Everything that runs with one number of threads.
pub(super) struct Group {
    pub(super) threads: usize,
    /// Only engines that a benchmark's definition names take part.
    pub(super) by_name: bool,
    /// Our backends on the benchmark at hand.
    pub(super) contenders: Vec<BackendArgs>,
    pub(super) rivals: Vec<Rivals>,
}

/// Measures one benchmark.
pub(super) fn measure(
    args: &BenchArgs,
    benchmark: &Benchmark,
    group: &mut Group,
    progress: &Progress,
) -> Result<Vec<Measured>> {
    match benchmark.element {
        ElementType::F32 => measure_in::<f32>(args, benchmark, group, progress),
        ElementType::F64 => measure_in::<f64>(args, benchmark, group, progress),
    }
}

fn measure_in<T: Element>(
    args: &BenchArgs,
    benchmark: &Benchmark,
    group: &mut Group,
    progress: &Progress,
) -> Result<Vec<Measured>> {
    let (embeddings, labels) = input(benchmark.shape, benchmark.seed);
    let own = widened::<T>(&embeddings);
    let batch = Batch::new(&own, benchmark.shape.width, &labels)?;
    let mut entries = ours::prepare(args, benchmark, group, &batch, progress)?;
    let product = others::MATRIX_MULTIPLY;
    if args.python.is_some() && Selection::takes(group.by_name, benchmark, product) {
        entries.push(others::matrix_multiply(benchmark.shape));
    }
    others::prepare(args, benchmark, group, (&embeddings, &labels), &mut entries, progress)?;
    let schedule = Schedule::new(&entries.iter().map(Entry::cost).collect::<Vec<_>>(), args.reps);
    for round in 0..schedule.rounds {
        for (entry, turns) in entries.iter_mut().zip(&schedule.turns) {
            if round < turns.rounds && entry.left_out.is_none() {
                progress.round(round + 1, schedule.rounds, &entry.name);
                entry.run(benchmark, &batch, &mut group.rivals, turns.calls)?;
            }
        }
    }
    let expected = expected_losses(benchmark.spec, &batch, &entries)?;
    let mut rows: Vec<Measured> =
        entries.into_iter().map(|entry| entry.measured(benchmark, group.threads, &expected)).collect();
    compare(&mut rows);
    Ok(rows)
}

/// Our losses in every distance that an entry's loss is of.
fn expected_losses<T: Element>(
    spec: LossSpec,
    batch: &Batch<'_, T>,
    entries: &[Entry<T>],
) -> Result<Vec<(Distance, f64)>> {
    let wanted = |distance: &Distance| entries.iter().any(|entry| entry.distance == Some(*distance));
    let mut workspace = Workspace::default();
    let mut losses = Vec::new();
    for distance in Distance::ALL.into_iter().filter(wanted) {
        let loss = LossSpec { objective: Objective { distance, ..spec.objective }, ..spec };
        losses.push((distance, loss.forward(batch, Weights::None, &mut workspace)?.loss().to_f64()));
    }
    Ok(losses)
}

impl<T: Element> Entry<T> {
    /// What a round costs.
    fn cost(&self) -> Cost {
        Cost {
            call_ms: self.first.filter(|_| self.left_out.is_none()),
            ours: self.kind == Kind::Ours,
            timings: if self.kind == Kind::Ours && self.gradient { 2.0 } else { 1.0 },
        }
    }
}
