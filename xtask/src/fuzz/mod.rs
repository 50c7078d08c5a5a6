//! `cargo xtask fuzz`: the targets of `fuzz/`, under libFuzzer where it can be had, else under
//! the plain driver.

mod libfuzzer;
mod plain;

use anyhow::{Result, bail, ensure};
use std::path::PathBuf;

/// Runs fuzz targets and stops at the first input that fails.
///
/// Each target turns bytes into something to compute or to read, and panics where an oracle finds
/// a fault:
///
///   batch      losses, triplets and gradients of every engine against the scalar reference, bit for bit
///   retrieval  the same of recall and precision, with ids and references
///   ranks      messages of another rank, changed on their way: an error or an answer
///   states     states of mining jobs, whole and changed: refused, or gone on with
///   config     configurations: read, written and read again
///   tables     tables written in every format and read, whole and damaged
///   text       csv, tsv and txt, also compressed: read, written in another format and read again
///   json       JSON lines, likewise
///   arrays     npy, npz and safetensors, likewise
///   columns    Parquet and Arrow, likewise
///
/// With cargo-fuzz installed (cargo install cargo-fuzz) and a nightly toolchain, libFuzzer runs
/// them with `AddressSanitizer`; with cargo-fuzz alone, on the toolchain at hand with
/// `RUSTC_BOOTSTRAP=1`; without it, a plain driver runs seeded mutations. The first build takes
/// minutes. What libFuzzer finds new is kept under fuzz/target/corpus for later runs.
///
/// An input that fails is written to fuzz/artifacts/TARGET. Mend the fault and put the input, as
/// small as it can be made, into fuzz/regressions/TARGET, which `cargo test -p triplet-cli --test
/// fuzz` runs with the corpus.
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
#[command(after_help = "Examples:\n  \
    cargo xtask fuzz --minutes 30                    all targets, some four minutes each\n  \
    cargo xtask fuzz --minutes 5 --target text       one of them\n  \
    cargo xtask fuzz --replay FILE --target text     one input, with its panic\n  \
    cargo xtask fuzz --merge                         put what covers more into fuzz/corpus")]
pub(crate) struct Args {
    /// Minutes in all, shared by the targets.
    #[arg(long, default_value_t = 20.0)]
    minutes: f64,
    /// A target; may be repeated. Default: all.
    #[arg(long, value_name = "NAME")]
    target: Vec<String>,
    /// Seed of the mutations.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Use the plain driver even where libFuzzer can be had.
    #[arg(long)]
    plain: bool,
    /// Run one input of one target instead.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["plain", "merge"])]
    replay: Option<PathBuf>,
    /// Instead of fuzzing, add inputs of earlier runs to the corpus of the repository: as few and as
    /// small ones as cover what all of them cover.
    #[arg(long, conflicts_with = "plain")]
    merge: bool,
}

/// The targets.
const TARGETS: [&str; 10] =
    ["batch", "retrieval", "ranks", "states", "config", "tables", "text", "json", "arrays", "columns"];

pub(crate) fn run(args: &Args) -> Result<()> {
    ensure!(
        args.minutes > 0.0 && args.minutes < 1e5,
        "--minutes is {}: give a positive number of minutes",
        args.minutes
    );
    if let Some(unknown) = args.target.iter().find(|name| !TARGETS.contains(&name.as_str())) {
        bail!("there is no target {unknown:?}: choose from {}", TARGETS.join(", "));
    }
    let chosen: Vec<&str> = TARGETS
        .into_iter()
        .filter(|name| args.target.is_empty() || args.target.iter().any(|t| t == name))
        .collect();
    let seconds = (args.minutes * 60.0 / chosen.len() as f64).ceil() as u64;
    let fuzzer = if args.plain { None } else { libfuzzer::find() };
    let Some(fuzzer) = fuzzer else {
        ensure!(
            args.replay.is_none() && !args.merge,
            "--replay and --merge need cargo-fuzz: cargo install cargo-fuzz"
        );
        println!("the plain driver, {seconds} s a target, seed {}", args.seed);
        return chosen.into_iter().try_for_each(|target| plain::run(target, seconds, args.seed));
    };
    println!("libFuzzer by {fuzzer}");
    if let Some(file) = &args.replay {
        let [target] = chosen.as_slice() else { bail!("--replay needs one --target") };
        return fuzzer.replay(target, file);
    }
    if args.merge {
        return chosen.into_iter().try_for_each(|target| fuzzer.merge(target));
    }
    fuzzer.build(&chosen)?;
    chosen.into_iter().try_for_each(|target| fuzzer.run(target, seconds, args.seed))
}

/// The folder `fuzz` of the repository.
fn folder() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../fuzz"))
}
