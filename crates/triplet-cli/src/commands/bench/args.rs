//! Flags of `triplet bench`.

use super::compare::CompareArgs;
use crate::options::isa_help;
use clap::{Args, Subcommand};
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  triplet bench                                          a typical batch
  triplet bench --batch 64,256,1024 --dim 128,512        a grid
  triplet bench --backends par --threads 1,2,4           scaling over threads
  triplet bench --backends simd --isa avx2,avx512        which kernels are faster here
  triplet bench --batch 256,1024,4096 --report bench.html --csv bench.csv
  triplet bench --python python3 --batch 512,1024,4096
                              against matrix products by torch, NumPy and NumKong
  triplet bench --python python3 --peers --batch 64,512
                              and against other triplet losses
  triplet bench --python python3 --step --batch 128,512
                              training steps with this loss, with others, with none
  triplet bench --save before.json                       keep every round's time
  triplet bench compare before.json after.json           what changed

Rows are unit vectors in random directions. Everything runs in turn, round after round, so that
noise hits all alike. A round's time is the least of its few calls; the tables show the least and
the median of the rounds, and ratios are those of the least. What takes longer than 0.3 s a call
takes part in the first rounds only.";

/// Flags of `triplet bench`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, args_conflicts_with_subcommands = true, disable_help_subcommand = true)]
pub(crate) struct BenchArgs {
    #[command(subcommand)]
    pub(super) command: Option<BenchCommand>,
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
    #[arg(long, value_name = "C", conflicts_with = "per_class")]
    pub(super) classes: Option<usize>,
    /// Backends to compare: simd, par, and for comparison gram and scalar, which are slow.
    #[arg(long, value_name = "NAMES", value_delimiter = ',', default_value = "simd,par")]
    pub(super) backends: Vec<String>,
    #[arg(long, value_name = "NAMES", value_delimiter = ',', help = isa_help("Instruction sets"))]
    pub(super) isa: Vec<String>,
    /// Numbers of threads. Default: one a core.
    #[arg(long, value_name = "N", value_delimiter = ',')]
    pub(super) threads: Vec<usize>,
    /// Rounds. Default: as many as take about a second for each that runs, at least 3.
    #[arg(long, value_name = "R")]
    pub(super) reps: Option<usize>,
    /// A Python with torch, NumPy or `NumKong`: their products E E' run in the same rounds.
    #[arg(long, value_name = "PYTHON")]
    pub(super) python: Option<PathBuf>,
    /// Also other losses that this Python has: hand-written torch ones, sentence-transformers,
    /// pytorch-metric-learning.
    #[arg(long, requires = "python")]
    pub(super) peers: bool,
    /// Instead: training steps in this Python (784-512-D network, Adam) with this loss, with the
    /// other losses, and without a loss. Needs torch and the package triplet-loss there.
    #[arg(long, requires = "python", conflicts_with_all = ["peers", "tfa_python", "isa", "backends"])]
    pub(super) step: bool,
    /// A Python with TensorFlow Addons: its loss runs in the same rounds.
    #[arg(long, value_name = "PYTHON")]
    pub(super) tfa_python: Option<PathBuf>,
    /// Start the Pythons with the environment as it is. By default the variables that tie a BLAS to
    /// kernels (`OPENBLAS_CORETYPE`, `MKL_CBWR`, ...) are left out, so that products are as fast as
    /// they can be.
    #[arg(long)]
    pub(super) keep_environment: bool,
    /// What takes longer than this for one call is left out, and named: our backends and others.
    #[arg(long, value_name = "S", default_value_t = 20.0, alias = "peer-seconds")]
    pub(super) limit: f64,
    /// Seed of the rows.
    #[arg(long, default_value_t = 1)]
    pub(super) seed: u64,
    /// Show no progress on standard error.
    #[arg(short, long)]
    pub(super) quiet: bool,
    /// Print one line of JSON.
    #[arg(long)]
    pub(super) json: bool,
    /// Write the table as csv.
    #[arg(long, value_name = "FILE")]
    pub(super) csv: Option<PathBuf>,
    /// Write a page with table and charts: one HTML file that needs nothing else.
    #[arg(long, value_name = "FILE")]
    pub(super) report: Option<PathBuf>,
    /// Write every round's time, with CPU, versions and environment, for `triplet bench compare`.
    #[arg(long, value_name = "FILE")]
    pub(super) save: Option<PathBuf>,
}

/// What else `triplet bench` does.
#[derive(Debug, Subcommand)]
pub(super) enum BenchCommand {
    /// Compare runs that --save wrote: ratios, their spread, and what is significant.
    Compare(CompareArgs),
}
