//! Flags of `triplet bench`, and the plan they make.

use super::shape::Shape;
use crate::{
    io,
    options::{BackendArgs, cores, default_threads},
    proc,
};
use anyhow::{Result, bail, ensure};
use clap::Args;
use std::path::PathBuf;
use triplet_api::{Backend, BackendOptions, Batch};

const EXAMPLES: &str = "\
Examples:
  triplet bench                                          a typical batch
  triplet bench --batch 64,256,1024 --dim 128,512        a grid
  triplet bench --backends par --threads 1,2,4           scaling over threads
  triplet bench --backends simd --isa avx2,avx512        which kernels are faster here
  triplet bench --batch 256,1024,4096 --report bench.html --csv bench.csv
  triplet bench --python python3 --backends par --batch 512,1024,4096
                              against one matrix product by torch, NumPy and NumKong
  triplet bench --python python3 --peers --backends par --batch 64,512
                              and against other triplet losses

Rows are unit vectors in random directions. Everything runs in turn, so that noise hits all
alike; times are the minimum and the median over the rounds, ratios those of minima.";

/// More rounds than anyone waits for.
const MOST_ROUNDS: usize = 1_000_000;

/// Flags of `triplet bench`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct BenchArgs {
    /// Batch sizes, separated by commas.
    #[arg(long, value_name = "B", value_delimiter = ',', default_value = "1024")]
    pub(super) batch: Vec<usize>,
    /// Embedding widths.
    #[arg(long, value_name = "D", value_delimiter = ',', default_value = "128")]
    pub(super) dim: Vec<usize>,
    /// Rows a class.
    #[arg(long, value_name = "P", value_delimiter = ',', default_value = "8")]
    pub(super) per_class: Vec<usize>,
    /// Number of classes instead; rows are spread over them evenly.
    #[arg(long, value_name = "C")]
    pub(super) classes: Option<usize>,
    /// Backends to compare.
    #[arg(long, value_name = "NAMES", value_delimiter = ',', default_value = "gram,simd,par")]
    pub(super) backends: Vec<String>,
    /// Instruction sets: portable, avx2, avx512. Default: the fastest this CPU has.
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub(super) isa: Vec<String>,
    /// Numbers of threads. Default: one a core.
    #[arg(long, value_name = "N", value_delimiter = ',')]
    pub(super) threads: Vec<usize>,
    /// Rounds. Default: as many as take about a second a backend, at least 3.
    #[arg(long, value_name = "R")]
    pub(super) reps: Option<usize>,
    /// A Python with torch, NumPy or `NumKong`: their products E E' run in the same rounds.
    #[arg(long, value_name = "PYTHON")]
    pub(super) python: Option<PathBuf>,
    /// Also other losses that this Python has: hand-written torch ones, sentence-transformers,
    /// pytorch-metric-learning.
    #[arg(long, requires = "python")]
    pub(super) peers: bool,
    /// A Python with TensorFlow Addons: its loss runs in the same rounds.
    #[arg(long, value_name = "PYTHON")]
    pub(super) tfa_python: Option<PathBuf>,
    /// A peer that takes longer than this for one call is left out.
    #[arg(long, value_name = "S", default_value_t = 20.0)]
    pub(super) peer_seconds: f64,
    /// Seed of the rows.
    #[arg(long, default_value_t = 1)]
    pub(super) seed: u64,
    /// Print one line of JSON.
    #[arg(long)]
    pub(super) json: bool,
    /// Write the table as csv.
    #[arg(long, value_name = "FILE")]
    pub(super) csv: Option<PathBuf>,
    /// Write a page with table and charts: one HTML file that needs nothing else.
    #[arg(long, value_name = "FILE")]
    pub(super) report: Option<PathBuf>,
}

/// What is to be measured.
pub(super) struct Plan {
    pub(super) shapes: Vec<Shape>,
    pub(super) threads: Vec<usize>,
    /// Backend and instruction set; threads are the group's.
    pub(super) contenders: Vec<BackendArgs>,
}

impl BenchArgs {
    /// Checks everything before anything runs.
    pub(super) fn plan(&self) -> Result<Plan> {
        if let Some(reps) = self.reps {
            ensure!(reps > 0, "--reps is 0: give at least 1");
            ensure!(reps <= MOST_ROUNDS, "--reps is {reps}: give at most {MOST_ROUNDS}");
        }
        ensure!(
            self.peer_seconds > 0.0 && self.peer_seconds.is_finite(),
            "--peer-seconds is {}: give a positive number",
            self.peer_seconds
        );
        let threads = if self.threads.is_empty() {
            vec![default_threads()?.unwrap_or_else(cores)]
        } else {
            self.threads.clone()
        };
        let contenders = self.contenders(&threads)?;
        let outputs = [("--csv", &self.csv), ("--report", &self.report)];
        let outputs: Vec<_> =
            outputs.iter().filter_map(|(flag, path)| path.as_deref().map(|path| (*flag, path))).collect();
        io::check_outputs(&outputs, &[])?;
        let dense = contenders.iter().any(|contender| contender.backend == Backend::Gram.name());
        Ok(Plan { shapes: self.shapes(dense)?, threads, contenders })
    }

    fn shapes(&self, dense: bool) -> Result<Vec<Shape>> {
        let mut shapes = Vec::new();
        for &rows in &self.batch {
            for &width in &self.dim {
                for &per_class in &self.per_class {
                    ensure!(
                        rows > 0 && width > 0 && per_class > 0 && self.classes != Some(0),
                        "--batch, --dim, --per-class and --classes must be at least 1"
                    );
                    let classes = self.classes.unwrap_or_else(|| rows.div_ceil(per_class)).clamp(1, rows);
                    let shape = Shape { rows, width, classes };
                    check_size(shape, dense)?;
                    if !shapes.contains(&shape) {
                        shapes.push(shape);
                    }
                }
            }
        }
        Ok(shapes)
    }

    fn contenders(&self, threads: &[usize]) -> Result<Vec<BackendArgs>> {
        let mut contenders: Vec<BackendArgs> = Vec::new();
        let isas = if self.isa.is_empty() {
            vec![None]
        } else {
            self.isa.iter().map(|isa| Some(isa.clone())).collect()
        };
        for backend in &self.backends {
            for isa in &isas {
                let mut contender = BackendArgs { backend: backend.clone(), isa: isa.clone(), threads: None };
                for &threads in threads {
                    BackendArgs { threads: Some(threads), ..contender.clone() }.options()?;
                }
                if matches!(
                    contender.options()?,
                    BackendOptions { backend: Backend::Scalar | Backend::Gram, .. }
                ) {
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
}

/// Refuses what this machine cannot hold, instead of trying.
pub(super) fn check_size(shape: Shape, dense: bool) -> Result<()> {
    let (rows, width, classes) = (shape.rows as u128, shape.width as u128, shape.classes as u128);
    let most = Batch::<f32>::MAX_ROWS;
    ensure!(shape.rows <= most, "--batch is {}: give at most {most}", shape.rows);
    let per_class = rows.div_ceil(classes);
    let pairs = rows * (per_class - 1);
    let mut bytes = 4 * rows.saturating_mul(width) * 4 + 16 * pairs.min(1 << 27) + 4 * pairs;
    if dense {
        bytes += 4 * rows * rows;
    }
    let available = proc::available_bytes();
    if bytes > available {
        bail!(
            "a batch of {rows} x {width} in {classes} classes needs about {} GB, this machine has {} GB to spare",
            bytes >> 30,
            available >> 30
        );
    }
    Ok(())
}
