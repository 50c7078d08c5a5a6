//! `cargo xtask test`: what CI runs, in order, stopping at the first failure.

use crate::python;
use anyhow::{Context, Result, anyhow, ensure};
use std::{process::Command, thread, time::Instant};

/// What of it.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Also next to TensorFlow Addons and `tensorflow_similarity` themselves, and on every other
    /// Python that is found on the path or listed in `TRIPLET_PYTHONS`.
    #[arg(long)]
    all: bool,
    /// Leave the Python package out.
    #[arg(long, conflicts_with_all = ["all", "python"])]
    no_python: bool,
    /// The Python package alone.
    #[arg(long)]
    python: bool,
}

const STEPS: &[(&str, &[&str])] = &[
    ("format", &["fmt", "--all", "--check"]),
    ("lints", &["clippy", "--workspace", "--all-targets", "--", "--deny", "warnings"]),
    ("tests", &["test", "--workspace", "--all-targets", "--quiet"]),
    ("doc tests", &["test", "--workspace", "--doc", "--quiet"]),
    ("documentation", &["doc", "--workspace", "--no-deps", "--quiet"]),
];

/// Batches of the cross-check, a part of those that are recorded: enough for every family, objective and block edge.
const BATCHES: u64 = 450;

/// Batches that are held against real numbers.
const ORACLE: u64 = 400;

pub(crate) fn run(args: &Args) -> Result<()> {
    let start = Instant::now();
    thread::scope(|scope| {
        // Downloads most of the time, beside what compiles. The scope waits for it, so that
        // no installation goes on after a failure.
        let python = (!args.no_python).then(|| scope.spawn(python::prepare));
        if !args.python {
            rust()?;
        }
        python.map_or(Ok(()), |ready| {
            let ready = ready.join().map_err(|_| anyhow!("making the Python environment panicked"))?;
            python::run(&ready?, args.all)
        })
    })?;
    eprintln!("== all passed in {:.0} s", start.elapsed().as_secs_f64());
    Ok(())
}

fn rust() -> Result<()> {
    // Compiled with what ranks by MPI need, where there is one: for them nothing is compiled again.
    let features: &[&str] = if crate::mpi::is_there() { &["--features", crate::mpi::FEATURES] } else { &[] };
    for (name, arguments) in STEPS {
        eprintln!("== {name}: cargo {}", arguments.join(" "));
        let mut cargo = crate::cargo::cargo();
        // Before what is for the linter.
        let (first, last) =
            arguments.split_at(arguments.iter().position(|a| *a == "--").unwrap_or(arguments.len()));
        let features = if *name == "format" { &[] } else { features };
        cargo.args(first).args(features).args(last).env("RUSTDOCFLAGS", "--deny warnings");
        let start = Instant::now();
        let status = cargo.status().with_context(|| format!("starting cargo for {name}"))?;
        ensure!(status.success(), "{name} failed ({status})");
        eprintln!("== {name}: {:.0} s", start.elapsed().as_secs_f64());
    }
    eprintln!("== figures");
    match Command::new("python3").args(["docs/figures/draw", "--check"]).status() {
        Ok(status) => {
            ensure!(status.success(), "docs/figures are not what docs/figures/draw draws ({status})");
        }
        Err(error) => eprintln!("NOT covered, no python3: {error}"),
    }
    eprintln!("== golden files");
    crate::golden::run()?;
    eprintln!("== cross-check");
    crate::cross_check::run(&crate::cross_check::Args {
        batches: BATCHES,
        seed: 1,
        first: 0,
        without_digests: false,
        no_shrink: false,
    })?;
    eprintln!("== oracle");
    crate::oracle::run(&crate::oracle::Args { batches: ORACLE, seed: 1 })?;
    eprintln!("== ranks by MPI");
    if crate::mpi::is_there() {
        return crate::mpi::run();
    }
    eprintln!("NOT covered, no MPI: on Debian, apt-get install {}", crate::mpi::PACKAGES);
    Ok(())
}
