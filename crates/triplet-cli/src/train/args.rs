//! Flags of `triplet train`.

use crate::{
    io::ReadArgs,
    options::{BackendArgs, ObjectiveArgs},
    proc,
};
use anyhow::{Result, ensure};
use clap::Args;
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  triplet train                                   handwritten digits, pictures in runs/digits
  triplet train --epochs 60 --distance angular --margin 0.3
  triplet train --data mine.csv --out runs/mine   labels in the column label, class, target or y
  triplet train --data mine.parquet --label-column species --drop id,file
  triplet train --data x.npy --labels y.npy

Tables are csv, tsv, txt (any separator; .gz too), Parquet, Feather, Arrow, JSON lines; arrays are
npy, npz and safetensors. Labels are integers or text. One line says what was read.

The same seed gives the same bits on any number of threads and any backend but gram.
Ctrl-C finishes the batch and writes what there is; a second one stops at once.";

/// More epochs than anyone trains; every batch is kept for the loss curve.
const MOST_EPOCHS: usize = 100_000;
/// Arrays of the size of the weights: themselves, their gradient, the optimiser's two moments.
const WEIGHT_ARRAYS: usize = 4;
/// Arrays of the size of a layer's output over the rows: itself, before ReLU, and the gradients.
const ACTIVATION_ARRAYS: usize = 4;

/// Flags of `triplet train`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct TrainArgs {
    /// Train on this table instead of the digits: text, Parquet, Arrow, JSON lines, npz, npy,
    /// or - for standard input.
    #[arg(long, value_name = "FILE")]
    pub(crate) data: Option<PathBuf>,
    /// Labels of --data, where they are in a file of their own.
    #[arg(long, value_name = "FILE", requires = "data")]
    pub(crate) labels: Option<PathBuf>,
    /// Folder for pictures, embeddings, weights and report.
    #[arg(long, value_name = "DIR", default_value = "runs/digits")]
    pub(crate) out: PathBuf,
    /// Passes over the training rows.
    #[arg(long, default_value_t = 40)]
    pub(crate) epochs: usize,
    /// Classes in a batch; all of them if there are fewer.
    #[arg(long, value_name = "P", default_value_t = 10)]
    pub(crate) classes_per_batch: usize,
    /// Rows of each class in a batch.
    #[arg(long, value_name = "K", default_value_t = 8)]
    pub(crate) rows_per_class: usize,
    /// Units of the hidden layer.
    #[arg(long, default_value_t = 128)]
    pub(crate) hidden: usize,
    /// Width of the embedding.
    #[arg(long, default_value_t = 32)]
    pub(crate) embedding_dim: usize,
    /// Learning rate of AdamW.
    #[arg(long, default_value_t = 2e-3)]
    pub(crate) learning_rate: f64,
    /// Share of the rows kept out of training, for the metrics.
    #[arg(long, value_name = "FRACTION", default_value_t = 0.25)]
    pub(crate) held_out: f64,
    /// Seed of the split, the weights and the sampling.
    #[arg(long, default_value_t = 0)]
    pub(crate) seed: u64,
    #[command(flatten)]
    pub(crate) objective: ObjectiveArgs,
    #[command(flatten)]
    pub(crate) backend: BackendArgs,
    /// End with one line of JSON.
    #[arg(long)]
    pub(crate) json: bool,
    /// No progress, and no line on what was read.
    #[arg(long)]
    pub(crate) quiet: bool,
    #[command(flatten)]
    pub(crate) read: ReadArgs,
}

impl TrainArgs {
    /// Refuses what cannot be trained.
    pub(crate) fn check(&self) -> Result<()> {
        let counts = [
            ("--epochs", self.epochs, 1),
            ("--classes-per-batch", self.classes_per_batch, 2),
            ("--rows-per-class", self.rows_per_class, 2),
            ("--hidden", self.hidden, 1),
            ("--embedding-dim", self.embedding_dim, 1),
        ];
        for (flag, value, least) in counts {
            ensure!(value >= least, "{flag} is {value}: give at least {least}");
        }
        ensure!(self.epochs <= MOST_EPOCHS, "--epochs is {}: give at most {MOST_EPOCHS}", self.epochs);
        self.check_memory(1, 1)?;
        ensure!(
            self.learning_rate.is_finite() && self.learning_rate > 0.0,
            "--learning-rate is {}: give a positive number",
            self.learning_rate
        );
        ensure!(
            self.held_out > 0.0 && self.held_out < 1.0,
            "--held-out is {}: give a fraction between 0 and 1",
            self.held_out
        );
        Ok(())
    }

    /// Refuses a network that this machine cannot hold, before anything of it is made. `rows` are
    /// the most that go through it at once.
    pub(crate) fn check_memory(&self, features: usize, rows: usize) -> Result<()> {
        let (hidden, width) = (self.hidden as u128, self.embedding_dim as u128);
        let weights = hidden.saturating_mul(features as u128 + width);
        let activations = (rows as u128).saturating_mul(hidden.saturating_add(width));
        let bytes = weights
            .saturating_mul(4 * WEIGHT_ARRAYS as u128)
            .saturating_add(activations.saturating_mul(4 * ACTIVATION_ARRAYS as u128));
        let available = u128::from(proc::available_memory());
        ensure!(
            bytes <= available,
            "--hidden {} and --embedding-dim {} need about {} GB, this machine has {} GB to spare: give less",
            self.hidden,
            self.embedding_dim,
            gigabytes(bytes),
            gigabytes(available)
        );
        Ok(())
    }
}

fn gigabytes(bytes: u128) -> String {
    format!("{:.1}", bytes as f64 / 1e9)
}
