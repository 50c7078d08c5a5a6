//! `triplet mine`: the hard negatives of a whole data set.

mod inputs;
mod join;
#[cfg(feature = "mpi")]
mod mpi;
mod output;
#[cfg(feature = "train")]
mod pictures;
mod progress;
mod report;
mod search;
mod settings;
mod summary;
mod suspects;

use crate::{
    interrupt,
    io::{self, ReadArgs},
    options::BackendArgs,
    output as console,
};
use anyhow::{Context, Result, ensure};
use clap::Args;
use inputs::{Inputs, Kind};
use std::path::{Path, PathBuf};
use triplet_api::{Distance, Rule};
use triplet_core::nearest::Conditions;

const EXAMPLES: &str = "\
Examples:
  triplet mine --embeddings e.npy --labels y.npy --out triplets.parquet
  triplet mine --embeddings e.npy --labels y.npy --negatives 5 --distance angular --relative-margin 0.05 --out t.parquet
  triplet mine --embeddings table.parquet --label-column species --rule hard --out t.npy --summary report
  triplet mine --embeddings e.npy --labels y.npy --out t.parquet --resume     # after it was stopped, however
  triplet mine --embeddings e.npy --labels y.npy --part 3/8 --out t3.parquet  # one of 8, on any machine
  triplet mine --join t1.parquet t2.parquet ... t8.parquet --out t.parquet    # and the bytes of the whole
  triplet mine --embeddings corpus.npy --labels c.npy --anchors queries.npy --anchor-labels q.npy --out t.parquet
  mpirun -n 4 triplet mine --mpi --embeddings e.npy --labels y.npy --out t.parquet

Every anchor is searched against every row, exactly: no index, no sample, no limit to so many nearest rows, so that
negatives are found wherever there are any. npy files are read where they are, within --memory. The arrays of a Parquet
file's embedding column are laid out row by row in an unnamed file beside the output; other tables are read whole.
Parquet has a row a negative: anchor, positive, negative, rank (0 is the nearest), both distances, and reaches (false
where no negative is beyond the positive: it is the farthest of all then, as TFA has it). npy has [T, 3] int64.
What is found is kept in a folder beside the output from time to time, until the output is whole.";

/// Flags of `triplet mine`.
#[derive(Debug, Clone, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct MineArgs {
    /// Embeddings `[N, D]`: an npy file of any size, or a table with the labels in one of its columns.
    #[arg(long, value_name = "FILE", required_unless_present = "join")]
    embeddings: Option<PathBuf>,
    /// Labels `[N]`, integers or text; needed unless the embeddings' file has them.
    #[arg(long, value_name = "FILE")]
    labels: Option<PathBuf>,
    /// Anchors `[M, D]` of a file of their own: positives and negatives are rows of --embeddings.
    #[arg(long, value_name = "FILE")]
    anchors: Option<PathBuf>,
    /// Their labels.
    #[arg(long, value_name = "FILE", requires = "anchors")]
    anchor_labels: Option<PathBuf>,
    /// Where the triplets go: .parquet or .npy.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Distance: squared-l2, l2 or angular (1 less the cosine similarity).
    #[arg(long, value_name = "NAME", default_value = "squared-l2")]
    distance: String,
    /// Rule: semi-hard (for each positive, the nearest negative that is farther), semi-hard-literal (farther by a margin), hard
    /// (for each anchor, the farthest positive and the nearest negative) or hard-soft (the same).
    #[arg(long, value_name = "NAME", default_value = "semi-hard")]
    rule: String,
    /// Negatives for each anchor and positive: the K nearest that meet the conditions.
    #[arg(long, value_name = "K", default_value_t = 1)]
    negatives: usize,
    /// By how much the score of a negative is below that of the positive at least. The score is the cosine similarity with
    /// angular, else the distance negated. Of semi-hard-literal, its margin [default there: 1].
    #[arg(long, value_name = "M")]
    margin: Option<f64>,
    /// The same, as a part of the positive's score: 0.05 is 5 % below.
    #[arg(long, value_name = "PART")]
    relative_margin: Option<f64>,
    /// The largest score of a negative.
    #[arg(long, value_name = "SCORE", allow_negative_numbers = true)]
    max_score: Option<f64>,
    /// The smallest score of a negative.
    #[arg(long, value_name = "SCORE", allow_negative_numbers = true)]
    min_score: Option<f64>,
    /// Mine one part of the anchors: the third of eight is 3/8.
    #[arg(long, value_name = "I/N", value_parser = part, default_value = "1/1", conflicts_with = "mpi")]
    part: (usize, usize),
    /// Put the outputs of all parts together, in any order, instead of mining.
    #[arg(long, value_name = "FILE", num_args = 1.., conflicts_with_all = ["embeddings", "labels", "anchors", "mpi", "resume"])]
    join: Vec<PathBuf>,
    /// Most memory, such as 800M or 4G, besides labels, and besides tables that are no column of arrays in Parquet.
    #[arg(long, value_name = "SIZE", value_parser = io::parse_size, default_value = "2GiB")]
    memory: u64,
    /// Go on where a job with these settings was stopped; begin, if there is none.
    #[arg(long)]
    resume: bool,
    /// The folder in which what is found is kept. Default: the output with .mine added.
    #[arg(long, value_name = "FOLDER")]
    work: Option<PathBuf>,
    /// Seconds between two times that it is kept.
    #[arg(long, value_name = "SECONDS", default_value_t = 30.0)]
    checkpoint: f64,
    /// Write what was found in sum to this folder: summary.json, and pictures.
    #[arg(long, value_name = "FOLDER")]
    summary: Option<PathBuf>,
    /// Print one line of JSON.
    #[arg(long)]
    json: bool,
    /// No progress.
    #[arg(long, short)]
    quiet: bool,
    /// Mine on all processes that mpirun started, each its part of the anchors. All see one folder.
    #[arg(long)]
    mpi: bool,
    #[command(flatten)]
    backend: BackendArgs,
    #[command(flatten)]
    read: ReadArgs,
}

