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
    shape::{Shape, input},
};
use crate::options::BackendArgs;
use anyhow::Result;
use entry::Entry;
use schedule::{Cost, Schedule};
use triplet_api::{Batch, Distance, Loss, TripletSemiHardLoss, Weights, Workspace};

/// Those who run in one number of threads.
pub(super) struct Group<'a> {
    pub(super) threads: usize,
    pub(super) contenders: &'a [BackendArgs],
    pub(super) rivals: Vec<Rivals>,
}

/// Measures one input.
pub(super) fn measure(
    args: &BenchArgs,
    shape: Shape,
    group: &mut Group<'_>,
    progress: &Progress,
) -> Result<Vec<Measured>> {
    let (embeddings, labels) = input(shape, args.seed);
    let batch = Batch::new(&embeddings, shape.width, &labels)?;
    let mut entries = ours::prepare(args, shape, group, &batch, progress)?;
    if args.python.is_some() {
        entries.push(others::matrix_multiply(shape));
    }
    others::prepare(args, shape, group, (&embeddings, &labels), &mut entries, progress)?;
    let schedule = Schedule::new(&entries.iter().map(Entry::cost).collect::<Vec<_>>(), args.reps);
    for round in 0..schedule.rounds {
        for (entry, turns) in entries.iter_mut().zip(&schedule.turns) {
            if round < turns.rounds && entry.left_out.is_none() {
                progress.round(round + 1, schedule.rounds, &entry.name);
                entry.run(&batch, &mut group.rivals, turns.calls)?;
            }
        }
    }
    let expected = expected_losses(&batch, &entries)?;
    let mut rows: Vec<Measured> =
        entries.into_iter().map(|entry| entry.measured(shape, group.threads, &expected)).collect();
    compare(&mut rows);
    Ok(rows)
}

/// Our losses for every distance that somebody's loss is of.
fn expected_losses(batch: &Batch<'_>, entries: &[Entry]) -> Result<Vec<(Distance, f64)>> {
    let wanted = |distance: &Distance| entries.iter().any(|entry| entry.distance == Some(*distance));
    let mut workspace = Workspace::default();
    let mut losses = Vec::new();
    for distance in Distance::ALL.into_iter().filter(wanted) {
        let loss = TripletSemiHardLoss { distance, ..TripletSemiHardLoss::default() };
        losses.push((distance, f64::from(loss.forward(batch, Weights::None, &mut workspace)?.loss())));
    }
    Ok(losses)
}

impl Entry {
    /// What a round costs.
    fn cost(&self) -> Cost {
        Cost {
            call_ms: self.first.filter(|_| self.left_out.is_none()),
            ours: self.kind == Kind::Ours,
            timings: if self.kind == Kind::Ours { 2.0 } else { 1.0 },
        }
    }
}
