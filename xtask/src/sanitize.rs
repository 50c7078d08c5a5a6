//! `cargo xtask sanitize`: the kernels' tests under the address sanitizer.
//!
//! The register tile reads packed panels through pointers, after one check of their lengths. The tests give it
//! panels of exactly the elements that it may read, so that one more is outside its allocation, which no test
//! can see but the sanitizer reports.

use anyhow::{Context, Result, bail, ensure};
use std::process::Command;

/// Which tests.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Parts of the names of the tests to run, such as `tests::tile`; all without any.
    filters: Vec<String>,
}

/// The compile target of this computer, where the toolchain has the sanitizer's runtime for it.
const TARGET: Option<&str> = if cfg!(all(target_os = "linux", target_env = "gnu", target_arch = "x86_64")) {
    Some("x86_64-unknown-linux-gnu")
} else if cfg!(all(target_os = "linux", target_env = "gnu", target_arch = "aarch64")) {
    Some("aarch64-unknown-linux-gnu")
} else if cfg!(all(target_os = "macos", target_arch = "aarch64")) {
    Some("aarch64-apple-darwin")
} else {
    None
};

pub(crate) fn run(args: &Args) -> Result<()> {
    let Some(target) = TARGET else {
        bail!("Rust has no AddressSanitizer for this system: run it on Linux (x86-64 or aarch64) or macOS");
    };
    // A target by name keeps the flags from build scripts and macros, a folder of its own the usual build.
    let status = Command::new(env!("CARGO"))
        .args(["test", "-p", "triplet-simd", "--lib", "--target", target, "--target-dir", "target/sanitize"])
        .arg("--")
        .args(&args.filters)
        .env("RUSTFLAGS", "-Zsanitizer=address")
        // The flag is unstable: this lets the stable compiler take it.
        .env("RUSTC_BOOTSTRAP", "1")
        .status()
        .context("cannot run cargo test")?;
    ensure!(status.success(), "the tests failed, or AddressSanitizer stopped them: see its report above");
    Ok(())
}
