//! The plain driver, on any toolchain.

use super::folder;
use anyhow::{Context, Result, ensure};
use std::process::Command;

/// Runs seeded mutations of a target's corpus.
pub(super) fn run(target: &str, seconds: u64, seed: u64) -> Result<()> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["run", "--release", "--quiet", "--no-default-features", "--features", "files"]);
    cargo.arg("--manifest-path").arg(folder().join("Cargo.toml"));
    cargo.args(["--example", "drive", "--", target, &seconds.to_string(), &seed.to_string()]);
    let status = cargo.status().context("cannot run cargo")?;
    ensure!(status.success(), "an input of the target {target} failed (seed {seed})");
    Ok(())
}
