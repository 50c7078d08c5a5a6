//! Everything that runs on one input with one number of threads, in turn.

use super::{
    args::BenchArgs,
    rivals::Rivals,
    row::{Kind, Row, compare, median, minimum},
    shape::{Shape, input},
};
use crate::{options::BackendArgs, proc};
use anyhow::{Context, Result, ensure};
use ndarray::{Array2, ArrayView2, linalg::general_mat_mul};
use serde_json::Value;
use std::{io::Write, time::Instant};
use triplet_api::{Backend, Batch, Distance, Executed, Loss, TripletSemiHardLoss, Weights, Workspace};

/// A peer's loss is ours if it differs by less than this part of it: several f32
/// roundings of another order.
const AGREES: f64 = 1e-4;
/// Rounds of things that take longer than [`SLOW`] a call.
const SLOW_ROUNDS: usize = 3;
/// Milliseconds.
const SLOW: f64 = 300.0;

/// Those who run in one number of threads.
pub(super) struct Group<'a> {
    pub(super) threads: usize,
    pub(super) contenders: &'a [BackendArgs],
    pub(super) rivals: Vec<Rivals>,
}

/// One that runs, and its times in milliseconds.
struct Entry {
    kind: Kind,
    name: String,
    executed: Option<Executed>,
    forward: Vec<f64>,
    both: Vec<f64>,
    memory: Value,
    loss: Option<f64>,
    /// The distance of its loss, if the rule is ours.
    distance: Option<Distance>,
    left_out: Option<String>,
    /// Time of a first call.
    first: Option<f64>,
    runner: Runner,
}

enum Runner {
    Ours(Box<Workspace<f32>>),
    /// Rows, and their product.
    MatrixMultiply(Array2<f32>),
    /// Which of the rivals.
    Rival(usize),
}

/// Measures one input.
pub(super) fn measure(args: &BenchArgs, shape: Shape, group: &mut Group<'_>) -> Result<Vec<Row>> {
    let (embeddings, labels) = input(shape, args.seed);
    let batch = Batch::new(&embeddings, shape.width, &labels)?;
    let mut entries = ours(args, shape, group, &batch)?;
    let slowest = entries.iter().filter_map(|entry| entry.first).fold(0.0, f64::max);
    floors(args, shape, &mut entries);
    rivals(args, shape, group, (&embeddings, &labels), &mut entries)?;
    // Short ones several times in a row: the first call wakes threads that slept while
    // the others were timed.
    let calls = if slowest < 20.0 { 4 } else { 2 };
    // About a second for each that runs.
    let round: f64 = entries.iter().filter_map(|entry| entry.first).filter(|&ms| ms < SLOW).sum();
    let fitting = 1e3 * entries.len() as f64 / (round * 2.0 * calls as f64).max(1e-3);
    let rounds = args.reps.unwrap_or((fitting as usize).clamp(3, 1000));
    for round in 0..rounds {
        for entry in &mut entries {
            let slow = entry.kind != Kind::Ours && minimum(&entry.forward).is_some_and(|ms| ms > SLOW);
            if entry.left_out.is_none() && !(slow && round >= SLOW_ROUNDS) {
                entry.run(&batch, &mut group.rivals, if slow { 1 } else { calls })?;
            }
        }
    }
    let expected = expected_losses(&batch, &entries)?;
    let mut rows: Vec<Row> = entries.iter().map(|entry| entry.row(shape, group.threads, &expected)).collect();
    compare(&mut rows);
    Ok(rows)
}

/// Our backends; their first calls are checked against one another before any is timed.
fn ours(args: &BenchArgs, shape: Shape, group: &Group<'_>, batch: &Batch<'_>) -> Result<Vec<Entry>> {
    let mut entries = Vec::new();
    let mut exact = None;
    for flags in group.contenders {
        let flags = BackendArgs { threads: Some(group.threads), ..flags.clone() };
        let options = flags.options()?;
        let mut workspace = Box::new(Workspace::new(options)?);
        let memory = child(&flags, shape, args.seed)?;
        let start = Instant::now();
        let result = TripletSemiHardLoss::default().evaluate(batch, &mut workspace)?;
        let took = start.elapsed().as_secs_f64() * 1e3;
        let (executed, loss) = (result.executed(), result.loss());
        if options.backend != Backend::Gram {
            let first = *exact.get_or_insert(loss.to_bits());
            ensure!(
                first == loss.to_bits(),
                "{executed} gives other bits than the first exact backend: this is a bug"
            );
        }
        entries.push(Entry {
            kind: Kind::Ours,
            name: executed.backend.to_owned(),
            executed: Some(executed),
            forward: Vec::new(),
            both: Vec::new(),
            memory,
            loss: Some(f64::from(loss)),
            distance: Some(Distance::SquaredL2),
            left_out: None,
            first: Some(took),
            runner: Runner::Ours(workspace),
        });
    }
    Ok(entries)
}

/// What needs no Python.
fn floors(args: &BenchArgs, shape: Shape, entries: &mut Vec<Entry>) {
    if args.python.is_some() {
        let bytes = 4 * (shape.rows as u128).pow(2);
        let fits = bytes < proc::available_bytes();
        let size = if fits { shape.rows } else { 0 };
        let runner = Runner::MatrixMultiply(Array2::zeros((size, size)));
        let mut entry = Entry::rival(Kind::Floor, "matrixmultiply E E'", runner);
        entry.left_out = (!fits).then(|| format!("needs about {} GB", bytes >> 30));
        entries.push(entry);
    }
}

