//! What the flags of `triplet bench` ask for, checked before anything runs.

use super::{
    args::BenchArgs,
    shape::{Shape, Spread},
};
use crate::{
    io,
    options::{BackendArgs, cores, default_threads},
    proc,
};
use anyhow::{Result, bail, ensure};
use triplet_api::{Backend, BackendOptions, Batch};

/// More rounds than anyone waits for.
const MOST_ROUNDS: usize = 1_000_000;

/// What is to be measured.
pub(super) struct Plan {
    pub(super) shapes: Vec<Shape>,
    pub(super) threads: Vec<usize>,
    /// Backend and instruction set; threads are the group's.
    pub(super) contenders: Vec<BackendArgs>,
}

impl Plan {
    /// Checks the flags.
    pub(super) fn new(args: &BenchArgs) -> Result<Self> {
        if let Some(reps) = args.reps {
            ensure!(reps > 0, "--reps is 0: give at least 1");
            ensure!(reps <= MOST_ROUNDS, "--reps is {reps}: give at most {MOST_ROUNDS}");
        }
        let limit = args.limit;
        ensure!(limit > 0.0 && limit.is_finite(), "--limit is {limit}: give a positive number of seconds");
        let threads = if args.threads.is_empty() {
            vec![default_threads()?.unwrap_or_else(cores)]
        } else {
            without_repeats(&args.threads)
        };
        let contenders = contenders(args, &threads)?;
        let outputs = [("--csv", &args.csv), ("--report", &args.report), ("--save", &args.save)];
        io::check_outputs(&io::given(&outputs), &[])?;
        let dense = contenders.iter().any(|contender| contender.backend == Backend::Gram.name());
        Ok(Self { shapes: shapes(args, dense)?, threads, contenders })
    }
}

fn without_repeats(numbers: &[usize]) -> Vec<usize> {
    let mut kept: Vec<usize> = Vec::new();
    for &number in numbers {
        if !kept.contains(&number) {
            kept.push(number);
        }
    }
    kept
}

fn shapes(args: &BenchArgs, dense: bool) -> Result<Vec<Shape>> {
    let spreads: Vec<Spread> = match args.classes {
        Some(classes) => vec![Spread::Classes(classes)],
        None => args.per_class.iter().map(|&rows| Spread::PerClass(rows)).collect(),
    };
    let mut shapes = Vec::new();
    for &rows in &args.batch {
        for &width in &args.dim {
            for &spread in &spreads {
                ensure!(
                    rows > 0 && width > 0 && spread.number() > 0,
                    "--batch, --dim, --per-class and --classes must be at least 1"
                );
                let shape = Shape { rows, width, spread };
                check_size(shape, dense)?;
                if !shapes.contains(&shape) {
                    shapes.push(shape);
                }
            }
        }
    }
    Ok(shapes)
}

fn contenders(args: &BenchArgs, threads: &[usize]) -> Result<Vec<BackendArgs>> {
    let mut contenders: Vec<BackendArgs> = Vec::new();
    let isas =
        if args.isa.is_empty() { vec![None] } else { args.isa.iter().map(|isa| Some(isa.clone())).collect() };
    for backend in &args.backends {
        for isa in &isas {
            let mut contender = BackendArgs { backend: backend.clone(), isa: isa.clone(), threads: None };
            for &threads in threads {
                BackendArgs { threads: Some(threads), ..contender.clone() }.options()?;
            }
            if matches!(contender.options()?, BackendOptions { backend: Backend::Scalar | Backend::Gram, .. })
            {
                contender.isa = None;
            }
            let known = |other: &BackendArgs| (&other.backend, &other.isa) == (backend, &contender.isa);
            if !contenders.iter().any(known) {
                contenders.push(contender);
            }
        }
    }
    ensure!(!contenders.is_empty(), "--backends is empty: name at least one");
    Ok(contenders)
}

/// Refuses what this machine cannot hold, instead of trying.
pub(super) fn check_size(shape: Shape, dense: bool) -> Result<()> {
    let (rows, width, classes) = (shape.rows as u128, shape.width as u128, shape.classes() as u128);
    let most = Batch::<f32>::MAX_ROWS;
    ensure!(shape.rows <= most, "--batch is {}: give at most {most}", shape.rows);
    let per_class = rows.div_ceil(classes);
    let pairs = rows * (per_class - 1);
    let mut bytes = 4 * rows.saturating_mul(width) * 4 + 16 * pairs.min(1 << 27) + 4 * pairs;
    if dense {
        bytes += 4 * rows * rows;
    }
    let available = u128::from(proc::available_memory());
    if bytes > available {
        bail!(
            "a batch of {rows} x {width} in {classes} classes needs about {} GB, this machine has {} GB to spare",
            bytes >> 30,
            available >> 30
        );
    }
    Ok(())
}
