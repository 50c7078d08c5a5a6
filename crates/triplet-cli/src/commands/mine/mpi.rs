//! `triplet mine --mpi`: each process its part of the anchors, in folders that all see.

use super::{
    MineArgs, check_summary,
    inputs::{Inputs, Kind, OfKind},
    output::Distances,
    report::{Cost, Found},
    search, settings, stopped,
};
use crate::{interrupt, io};
use anyhow::{Context, Result, anyhow, ensure};
use std::time::Instant;
use triplet_api::{
    Element,
    ranks::{Exchange, Mpi, Stage},
};
use triplet_core::nearest::Conditions;
use triplet_dataset::WorkFolder;

pub(super) fn run(args: &MineArgs, conditions: Conditions) -> Result<u8> {
    let start = Instant::now();
    let mut exchange = Mpi::start().map_err(|error| anyhow!(error.reason))?;
    let (rank, ranks) = (exchange.rank(), exchange.ranks());
    let found = mine(args, conditions, (rank, ranks));
    // All tell how they fared: the first writes only if all are done.
    let word = match &found {
        Ok(0) => "done".to_owned(),
        Ok(_) => "stopped".to_owned(),
        Err(error) => format!("{error:#}"),
    };
    let words = exchange_words(&word, &mut exchange)?;
    let status = found.with_context(|| format!("rank {rank}"))?;
    let failed = words.iter().enumerate().find(|(_, word)| !["done", "stopped"].contains(&word.as_str()));
    if let Some((other, word)) = failed {
        return Err(anyhow!("rank {other}: {word}"));
    }
    if status != 0 || words.iter().any(|word| word == "stopped") {
        return Ok(if status == 0 { 1 } else { status });
    }
    if rank == 0 { put_together(args, conditions, ranks, start).map(|()| 0) } else { Ok(0) }
}

/// Bytes of a word that all get.
const WORD: usize = 500;

/// Tells all ranks a word, and gives those of all.
fn exchange_words(word: &str, exchange: &mut Mpi) -> Result<Vec<String>> {
    let ranks = exchange.ranks();
    let mut own = [0; WORD];
    let bytes = word.as_bytes();
    let length = bytes.len().min(WORD);
    own[..length].copy_from_slice(&bytes[..length]);
    let mut all = vec![0; WORD * ranks];
    let gathered = exchange.all_gather(Stage::Settings, &own, &vec![WORD; ranks], &mut all);
    gathered.map_err(|error| anyhow!(error.reason))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end_matches('\0').to_owned();
    Ok(all.chunks_exact(WORD).map(text).collect())
}

/// The settings of one rank.
fn of_rank(args: &MineArgs, (rank, ranks): (usize, usize)) -> MineArgs {
    let mut own = args.clone();
    own.part = (rank + 1, ranks);
    own.work = Some(args.work().join(format!("part-{}-of-{ranks}", rank + 1)));
    own.quiet |= rank > 0;
    own
}

/// Mines the part of a rank; its records stay in its folder.
fn mine(args: &MineArgs, conditions: Conditions, place: (usize, usize)) -> Result<u8> {
    if place.0 == 0 {
        io::check_outputs(&args.outputs(), &args.inputs())?;
    }
    interrupt::stop_gracefully();
    let own = of_rank(args, place);
    let inputs = Inputs::open(&own)?;
    if place.0 == 0 {
        check_summary(args)?;
    }
    match inputs.kind() {
        Kind::Single => mine_as::<f32>(&own, conditions, &inputs),
        Kind::Double => mine_as::<f64>(&own, conditions, &inputs),
    }
}

fn mine_as<T: OfKind + Element + Distances>(
    args: &MineArgs,
    conditions: Conditions,
    inputs: &Inputs,
) -> Result<u8> {
    let options = args.backend.options()?;
    let rows = inputs.rows.in_memory::<T>()?;
    let anchors = inputs.anchors.as_ref().map(|anchors| anchors.in_memory::<T>()).transpose()?.flatten();
    let request = search::request(args, conditions, inputs, (rows.as_ref(), anchors.as_ref()), options)?;
    let text = settings::text(args, conditions, &request, (&inputs.rows, inputs.anchors.as_ref()))?;
    let own = settings::with_plan(&text, args.memory, args.part);
    let mut folder = search::open(&args.work(), &own, args.resume)?;
    let job = search::search(args, options, request, &mut folder)?;
    inputs.rows.check_unchanged()?;
    Ok(if job.is_some() { 0 } else { stopped(args) })
}

/// Writes the records of all parts, in order, with the summary of all, and removes their folders.
fn put_together(args: &MineArgs, conditions: Conditions, ranks: usize, start: Instant) -> Result<()> {
    let inputs = Inputs::open(args)?;
    match inputs.kind() {
        Kind::Single => put_together_as::<f32>(args, conditions, &inputs, ranks, start),
        Kind::Double => put_together_as::<f64>(args, conditions, &inputs, ranks, start),
    }
}

fn put_together_as<T: OfKind + Element + Distances>(
    args: &MineArgs,
    conditions: Conditions,
    inputs: &Inputs,
    ranks: usize,
    start: Instant,
) -> Result<()> {
    let options = args.backend.options()?;
    let rows = inputs.rows.in_memory::<T>()?;
    let anchors = inputs.anchors.as_ref().map(|anchors| anchors.in_memory::<T>()).transpose()?.flatten();
    let memory = (rows.as_ref(), anchors.as_ref());
    let all = search::request(args, conditions, inputs, memory, options)?;
    let whole = settings::text(args, conditions, &all, (&inputs.rows, inputs.anchors.as_ref()))?;
    let (mut folders, mut cost) = (Vec::new(), Cost::default());
    for rank in 0..ranks {
        let own = of_rank(args, (rank, ranks));
        let request = search::request(&own, conditions, inputs, memory, options)?;
        let text = settings::with_plan(&whole, args.memory, own.part);
        let mut folder = WorkFolder::open(&own.work(), &text, true)?;
        let mut job = triplet_dataset::Job::new(request)?;
        let there = folder.resume(&mut job)? && job.is_done();
        ensure!(there, "{} is not complete here: all processes have to see one folder", own.work().display());
        cost.add(job.plan(), job.screened());
        folders.push(folder);
    }
    let settings = settings::with_plan(&whole, args.memory, (1, 1));
    let found = Found { args, request: &all, inputs, settings: &settings, start };
    search::finish(&found, folders, cost, options)?;
    std::fs::remove_dir(args.work()).context("removing the folder of the work")
}
