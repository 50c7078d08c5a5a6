//! One evaluation in a fresh process: the only way to see what one backend's memory
//! peaks at.

use super::shape::{Shape, input};
use crate::{options::BackendArgs, proc};
use anyhow::Result;
use clap::Args;
use serde_json::json;
use triplet_api::{Batch, Loss, TripletSemiHardLoss, Workspace};

/// Flags of the hidden `triplet bench-child`.
#[derive(Debug, Args)]
pub(crate) struct ChildArgs {
    #[command(flatten)]
    backend: BackendArgs,
    #[arg(long)]
    batch: usize,
    #[arg(long)]
    dim: usize,
    #[arg(long)]
    classes: usize,
    #[arg(long)]
    seed: u64,
}

pub(crate) fn run(args: &ChildArgs) -> Result<()> {
    anyhow::ensure!(
        args.batch > 0 && args.dim > 0 && args.classes > 0,
        "--batch, --dim and --classes must be at least 1"
    );
    let shape = Shape { rows: args.batch, width: args.dim, classes: args.classes.min(args.batch) };
    super::args::check_size(shape, false)?;
    let (embeddings, labels) = input(shape, args.seed);
    let base = peak_rss_mb();
    let batch = Batch::new(&embeddings, args.dim, &labels)?;
    let mut workspace = Workspace::new(args.backend.options()?)?;
    let loss = TripletSemiHardLoss::default().evaluate(&batch, &mut workspace)?.loss();
    println!("{}", json!({ "loss_bits": loss.to_bits(), "base_rss_mb": base, "peak_rss_mb": peak_rss_mb() }));
    Ok(())
}

/// The most memory this process has held so far; `None` where the system does not say.
fn peak_rss_mb() -> Option<f64> {
    proc::kib("/proc/self/status", "VmHWM:").map(|kib| kib as f64 / 1024.0)
}
