//! What the flags of `triplet bench` ask for, checked before anything runs.

use super::{args::BenchArgs, record, selection::Selection};
use crate::{
    io,
    options::{BackendArgs, cores, default_threads},
    proc,
};
use anyhow::{Result, bail, ensure};
use std::path::PathBuf;
use triplet_api::{Backend, Batch};
use triplet_benchmarks::{Benchmark, ElementType, Shape};

/// The largest number of rounds.
const MAX_ROUNDS: usize = 1_000_000;

/// What is to be measured.
pub(super) struct Plan {
    pub(super) selection: Selection,
    pub(super) threads: Vec<usize>,
    /// Backend and instruction set; threads are the group's.
    pub(super) contenders: Vec<BackendArgs>,
    /// The file to save the run to.
    pub(super) save: Option<PathBuf>,
}

impl Plan {
    /// Checks the flags.
    pub(super) fn new(args: &BenchArgs, selection: Selection) -> Result<Self> {
        if let Some(reps) = args.reps {
            ensure!(reps > 0, "--reps is 0: give at least 1");
            ensure!(reps <= MAX_ROUNDS, "--reps is {reps}: give at most {MAX_ROUNDS}");
        }
        let limit = args.limit;
        ensure!(limit > 0.0 && limit.is_finite(), "--limit is {limit}: give a positive number of seconds");
        let threads = if args.threads.is_empty() {
            vec![default_threads()?.unwrap_or_else(cores)]
        } else {
            without_repeats(&args.threads)
        };
        let backends = if args.backends.is_empty() { selection.backends() } else { args.backends.clone() };
        let contenders = contenders(&backends, &args.isa, &threads)?;
        let save = args.save.as_ref().map(|path| record::file_in(path));
        let outputs = [("--csv", &args.csv), ("--report", &args.report), ("--save", &save)];
        io::check_outputs(&io::given(&outputs), &[])?;
        let dense = contenders.iter().any(|contender| contender.backend == Backend::Gram.name());
        for benchmark in &selection.benchmarks {
            check_size(benchmark.shape, benchmark.element, dense)?;
        }
        Ok(Self { selection, threads, contenders, save })
    }

    /// The backends that take part in a benchmark: all that flags name, or those of its definition.
    pub(super) fn contenders(&self, args: &BenchArgs, benchmark: &Benchmark) -> Vec<BackendArgs> {
        let by_name = self.selection.by_name && args.backends.is_empty();
        let takes = |it: &&BackendArgs| Selection::takes(by_name, benchmark, &it.backend);
        self.contenders.iter().filter(takes).cloned().collect()
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

/// Every backend on every instruction set that it has a use for.
pub(super) fn contenders(
    backends: &[String],
    isas: &[String],
    threads: &[usize],
) -> Result<Vec<BackendArgs>> {
    let mut contenders: Vec<BackendArgs> = Vec::new();
    let isas = if isas.is_empty() { vec![None] } else { isas.iter().cloned().map(Some).collect() };
    for backend in backends {
        for isa in &isas {
            let mut contender = BackendArgs { backend: backend.clone(), isa: isa.clone(), threads: None };
            for &threads in threads {
                BackendArgs { threads: Some(threads), ..contender.clone() }.options()?;
            }
            match contender.options()?.backend {
                Backend::Scalar | Backend::Gram => contender.isa = None,
                Backend::Auto | Backend::Simd | Backend::Par | Backend::OpenMp => {}
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
pub(super) fn check_size(shape: Shape, element: ElementType, dense: bool) -> Result<()> {
    let (rows, width, classes) = (shape.rows as u128, shape.width as u128, shape.classes() as u128);
    let size = match element {
        ElementType::F32 => 4,
        ElementType::F64 => 8,
    };
    let most = Batch::<f32>::MAX_ROWS;
    ensure!(shape.rows <= most, "--batch is {}: give at most {most}", shape.rows);
    let per_class = rows.div_ceil(classes);
    let pairs = rows * (per_class - 1);
    let mut bytes = 4 * rows.saturating_mul(width) * size + 4 * size * pairs.min(1 << 27) + 4 * pairs;
    if dense {
        bytes += size * rows * rows;
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
