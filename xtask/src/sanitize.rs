//! `cargo xtask sanitize`: the kernels' tests, and every engine by the cross-check, under the address sanitizer; or the
//! cross-check under valgrind, which sees reads of what nobody wrote as well, but has no AVX-512.
//!
//! The register tile reads packed panels through pointers, after one check of their lengths. The tests give it
//! panels of exactly the elements that it may read, so that one more is outside its allocation, which no test
//! can see but the sanitizer reports.

use crate::cargo::{cargo, target};
use anyhow::{Context, Result, bail, ensure};
use std::{env, process::Command};

/// Which tests.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Parts of the names of the tests to run, such as `tests::tile`; all, and the cross-check, without any.
    filters: Vec<String>,
    /// Batches of the cross-check.
    #[arg(long, default_value_t = 200)]
    batches: u64,
    /// The cross-check of this very program under valgrind's memcheck instead: portable and AVX2.
    #[arg(long, conflicts_with = "filters")]
    valgrind: bool,
}

/// What memcheck is not to report, with why.
const SUPPRESSED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata/valgrind.supp");

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
    if args.valgrind {
        return valgrind(args.batches);
    }
    let Some(compiled_for) = TARGET else {
        bail!("Rust has no AddressSanitizer for this system: run it on Linux (x86-64 or aarch64) or macOS");
    };
    sanitized(&["test", "-p", "triplet-simd", "--lib"], compiled_for, &args.filters)?;
    if args.filters.is_empty() {
        let batches = ["cross-check".into(), "--batches".into(), args.batches.to_string()];
        sanitized(&["run", "-p", "xtask"], compiled_for, &batches)?;
    }
    Ok(())
}

/// The cross-check in this program, under memcheck. Not compared with the recorded digests: valgrind (3.19) gives a negated
/// multiply-add that is zero the other sign.
fn valgrind(batches: u64) -> Result<()> {
    let mut command = Command::new("valgrind");
    command.args(["--quiet", "--error-exitcode=9", &format!("--suppressions={SUPPRESSED}")]);
    command.arg(env::current_exe()?).args([
        "cross-check",
        "--no-shrink",
        "--without-digests",
        "--batches",
        &batches.to_string(),
    ]);
    let status =
        command.status().context("valgrind is not installed: on Debian, apt-get install valgrind")?;
    ensure!(status.success(), "the cross-check failed, or memcheck saw an error: see its report above");
    Ok(())
}

/// Cargo's command, with code that reports what it reads and writes outside of an allocation.
fn sanitized(command: &[&str], compiled_for: &str, arguments: &[String]) -> Result<()> {
    // A target by name keeps the flags from build scripts and macros, a folder of its own the usual build.
    let status = cargo()
        .args(command)
        .args(["--target", compiled_for, "--target-dir"])
        .arg(target().join("sanitize"))
        .arg("--")
        .args(arguments)
        .env("RUSTFLAGS", "-Zsanitizer=address")
        // The flag is unstable: this lets the stable compiler take it.
        .env("RUSTC_BOOTSTRAP", "1")
        .status()
        .context("cannot run cargo")?;
    ensure!(status.success(), "a run failed, or AddressSanitizer stopped it: see its report above");
    Ok(())
}