/// Reads a part such as 3/8.
fn part(text: &str) -> Result<(usize, usize), String> {
    let numbers =
        text.split_once('/').and_then(|(part, parts)| Some((part.parse().ok()?, parts.parse().ok()?)));
    match numbers {
        Some((part, parts)) if (1..=parts).contains(&part) => Ok((part, parts)),
        _ => Err(format!("{text:?} is no part: the third of eight is 3/8, and the first is 1/8")),
    }
}

impl MineArgs {
    fn distance(&self) -> Result<Distance> {
        Ok(self.distance.parse()?)
    }

    fn conditions(&self) -> Result<Conditions> {
        let rule: Rule = self.rule.parse()?;
        let literal = rule == Rule::SemiHardLiteral;
        let conditions = Conditions {
            rule,
            margin: if literal { self.margin.unwrap_or(1.0) } else { 1.0 },
            absolute_margin: if literal { None } else { self.margin },
            relative_margin: self.relative_margin,
            max_score: self.max_score,
            min_score: self.min_score,
        };
        conditions.check(self.distance()?)?;
        ensure!(self.negatives > 0, "--negatives 0: ask for 1 at least");
        ensure!(self.checkpoint >= 0.0, "--checkpoint {}: seconds are 0 or more", self.checkpoint);
        Ok(conditions)
    }

    /// The folder of the work.
    fn work(&self) -> PathBuf {
        self.work.clone().unwrap_or_else(|| {
            let mut name = self.out.as_os_str().to_owned();
            name.push(".mine");
            name.into()
        })
    }

    fn outputs(&self) -> Vec<(&str, &Path)> {
        vec![("--out", self.out.as_path())]
    }

    fn inputs(&self) -> Vec<(&str, &Path)> {
        let mut inputs = io::given(&[
            ("--embeddings", &self.embeddings),
            ("--labels", &self.labels),
            ("--anchors", &self.anchors),
            ("--anchor-labels", &self.anchor_labels),
        ]);
        inputs.extend(self.join.iter().map(|path| ("--join", path.as_path())));
        inputs
    }
}

/// Mines; answers the exit status.
pub(crate) fn run(args: &MineArgs) -> Result<u8> {
    output::Format::of(&args.out)?;
    if !args.join.is_empty() {
        io::check_outputs(&args.outputs(), &args.inputs())?;
        return join::run(args).map(|()| 0);
    }
    let conditions = args.conditions()?;
    if args.mpi {
        return on_ranks(args, conditions);
    }
    io::check_outputs(&args.outputs(), &args.inputs())?;
    let inputs = Inputs::open(args)?;
    check_summary(args)?;
    interrupt::stop_gracefully();
    match inputs.kind() {
        Kind::Single => search::run::<f32>(args, conditions, &inputs),
        Kind::Double => search::run::<f64>(args, conditions, &inputs),
    }
}

/// Whether there can be a summary: now, not when all is mined.
fn check_summary(args: &MineArgs) -> Result<()> {
    let Some(folder) = &args.summary else { return Ok(()) };
    let place = folder.join("summary.json");
    let context = || format!("--summary: no folder can be made at {}", folder.display());
    std::fs::create_dir_all(folder).with_context(context)?;
    io::check_outputs(&[("--summary", place.as_path())], &args.inputs())
}

#[cfg(feature = "mpi")]
use mpi::run as on_ranks;

/// Of a program that was built without MPI.
#[cfg(not(feature = "mpi"))]
fn on_ranks(_args: &MineArgs, _conditions: Conditions) -> Result<u8> {
    anyhow::bail!(
        "--mpi: this program was built without MPI; cargo install triplet-cli --features mpi builds one with it, \
         given an MPI and libclang (Debian: openmpi-bin libopenmpi-dev libclang-dev)"
    )
}

/// The exit status of a job that a signal stopped.
fn stopped(args: &MineArgs) -> u8 {
    console::note(format_args!(
        "stopped; what was found is kept in {}: the same command with --resume goes on",
        args.work().display()
    ));
    interrupt::asked().unwrap_or(1)
}
