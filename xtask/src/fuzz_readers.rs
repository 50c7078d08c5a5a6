//! `cargo xtask fuzz-readers`: damaged files through the readers, for minutes.

use anyhow::{Context, Result, ensure};
use std::process::Command;

/// How long, and which files.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Minutes to run.
    #[arg(long, default_value_t = 20.0)]
    minutes: f64,
    /// Seed of the damage.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// Runs the test that CI runs for a second, for longer.
pub(crate) fn run(args: &Args) -> Result<()> {
    ensure!(
        args.minutes > 0.0 && args.minutes < 1e5,
        "--minutes is {}: give a positive number of minutes",
        args.minutes
    );
    let seconds = (args.minutes * 60.0).ceil() as u64;
    let status = Command::new(env!("CARGO"))
        .args(["test", "-p", "triplet-cli", "--test", "fuzz_readers", "--", "--nocapture"])
        .env("TRIPLET_FUZZ_SECONDS", seconds.to_string())
        .env("TRIPLET_FUZZ_SEED", args.seed.to_string())
        .status()
        .context("cannot run cargo test")?;
    ensure!(status.success(), "a damaged file was read wrongly (seed {})", args.seed);
    Ok(())
}
