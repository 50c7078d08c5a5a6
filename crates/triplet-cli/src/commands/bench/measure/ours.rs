//! Our backends: what they would take, and first calls that are checked against one another.

use super::super::{
    args::BenchArgs,
    child,
    progress::Progress,
    row::Kind,
    shape::{Shape, input},
};
use super::{
    Group,
    entry::{Entry, Runner},
    forecast::{Forecast, sizes, too_long},
};
use crate::options::BackendArgs;
use anyhow::{Result, ensure};
use std::time::Instant;
use triplet_api::{Backend, Batch, Distance, Loss, TripletSemiHardLoss, Workspace};

/// Those that run on this input, and those that are left out of it.
pub(super) fn prepare(
    args: &BenchArgs,
    shape: Shape,
    group: &Group<'_>,
    batch: &Batch<'_>,
    progress: &Progress,
) -> Result<Vec<Entry>> {
    let mut entries = Vec::new();
    let mut exact = None;
    for flags in group.contenders {
        let flags = BackendArgs { threads: Some(group.threads), ..flags.clone() };
        let options = flags.options()?;
        let executed = options.resolve()?;
        let mut workspace = Box::new(Workspace::new(options)?);
        let too_slow = foresee(args, shape, &mut workspace, executed.backend, progress)?;
        progress.preparing(executed.backend, "first call");
        let mut entry = Entry::new(Kind::Ours, executed.backend, Runner::Ours(workspace));
        entry.executed = Some(executed);
        entry.left_out = too_slow;
        if let (None, Runner::Ours(workspace)) = (&entry.left_out, &mut entry.runner) {
            let start = Instant::now();
            let result = TripletSemiHardLoss::default().evaluate(batch, workspace)?;
            let ms = start.elapsed().as_secs_f64() * 1e3;
            let (executed, loss) = (result.executed(), result.loss());
            if options.backend == Backend::Gram {
                entry.distance = Some(Distance::SquaredL2);
            } else {
                let first = *exact.get_or_insert(loss.to_bits());
                ensure!(
                    first == loss.to_bits(),
                    "{executed} gives other bits than the first exact backend: this is a bug"
                );
            }
            entry.executed = Some(executed);
            entry.first = Some(ms);
            entry.loss = Some(f64::from(loss));
            entry.left_out = too_long(ms, args.limit);
        }
        if entry.left_out.is_none() {
            progress.preparing(executed.backend, "memory, in a process of its own");
            match child::measure(&flags, shape, args.seed) {
                Ok(memory) => entry.memory = Some(memory),
                Err(error) => entry.memory_unknown = Some(format!("{error:#}")),
            }
        }
        entries.push(entry);
    }
    Ok(entries)
}

/// Why a call would take too long, from calls on fewer rows.
fn foresee(
    args: &BenchArgs,
    shape: Shape,
    workspace: &mut Workspace<f32>,
    name: &str,
    progress: &Progress,
) -> Result<Option<String>> {
    let mut forecast = Forecast::default();
    for rows in sizes(shape.rows) {
        progress.preparing(name, &format!("first looks, {rows} rows"));
        let (embeddings, labels) = input(shape.with_rows(rows), args.seed);
        let batch = Batch::new(&embeddings, shape.width, &labels)?;
        let mut call = || -> Result<f64> {
            let start = Instant::now();
            TripletSemiHardLoss::default().evaluate(&batch, workspace)?;
            Ok(start.elapsed().as_secs_f64() * 1e3)
        };
        let mut ms = call()?;
        if ms < 50.0 {
            // The first one reserves memory and wakes threads.
            ms = ms.min(call()?);
        }
        if let Some(reason) = forecast.add(rows, ms, shape.rows, args.limit) {
            return Ok(Some(reason));
        }
    }
    Ok(None)
}
