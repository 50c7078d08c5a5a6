//! `triplet loss`: loss, triplets and gradient of embeddings in a file.

mod candidates;
#[cfg(feature = "mpi")]
mod mpi;

use crate::{
    io::{self, Embeddings, OutputSet, ReadArgs, Understood},
    options::{BackendArgs, ObjectiveArgs},
    output,
};
use anyhow::{Context, Result};
use candidates::{CandidateArgs, Candidates, Rows};
use clap::Args;
use ndarray::{Array2, ArrayD, aview1};
use ndarray_npy::WritableElement;
use serde_json::json;
use std::{
    path::{Path, PathBuf},
    time::Instant,
};
use triplet_api::{
    BackendOptions, Batch, CoreError, Evaluation, Inputs, Loss, LossSpec, MemoryLimits, Reduction, Weights,
    Workspace,
};

const EXAMPLES: &str = "\
Examples:
  triplet loss --embeddings e.npy --labels y.npy
  triplet loss --embeddings batch.npz:e --labels batch.npz:y --distance l2 --json
  triplet loss --embeddings e.csv --labels y.csv --gradient g.npy --triplets t.npy
  triplet loss --embeddings table.parquet --label-column species
  python embed.py | triplet loss --embeddings - --labels y.npy
  triplet loss --embeddings e.npy --labels y.npy --gradient g.npy --memory 2G
  triplet loss --embeddings e.npy --labels y.npy --candidates all.npy --candidate-labels all_y.npy
  mpirun -n 4 triplet loss --mpi --embeddings e.npy --labels y.npy --gradient g.npy
  mpirun -n 4 triplet loss --mpi --embeddings e{rank}.npy --labels y{rank}.npy

Arrays are npy, npz and safetensors (\"file.npz:name\" picks one of several); tables are csv, tsv,
txt (any separator; .gz too), Parquet, Feather, Arrow and JSON lines; - is standard input. Labels are
integers or text. Halves and text files are computed in f32, f64 in f64. One line on standard error
says what was read. Outputs are written aside and renamed together at the end; until the last rename
the last of them is missing.";

/// Flags of `triplet loss`.
#[derive(Debug, Clone, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct LossArgs {
    /// Embeddings `[B, D]`, or a table with the labels in one of its columns.
    #[arg(long, value_name = "FILE")]
    embeddings: PathBuf,
    /// Labels `[B]` or `[B, 1]`, integers or text; needed unless the embeddings' file has them.
    #[arg(long, value_name = "FILE")]
    labels: Option<PathBuf>,
    /// Sample weights: a scalar, `[B]` or `[B, 1]`, finite and not negative.
    #[arg(long, value_name = "FILE")]
    weights: Option<PathBuf>,
    #[command(flatten)]
    against: CandidateArgs,
    #[command(flatten)]
    objective: ObjectiveArgs,
    /// Reduction: mean, sum or none.
    #[arg(long, value_name = "NAME", default_value = "mean")]
    reduction: String,
    #[command(flatten)]
    backend: BackendArgs,
    /// Most memory for computing, such as 800M or 4G, besides the inputs: triplets that do not fit are
    /// worked through in parts, which takes longer; --triplets needs them all. Default: no limit.
    #[arg(long, value_name = "SIZE", value_parser = io::parse_size)]
    memory: Option<u64>,
    /// Write the gradient `[B, D]`, npy.
    #[arg(long, value_name = "FILE")]
    gradient: Option<PathBuf>,
    /// Write the triplets `[T, 3]` (anchor, positive, negative; -1 for none), npy, int64.
    #[arg(long, value_name = "FILE")]
    triplets: Option<PathBuf>,
    /// Write the losses of the rows `[B]`, npy; needs --reduction none.
    #[arg(long, value_name = "FILE")]
    losses: Option<PathBuf>,
    /// Print one line of JSON.
    #[arg(long)]
    json: bool,
    /// Compute on all processes that mpirun started: each takes its part of the rows, or reads files of its own
    /// where paths contain {rank}. The answer, to the last bit that of one process, is the first one's.
    #[arg(long)]
    mpi: bool,
    #[command(flatten)]
    read: ReadArgs,
}

impl LossArgs {
    fn outputs(&self) -> Vec<(&str, &Path)> {
        io::given(&[
            ("--gradient", &self.gradient),
            ("--triplets", &self.triplets),
            ("--losses", &self.losses),
            ("--candidate-gradient", &self.against.candidate_gradient),
        ])
    }

