//! Our backends: forecasts from fewer rows, and first calls, whose answers are checked to the last bit.

use super::super::{args::BenchArgs, child, progress::Progress, row::Kind};
use super::{
    Group,
    entry::{Entry, Runner},
    forecast::{Forecast, sizes, too_long},
};
use crate::options::BackendArgs;
use anyhow::{Result, ensure};
use std::time::Instant;
use triplet_api::{Batch, Element, Evaluation, Loss, Real, Weights, Workspace};
use triplet_benchmarks::{Benchmark, Digest, input, widened};

/// An entry for each backend; one that would take too long is left out, with the reason.
///
/// # Errors
///
/// When the answers of two backends differ in a bit, or differ from the benchmark's digest.
pub(super) fn prepare<T: Element>(
    args: &BenchArgs,
    benchmark: &Benchmark,
    group: &Group,
    batch: &Batch<'_, T>,
    progress: &Progress,
) -> Result<Vec<Entry<T>>> {
    let mut entries = Vec::new();
    let mut exact = None;
    for flags in &group.contenders {
        let flags = BackendArgs { threads: Some(group.threads), ..flags.clone() };
        let options = flags.options()?;
        let executed = options.resolve()?;
        let mut workspace = Box::new(Workspace::new(options)?);
        let too_slow = foresee(args, benchmark, &mut workspace, executed.backend, progress)?;
        progress.preparing(executed.backend, "first call");
        let mut entry = Entry::new(Kind::Ours, executed.backend, Runner::Ours(workspace));
        entry.executed = Some(executed);
        entry.gradient = benchmark.gradient;
        entry.left_out = too_slow;
        if let (None, Runner::Ours(workspace)) = (&entry.left_out, &mut entry.runner) {
            let start = Instant::now();
            let result = call(benchmark, batch, workspace)?;
            let ms = start.elapsed().as_secs_f64() * 1e3;
            let (executed, loss) = (result.executed(), result.loss());
            if options.backend.is_exact() {
                let digest = Digest::of(&result);
                check(benchmark, digest, *exact.get_or_insert(digest), &executed.to_string())?;
                let alone = benchmark.spec.forward(batch, Weights::None, workspace)?;
                ensure!(
                    same_bits(alone.loss(), loss),
                    "{executed} gives another loss without the gradient: this is a bug"
                );
            } else {
                entry.distance = Some(benchmark.spec.objective.distance);
            }
            entry.executed = Some(executed);
            entry.first = Some(ms);
            entry.loss = Some(loss.to_f64());
            entry.left_out = too_long(ms, args.limit);
        }
        if entry.left_out.is_none() {
            progress.preparing(executed.backend, "memory, in a process of its own");
            match child::measure(&flags, benchmark) {
                Ok(memory) => entry.memory = Some(memory),
                Err(error) => entry.memory_unknown = Some(format!("{error:#}")),
            }
        }
        entries.push(entry);
    }
    Ok(entries)
}

/// What is timed in full: with the gradient, unless the benchmark is without.
fn call<'a, T: Element>(
    benchmark: &Benchmark,
    batch: &'a Batch<'_, T>,
    workspace: &'a mut Workspace<T>,
) -> triplet_api::Result<Evaluation<'a, T>> {
    if benchmark.gradient {
        benchmark.spec.evaluate(batch, workspace)
    } else {
        benchmark.spec.forward(batch, Weights::None, workspace)
    }
}

/// Compares an answer with the recorded one and with that of the first exact backend.
fn check(benchmark: &Benchmark, found: Digest, first: Digest, engine: &str) -> Result<()> {
    benchmark.verify(found, engine)?;
    ensure!(
        found == first,
        "{benchmark}: {engine} gives other bits ({found}) than the first exact backend ({first}): this is a bug"
    );
    Ok(())
}

fn same_bits<T: Real>(a: T, b: T) -> bool {
    a.to_f64().to_bits() == b.to_f64().to_bits()
}

/// Why a call would take too long, from calls on fewer rows.
fn foresee<T: Element>(
    args: &BenchArgs,
    benchmark: &Benchmark,
    workspace: &mut Workspace<T>,
    name: &str,
    progress: &Progress,
) -> Result<Option<String>> {
    let mut forecast = Forecast::default();
    let shape = benchmark.shape;
    for rows in sizes(shape.rows) {
        progress.preparing(name, &format!("first looks, {rows} rows"));
        let (embeddings, labels) = input(shape.with_rows(rows), benchmark.seed);
        let embeddings = widened::<T>(&embeddings);
        let batch = Batch::new(&embeddings, shape.width, &labels)?;
        let mut timed = || -> Result<f64> {
            let start = Instant::now();
            call(benchmark, &batch, workspace)?;
            Ok(start.elapsed().as_secs_f64() * 1e3)
        };
        let mut ms = timed()?;
        if ms < 50.0 {
            // The first one reserves memory and wakes threads.
            ms = ms.min(timed()?);
        }
        if let Some(reason) = forecast.add(rows, ms, shape.rows, args.limit) {
            return Ok(Some(reason));
        }
    }
    Ok(None)
}
