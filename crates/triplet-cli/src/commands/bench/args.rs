//! Flags of `triplet bench`.

use super::compare::CompareArgs;
use crate::options::isa_help;
use clap::{Args, Subcommand};
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  triplet bench                                          a typical batch
  triplet bench --batch 64,256,1024 --dim 128,512        a grid
  triplet bench --list                                   the benchmarks that are built in
  triplet bench --filter rules/,distances/               those whose names contain one of these
  triplet bench --check --filter edges/                  their answers on every backend, without times
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

Rows are unit vectors in random directions. The answers of all our backends are compared, and where a
benchmark is built in, with its recorded digest, before anything is timed. Everything runs in turn, round after round, so that
noise hits all alike. A round's time is the least of its few calls; the tables show the least and
the median of the rounds, and ratios are those of the least. What takes longer than 0.3 s a call
takes part in the first rounds only.";

/// Flags that describe inputs one by one.
const BY_FLAGS: [&str; 5] = ["batch", "dim", "per_class", "classes", "seed"];
/// Flags that have no effect where nothing is timed.
const OF_TIMES: [&str; 7] = ["python", "tfa_python", "step", "reps", "csv", "report", "save"];

/// Flags of `triplet bench`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, args_conflicts_with_subcommands = true, disable_help_subcommand = true)]
pub(crate) struct BenchArgs {
    #[command(subcommand)]
    pub(super) command: Option<BenchCommand>,
    /// Benchmarks whose names contain one of these, instead of sizes given by flags.
    #[arg(long, value_name = "NAMES", value_delimiter = ',', conflicts_with_all = BY_FLAGS)]
    pub(super) filter: Vec<String>,
    /// A file or folder of definitions, instead of the built-in ones.
    #[arg(long, value_name = "PATH", conflicts_with_all = BY_FLAGS)]
    pub(super) definitions: Option<PathBuf>,
    /// List the benchmarks, and time nothing.
    #[arg(long, conflicts_with_all = BY_FLAGS, conflicts_with_all = OF_TIMES)]
    pub(super) list: bool,
    /// Compare the answers of every backend and instruction set with the recorded digests, and time
    /// nothing. The scalar reference checks batches of up to 1024 x 128.
    #[arg(long, conflicts_with_all = BY_FLAGS, conflicts_with_all = OF_TIMES, conflicts_with = "list")]
    pub(super) check: bool,
    /// Batch sizes, separated by commas. Default: 1024.
    #[arg(long, value_name = "B", value_delimiter = ',')]
    pub(super) batch: Vec<usize>,
    /// Embedding widths. Default: 128.
    #[arg(long, value_name = "D", value_delimiter = ',')]
    pub(super) dim: Vec<usize>,
    /// Rows a class. Default: 8.
    #[arg(long, value_name = "P", value_delimiter = ',')]
    pub(super) per_class: Vec<usize>,
    /// Number of classes instead; rows are spread over them evenly.
    #[arg(long, value_name = "C", conflicts_with = "per_class")]
    pub(super) classes: Option<usize>,
    /// Backends to compare: simd, par, and for comparison gram and scalar, which are slow. Default:
    /// those of the benchmark's definition, simd and par.
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
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
    /// Seed of the rows. Default: 1.
    #[arg(long, value_name = "SEED")]
    pub(super) seed: Option<u64>,
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
    /// Write every round's time, with CPU, versions and environment, for `triplet bench compare`. Into
    /// a folder: as a file named by date and CPU.
    #[arg(long, value_name = "FILE")]
    pub(super) save: Option<PathBuf>,
}

/// What else `triplet bench` does.
#[derive(Debug, Subcommand)]
pub(super) enum BenchCommand {
    /// Compare runs that --save wrote: ratios, their spread, and what is significant.
    Compare(CompareArgs),
}
