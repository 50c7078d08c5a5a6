//! `cargo xtask loom`: every order in which threads may hand a job over.

use crate::cargo::{cargo, target};
use anyhow::{Context, Result, ensure};

pub(crate) fn run() -> Result<()> {
    // A folder of its own: the flag is one of every crate, and would build the usual folder anew.
    let status = cargo()
        .args(["test", "--package", "triplet-openmp", "--lib", "--target-dir"])
        .arg(target().join("loom"))
        .arg("model::")
        .env("RUSTFLAGS", "--cfg loom")
        .status()
        .context("cannot run cargo test")?;
    ensure!(status.success(), "loom found an order in which the hand-over fails: see its report above");
    Ok(())
}