    fn inputs(&self) -> Vec<(&str, &Path)> {
        let mut inputs = vec![("--embeddings", self.embeddings.as_path())];
        inputs.extend(io::given(&[("--labels", &self.labels), ("--weights", &self.weights)]));
        inputs.extend(self.against.inputs());
        inputs
    }
}

pub(crate) fn run(args: &LossArgs) -> Result<()> {
    let reduction: Reduction = args.reduction.parse()?;
    let spec = LossSpec { objective: args.objective.objective()?, reduction, require_positives: false };
    let options = args.backend.options()?;
    anyhow::ensure!(
        args.losses.is_none() || reduction.keeps_rows(),
        "--losses needs --reduction none: there is one loss for the whole batch otherwise"
    );
    if args.mpi {
        return on_ranks(args, spec, options);
    }
    io::check_outputs(&args.outputs(), &args.inputs())?;
    let (inputs, others) = read(args)?;
    match &inputs.embeddings {
        Embeddings::Single(x) => evaluate(args, spec, options, x, (&inputs, others.as_ref())),
        Embeddings::Double(x) => evaluate(args, spec, options, x, (&inputs, others.as_ref())),
    }
}

#[cfg(feature = "mpi")]
use mpi::run as on_ranks;

/// Of a program that was built without MPI.
#[cfg(not(feature = "mpi"))]
fn on_ranks(_args: &LossArgs, _spec: LossSpec, _options: BackendOptions) -> Result<()> {
    anyhow::bail!(
        "--mpi: this program was built without MPI; cargo install triplet-cli --features mpi builds one with it, \
         given an MPI and libclang (Debian: openmpi-bin libopenmpi-dev libclang-dev)"
    )
}

/// Reads the batch, and its candidates.
fn read(args: &LossArgs) -> Result<(io::Inputs, Option<Candidates>)> {
    io::check_standard_input(args.inputs().into_iter().map(|(_, path)| path))?;
    let request = io::Request {
        data: &args.embeddings,
        labels: args.labels.as_deref(),
        weights: args.weights.as_deref(),
        last_column: false,
        args: &args.read,
    };
    let inputs = io::read(request)?;
    let others = args.against.read(&inputs.labels, &args.read)?;
    Ok((inputs, others))
}

/// An element type that the command can compute, print and write.
trait Shown: Rows + WritableElement {
    /// The bits, as hexadecimal of the type's width.
    fn bits(self) -> String;
    /// The shortest decimal that reads back as the same value.
    fn number(self) -> serde_json::Value;
}

impl Shown for f32 {
    fn bits(self) -> String {
        format!("{:#010x}", self.to_bits())
    }
    fn number(self) -> serde_json::Value {
        // Through text: widening would print digits that f32 does not have.
        serde_json::from_str(&format!("{self:e}")).unwrap_or_else(|_| json!(self))
    }
}

impl Shown for f64 {
    fn bits(self) -> String {
        format!("{:#018x}", self.to_bits())
    }
    fn number(self) -> serde_json::Value {
        json!(self)
    }
}

fn evaluate<T: Shown>(
    args: &LossArgs,
    spec: LossSpec,
    options: BackendOptions,
    embeddings: &ArrayD<T>,
    (inputs, others): (&io::Inputs, Option<&Candidates>),
) -> Result<()> {
    let labels = inputs.labels.classes.as_slice();
    let shown = || format!("{}", args.embeddings.display());
    let [rows, width] = shape_of(embeddings, labels).with_context(shown)?;
    let batch = Batch::from_views(embeddings.view(), aview1(labels)).with_context(shown)?;
    let weights = match &inputs.weights {
        None => Weights::None,
        Some(io::Weights { values, shape }) => Weights::from_shape(values, shape, rows)?,
    };
    let mut workspace = Workspace::new(options)?.with_limits(limits(args));
    let candidates = others.map(Candidates::batch::<T>).transpose()?;
    let against = candidates.as_ref().zip(others).map(|(batch, others)| triplet_api::Candidates {
        batch,
        identity: others.identity(),
        gradient: args.against.candidate_gradient.is_some(),
    });
    let start = Instant::now();
    let inputs_of_call = Inputs { weights, upstream: None };
    let result = match (args.gradient.is_some(), against) {
        (true, None) => spec.evaluate_with(&batch, inputs_of_call, &mut workspace)?,
        (false, None) => spec.forward(&batch, weights, &mut workspace)?,
        (true, Some(others)) => spec.evaluate_against(&batch, others, inputs_of_call, &mut workspace)?,
        (false, Some(others)) => spec.forward_against(&batch, others, weights, &mut workspace)?,
    };
    let ms = start.elapsed().as_secs_f64() * 1e3;
    write_outputs(args, &result, result.gradient(), [rows, width])?;
    report(args, &understood(inputs, others), &result, ms);
    Ok(())
}

