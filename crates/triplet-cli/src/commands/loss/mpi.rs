//! `triplet loss --mpi`: the rows in the hands of several processes.

use super::{Candidates, LossArgs, Shown, limits, read, report, shape_of, understood, write_outputs};
use crate::io::{self, Embeddings, Inputs};
use anyhow::{Context, Result, anyhow, ensure};
use core::ops::Range;
use ndarray::ArrayD;
use std::{
    borrow::Cow,
    path::{Path, PathBuf},
    time::Instant,
};
use triplet_api::{
    BackendOptions, Batch, Identity, LossSpec, Weights, Workspace,
    ranks::{Exchange, Kind, Mpi, Ranks, Shard},
};

/// What stands for the number of a process in a path.
const RANK: &str = "{rank}";

pub(crate) fn run(args: &LossArgs, spec: LossSpec, options: BackendOptions) -> Result<()> {
    let mut exchange = Mpi::start().map_err(|error| anyhow!(error.reason))?;
    let rank = exchange.rank();
    compute(args, spec, options, &mut exchange).with_context(|| format!("rank {rank}"))
}

/// Which rows of what was read are this rank's.
struct Own {
    inputs: Inputs,
    others: Option<Candidates>,
    rows: Range<usize>,
}

fn compute(args: &LossArgs, spec: LossSpec, options: BackendOptions, exchange: &mut Mpi) -> Result<()> {
    let read = read_own(args, exchange.rank(), exchange.ranks());
    let own = match read {
        Ok(own) => own,
        Err(error) => {
            Ranks::<f32>::default().refuse(&format!("{error:#}"), exchange);
            return Err(error);
        }
    };
    match &own.inputs.embeddings {
        Embeddings::Single(x) => evaluate(args, spec, options, (x, &own), exchange),
        Embeddings::Double(x) => evaluate(args, spec, options, (x, &own), exchange),
    }
}

/// Reads the files of all, and takes this rank's part; or those of this rank alone.
fn read_own(args: &LossArgs, rank: usize, ranks: usize) -> Result<Own> {
    let has_rank = |path: &Path| path.to_string_lossy().contains(RANK);
    let of_rank = |path: &Path| PathBuf::from(path.to_string_lossy().replace(RANK, &rank.to_string()));
    let batch = [Some(&args.embeddings), args.labels.as_ref(), args.weights.as_ref()];
    let batch = || batch.into_iter().flatten();
    let by_rank = batch().any(|path| has_rank(path));
    ensure!(
        !by_rank || batch().all(|path| has_rank(path)),
        "paths of embeddings, labels and weights contain {RANK} all or none"
    );
    ensure!(
        args.against.candidate_gradient.is_none(),
        "--candidate-gradient: ranks compute the gradient to their own rows"
    );
    ensure!(!by_rank || !args.against.has_ids(), "--ids go with embeddings of all ranks in one file");
    if rank == 0 {
        io::check_outputs(&args.outputs(), &args.inputs())?;
    }
    let mut own = args.clone();
    if by_rank {
        own.embeddings = of_rank(&args.embeddings);
        own.labels = args.labels.as_deref().map(of_rank);
        own.weights = args.weights.as_deref().map(of_rank);
    }
    let (inputs, others) = read(&own)?;
    ensure!(
        !by_rank || !inputs.labels.are_text(),
        "the labels are text, which each rank would number by itself: with files of their own, ranks need integers"
    );
    let all = inputs.labels.len();
    let rows = if by_rank { 0..all } else { all * rank / ranks..all * (rank + 1) / ranks };
    Ok(Own { inputs, others, rows })
}

fn evaluate<T: Shown>(
    args: &LossArgs,
    spec: LossSpec,
    options: BackendOptions,
    (embeddings, own): (&ArrayD<T>, &Own),
    exchange: &mut Mpi,
) -> Result<()> {
    let Own { inputs, others, rows } = own;
    let mut ranks = Ranks::default();
    let workspace = Workspace::new(options).map_err(anyhow::Error::from);
    let prepared = workspace.and_then(|workspace| Ok((prepare(args, embeddings, own)?, workspace)));
    let ((values, width, weights, candidates), workspace) = match prepared {
        Ok(prepared) => prepared,
        Err(error) => {
            ranks.refuse(&format!("{error:#}"), exchange);
            return Err(error);
        }
    };
    let shard = Shard {
        embeddings: &values[rows.start * width..rows.end * width],
        width,
        labels: &inputs.labels.classes[rows.clone()],
        weights: weights.as_deref().map(|weights| &weights[rows.clone()]),
        kind: match others.as_ref().map(Candidates::identity) {
            None => Kind::Batch,
            Some(Identity::Ids { .. }) => Kind::ReferencesWithIds,
            Some(_) => Kind::References,
        },
        digest: 0,
        gradient: args.gradient.is_some(),
        marks: None,
    };
    let mut workspace = workspace.with_limits(limits(args));
    let start = Instant::now();
    let gathered = ranks.gather(&spec, shard, exchange)?;
    let with_gradient = args.gradient.is_some();
    let result = match (&candidates, others) {
        (Some(batch), Some(others)) => {
            let candidates = triplet_api::Candidates::new(batch, others.identity());
            gathered.evaluate_against(&spec, candidates, with_gradient, exchange, &mut workspace)?
        }
        _ if with_gradient => gathered.evaluate(&spec, exchange, &mut workspace)?,
        _ => gathered.forward(&spec, exchange, &mut workspace)?,
    };
    let ms = start.elapsed().as_secs_f64() * 1e3;
    let mut gradient = Vec::new();
    if with_gradient {
        let rows = gathered.own();
        let own = &result.gradient()[rows.start * width..rows.end * width];
        gradient = gathered.join(own, exchange)?;
    }
    if exchange.rank() == 0 {
        write_outputs(args, &result, &gradient, [gathered.batch().rows(), width])?;
        report(args, &understood(inputs, others.as_ref()), &result, ms);
    }
    Ok(())
}

type Prepared<'a, T> = (Cow<'a, [T]>, usize, Option<Vec<f64>>, Option<Batch<'a, T>>);

/// The rows that were read, their width, a weight each, and the candidates.
fn prepare<'a, T: Shown>(
    args: &LossArgs,
    embeddings: &'a ArrayD<T>,
    own: &'a Own,
) -> Result<Prepared<'a, T>> {
    let Own { inputs, others, .. } = own;
    let shown = || format!("{}", args.embeddings.display());
    let [rows, width] = shape_of(embeddings, &inputs.labels.classes).with_context(shown)?;
    let values = match embeddings.as_slice() {
        Some(values) => Cow::Borrowed(values),
        None => Cow::Owned(embeddings.iter().copied().collect()),
    };
    let weights = match &inputs.weights {
        None => None,
        Some(io::Weights { values, shape }) => match Weights::from_shape(values, shape, rows)? {
            Weights::Scalar(weight) => Some(vec![weight; rows]),
            _ => Some(values.clone()),
        },
    };
    Ok((values, width, weights, others.as_ref().map(Candidates::batch).transpose()?))
}
