//! `triplet train`: an embedding network on the digits or on one's own data.

mod args;
mod dataset;
mod metrics;
mod network;
mod pictures;
mod progress;
mod projection;
mod report;
mod sampler;

pub(crate) use args::TrainArgs;

use crate::{interrupt, io::Understood, output};
use anyhow::{Context, Result, ensure};
use dataset::Dataset;
use fastrand::Rng;
use metrics::retrieval;
use ndarray::Axis;
use network::{Network, tensor};
use pictures::Step;
use progress::Progress;
use report::Report;
use sampler::Sampler;
use std::time::Instant;
use triplet_api::{LossSpec, Reduction};
use triplet_candle::TripletLoss;

/// Trains; answers the exit status.
pub(crate) fn run(args: &TrainArgs) -> Result<u8> {
    args.check()?;
    let spec = LossSpec {
        objective: args.objective.objective()?,
        reduction: Reduction::Mean,
        require_positives: false,
    };
    let loss = TripletLoss::new(&spec, args.backend.options()?)?;
    let start = Instant::now();
    let mut rng = Rng::with_seed(args.seed);
    if args.out.is_dir() {
        report::check_outputs(args)?; // before time is spent
    }
    let (data, understood) = Dataset::load(args)?;
    let (mut train, mut held) = data.split(args.held_out, &mut rng)?;
    std::fs::create_dir_all(&args.out)
        .with_context(|| format!("cannot make the folder {}", args.out.display()))?;
    report::check_outputs(args)?;

    let raw = retrieval(held.features.view(), &held.labels.classes)?;
    held.scale_like(&train);
    let unscaled = train.clone();
    train.scale_like(&unscaled);
    let features = train.features.ncols();
    args.check_memory(features, held.labels.len().max(train.labels.len()))?;
    let mut network = Network::new(features, args.hidden, args.embedding_dim, args.learning_rate, &mut rng)?;
    let before = network.embed(&held.features)?;

    interrupt::stop_gracefully();
    let steps = fit(args, &loss, &mut network, &train, &understood, &mut rng)?;
    let interrupted = interrupt::asked();

    let after = network.embed(&held.features)?;
    ensure!(after.iter().all(|x| x.is_finite()), "training diverged: lower --learning-rate");
    let report = Report {
        raw,
        untrained: retrieval(before.view(), &held.labels.classes)?,
        trained: retrieval(after.view(), &held.labels.classes)?,
        steps: &steps,
        understood: &understood,
        held_out_rows: held.labels.len(),
        training_rows: train.labels.len(),
        statistics: loss.statistics(),
        executed: loss.executed(),
        interrupted: interrupted.is_some(),
        seconds: start.elapsed().as_secs_f64(),
    };
    report.write(args, &network, &before, &after, &held.labels)?;
    report.print(args, start);
    Ok(interrupted.unwrap_or(0))
}

/// Trains; gives what each batch was like.
fn fit(
    args: &TrainArgs,
    loss: &TripletLoss,
    network: &mut Network,
    train: &Dataset,
    understood: &[Understood],
    rng: &mut Rng,
) -> Result<Vec<Step>> {
    let mut sampler = Sampler::new(&train.labels.classes, args.classes_per_batch, args.rows_per_class)?;
    let batches = args.epochs * sampler.batches_per_epoch();
    // Nothing about the input can fail from here on, and training takes its time.
    if !args.quiet {
        understood.iter().for_each(output::note);
    }
    let progress = Progress::new(batches, args.quiet);
    let mut steps = Vec::new();
    while steps.len() < batches && interrupt::asked().is_none() {
        let rows = sampler.next(rng);
        let labels: Vec<i64> = rows.iter().map(|&row| train.labels.classes[row]).collect();
        let embeddings = network.forward(&tensor(&train.features.select(Axis(0), &rows))?)?;
        let value = loss.forward(&embeddings, &labels).with_context(|| {
            format!("batch {}: lower --learning-rate if training diverged", steps.len() + 1)
        })?;
        network.step(&value)?;
        let step = Step {
            loss: f64::from(value.to_scalar::<f32>()?),
            violating: loss.statistics().violating_fraction(),
        };
        steps.push(step);
        progress.batch(steps.len(), step);
    }
    progress.finish();
    Ok(steps)
}