/// Rows and width of embeddings that go with labels.
fn shape_of<T>(embeddings: &ArrayD<T>, labels: &[i64]) -> Result<[usize; 2]> {
    let &[rows, width] = embeddings.shape() else {
        return Err(CoreError::NotAMatrix { shape: embeddings.shape().to_vec() }.into());
    };
    if labels.len() != rows {
        return Err(CoreError::LengthMismatch { labels: labels.len(), rows, width }.into());
    }
    Ok([rows, width])
}

fn limits(args: &LossArgs) -> MemoryLimits {
    MemoryLimits {
        bytes: args.memory.map_or(usize::MAX, |bytes| usize::try_from(bytes).unwrap_or(usize::MAX)),
        keep_triplets: args.triplets.is_some(),
        ..Default::default()
    }
}

/// What was read, a line an input.
fn understood<'a>(inputs: &'a io::Inputs, others: Option<&'a Candidates>) -> Vec<&'a Understood> {
    inputs.understood.iter().chain(others.into_iter().flat_map(Candidates::understood)).collect()
}

fn write_outputs<T: Shown>(
    args: &LossArgs,
    result: &Evaluation<'_, T>,
    gradient: &[T],
    [rows, width]: [usize; 2],
) -> Result<()> {
    let mut outputs = OutputSet::default();
    if let Some(path) = &args.gradient {
        let gradient = Array2::from_shape_vec((rows, width), gradient.to_vec())?;
        outputs.npy(path, &gradient)?;
    }
    if let Some(path) = &args.against.candidate_gradient {
        let gradient = result.gradient_to_candidates();
        let shape = (gradient.len() / width, width);
        outputs.npy(path, &Array2::from_shape_vec(shape, gradient.to_vec())?)?;
    }
    if let Some(path) = &args.triplets {
        let index = |row: Option<u32>| row.map_or(-1, i64::from);
        let triplets = result
            .triplet_rows()?
            .flat_map(|rows| [i64::from(rows.anchor), index(rows.positive), index(rows.negative)]);
        let flat: Vec<i64> = triplets.collect();
        outputs.npy(path, &Array2::from_shape_vec((flat.len() / 3, 3), flat)?)?;
    }
    if let (Some(path), Some(losses)) = (&args.losses, result.losses()) {
        outputs.npy(path, &ndarray::arr1(losses))?;
    }
    outputs.commit()
}

fn report<T: Shown>(args: &LossArgs, understood: &[&Understood], result: &Evaluation<'_, T>, ms: f64) {
    understood.iter().copied().for_each(output::note);
    let (statistics, executed) = (result.statistics(), result.executed());
    if args.json {
        let mut object = json!({
            "loss": result.loss().number(),
            "loss_bits": result.loss().bits(),
            "positive_pairs": statistics.positive_pairs,
            "triplets": statistics.triplets,
            "violating": statistics.violating,
            "fallbacks": statistics.fallbacks,
            "anchors_without_negatives": statistics.anchors_without_negatives,
            "backend": executed.backend,
            "isa": executed.isa,
            "threads": executed.threads,
            "ms": ms,
            "input": understood.iter().map(|understood| understood.json()).collect::<Vec<_>>(),
        });
        if let Some(losses) = result.losses() {
            object["losses"] = losses.iter().map(|l| l.number()).collect();
        }
        return output::line(object);
    }
    let lines = [
        ("loss", format!("{}", result.loss())),
        ("positive pairs", statistics.positive_pairs.to_string()),
        ("violating", format!("{} ({:.1} %)", statistics.violating, 100.0 * statistics.violating_fraction())),
        ("fallbacks", statistics.fallbacks.to_string()),
        ("without negatives", format!("{} anchors", statistics.anchors_without_negatives)),
        ("ran on", executed.to_string()),
        ("time", format!("{ms:.3} ms")),
    ];
    for (name, value) in lines {
        output::line(format_args!("{name:<18} {value}"));
    }
    if result.losses().is_some() && args.losses.is_none() {
        output::line("the loss above is the mean over the rows; --losses FILE or --json gives each row's");
    }
}