/// What runs in Python, tried once to see which are able.
fn rivals(
    args: &BenchArgs,
    shape: Shape,
    group: &mut Group<'_>,
    (embeddings, labels): (&[f32], &[i64]),
    entries: &mut Vec<Entry>,
) -> Result<()> {
    if group.rivals.is_empty() {
        return Ok(());
    }
    let mut file = tempfile::NamedTempFile::new()?;
    let bytes = embeddings.iter().flat_map(|x| x.to_le_bytes());
    let bytes: Vec<u8> = bytes.chain(labels.iter().flat_map(|y| y.to_le_bytes())).collect();
    file.write_all(&bytes)?;
    file.flush()?;
    for (index, rivals) in group.rivals.iter_mut().enumerate() {
        rivals.load(file.path(), shape)?;
        for able in rivals.able.clone() {
            let name = able.name;
            let mut entry = Entry::rival(able.kind, &name, Runner::Rival(index));
            entry.distance = able.distance.map(|distance| distance.parse()).transpose()?;
            let first = rivals.time(&name, 1)?;
            entry.loss = first.value;
            entry.left_out = first.left_out;
            // The first call compiles and allocates; the second one tells.
            if entry.left_out.is_none() {
                entry.forward = rivals.time(&name, 1)?.ms;
                entry.first = minimum(&entry.forward);
                if let Some(ms) = entry.first.filter(|ms| *ms > args.peer_seconds * 1e3) {
                    entry.left_out = Some(format!("takes {:.0} s a call", ms / 1e3));
                }
            }
            entries.push(entry);
        }
    }
    Ok(())
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
    fn rival(kind: Kind, name: &str, runner: Runner) -> Self {
        Self {
            kind,
            name: name.to_owned(),
            executed: None,
            forward: Vec::new(),
            both: Vec::new(),
            memory: Value::Null,
            loss: None,
            distance: None,
            left_out: None,
            first: None,
            runner,
        }
    }

    /// Times some calls.
    fn run(&mut self, batch: &Batch<'_>, rivals: &mut [Rivals], calls: usize) -> Result<()> {
        let loss = TripletSemiHardLoss::default();
        let ms = |start: Instant| start.elapsed().as_secs_f64() * 1e3;
        match &mut self.runner {
            Runner::Ours(workspace) => {
                for _ in 0..calls {
                    let start = Instant::now();
                    loss.forward(batch, Weights::None, workspace)?;
                    self.forward.push(ms(start));
                }
                for _ in 0..calls {
                    let start = Instant::now();
                    loss.evaluate(batch, workspace)?;
                    self.both.push(ms(start));
                }
            }
            Runner::MatrixMultiply(product) => {
                let rows = ArrayView2::from_shape((batch.rows(), batch.width()), batch.embeddings())?;
                let start = Instant::now();
                general_mat_mul(1.0, &rows, &rows.t(), 0.0, product);
                self.forward.push(ms(start));
            }
            Runner::Rival(index) => {
                let timing = rivals[*index].time(&self.name, calls)?;
                self.left_out = timing.left_out;
                self.forward.extend(timing.ms);
            }
        }
        Ok(())
    }

    fn row(&self, shape: Shape, threads: usize, expected: &[(Distance, f64)]) -> Row {
        // Peers always compute the gradient.
        let both = if self.kind == Kind::Peer { &self.forward } else { &self.both };
        let forward = if self.kind == Kind::Peer { &[][..] } else { &self.forward[..] };
        let expected = expected.iter().find(|(distance, _)| Some(*distance) == self.distance);
        let kept = self.left_out.is_none();
        let agrees = self.loss.zip(expected).filter(|_| self.kind == Kind::Peer);
        Row {
            kind: self.kind,
            backend: self.name.clone(),
            isa: self.executed.map_or_else(String::new, |executed| executed.isa.to_owned()),
            threads: match (&self.runner, self.executed) {
                (Runner::MatrixMultiply(_), _) => 1,
                (_, Some(executed)) => executed.threads,
                _ => threads,
            },
            threads_given: threads,
            b: shape.rows,
            d: shape.width,
            classes: shape.classes,
            per_class: shape.rows as f64 / shape.classes as f64,
            fwd_ms_min: minimum(forward).filter(|_| kept),
            fwd_bwd_ms_min: minimum(both).filter(|_| kept),
            fwd_bwd_ms_median: median(both).filter(|_| kept),
            product_ms_min: None,
            fwd_ratio_to_product: None,
            ratio_to_product: None,
            share_of_roofline: None,
            times_ours: None,
            peak_rss_mb: self.memory["peak_rss_mb"].as_f64(),
            base_rss_mb: self.memory["base_rss_mb"].as_f64(),
            loss: self.loss,
            agrees: agrees.map(|(loss, (_, expected))| (loss - expected).abs() <= AGREES * expected.abs()),
            left_out: self.left_out.clone(),
        }
    }
}

/// Peak memory of one evaluation, from a process that does nothing else.
fn child(flags: &BackendArgs, shape: Shape, seed: u64) -> Result<Value> {
    let mut command = proc::again();
    command.args(["bench-child", "--backend", &flags.backend]);
    if let Some(isa) = &flags.isa {
        command.args(["--isa", isa]);
    }
    if let Some(threads) = flags.threads {
        command.args(["--threads", &threads.to_string()]);
    }
    for (flag, value) in [("--batch", shape.rows), ("--dim", shape.width), ("--classes", shape.classes)] {
        command.args([flag, &value.to_string()]);
    }
    let output =
        command.args(["--seed", &seed.to_string()]).output().context("starting the memory measurement")?;
    let message = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "the memory measurement failed: {message}");
    Ok(serde_json::from_slice(&output.stdout)?)
}
