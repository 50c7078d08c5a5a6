//! `cargo xtask cross-check`: the same bits from everything that computes them.

mod coverage;

use anyhow::{Context, Error, Result};
use indicatif::{ProgressBar, ProgressStyle};
use std::time::{Duration, Instant};
use triplet_testkit::{
    checks::{Check, Difference, Engines, kept, shrink::shrink},
    digests::{BATCHES, Case, Digester, Recorded, SEED, Total},
    engines,
};

use crate::gram_bound::GramBound;
use coverage::Coverage;

/// Which batches.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Number of batches: B between 1 and 300, D up to 300 and at times about 1,000.
    #[arg(long, default_value_t = 2000)]
    pub(crate) batches: u64,
    /// Seed; a batch is determined by seed and number.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Number of the first batch.
    #[arg(long, default_value_t = 0)]
    pub(crate) first: u64,
    /// Compares the engines with the reference alone, not with the recorded digests.
    #[arg(long)]
    pub(crate) without_digests: bool,
    /// Ends at a difference, without looking for a smaller batch and keeping it in testdata/cases.
    #[arg(long)]
    pub(crate) no_shrink: bool,
}

/// How long a failure is made smaller.
const SHRINKING: Duration = Duration::from_secs(120);
/// What the line with the digest of all answers starts with.
const DIGEST: &str = "  digest of all answers";
/// What stands before the list of engines.
const ENGINES: &str = "  engines, in f32 and f64: ";

/// The line with the digest, in what a run printed.
pub(crate) fn digest_of(printed: &str) -> Option<&str> {
    printed.lines().find(|line| line.starts_with(DIGEST)).map(str::trim)
}

/// The single-threaded engines that a run covered.
pub(crate) fn covered(printed: &str) -> String {
    let engines = printed.lines().find_map(|line| line.strip_prefix(ENGINES));
    let simd = engines.unwrap_or_default().split(", ").filter(|name| name.starts_with("simd"));
    simd.collect::<Vec<_>>().join(", ")
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let start = Instant::now();
    println!("seed {}, {} batches from {} on", args.seed, args.batches, args.first);
    let (mut single, mut double) = (Engines::<f32>::new()?, Engines::<f64>::new()?);
    let mut bound = GramBound::new()?;
    let mut digester = Digester::simd()?;
    let recorded = Recorded::read("cross_check")?;
    let recorded = (args.seed == SEED && !args.without_digests).then_some(&recorded);
    let mut total = Total::default();
    let mut coverage = Coverage::default();
    let bar = ProgressBar::new(args.batches);
    bar.set_style(ProgressStyle::with_template("{bar:30} {pos}/{len} batches, {per_sec}, {eta} left")?);
    for number in args.first..args.first + args.batches {
        let case = Case::cross_check(args.seed, number);
        for check in Check::of_number(number) {
            let mut ask = || Ok((single.check(&case, check)?, double.check(&case, check)?));
            let compared = ask().map_err(|difference| match args.no_shrink {
                true => Error::new(difference),
                false => keep(&case, check, difference),
            })?;
            coverage.count(&case, check, compared.0 + compared.1);
            if check == Check::Square {
                coverage.screened(single.screened());
            }
        }
        bound.check(&case.sample, case.asked)?;
        // All engines gave the same bits: any of them stands for all.
        let digests = digester.digests(&case);
        total.add(digests);
        if let Some(recorded) = recorded.filter(|_| number < BATCHES) {
            recorded.check(&case, digests).map_err(Error::msg)?;
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    for kept in kept::all()? {
        coverage.kept += kept.check(&mut single, &mut double)?;
    }
    println!("zero differing bits in loss, triplets and gradient");
    println!("{ENGINES}scalar, {}", list(&single.names().collect::<Vec<_>>()));
    println!("  what this machine does not have, NOT covered: {}", list(&engines::not_covered()));
    coverage.print();
    bound.print();
    let last = BATCHES.min(args.first + args.batches);
    let compared = recorded.map_or(0, |_| last.saturating_sub(args.first));
    println!("{DIGEST} {:016x}; {compared} batches as recorded in testdata/digests", total.finish());
    println!("  {:.1} s", start.elapsed().as_secs_f64());
    Ok(())
}

/// Makes a case that fails smaller, with engines that have answered nothing else, and keeps it as a file.
fn keep(case: &Case, check: Check, difference: Difference) -> Error {
    println!("{difference}\nlooking for a smaller batch for up to {} s", SHRINKING.as_secs());
    let start = Instant::now();
    let smaller = shrink(case, &mut |case| fresh(case, check).is_err(), &|| start.elapsed() < SHRINKING);
    let kept = match fresh(&smaller, check) {
        Ok(_) => {
            return Error::new(difference).context("only workspaces that answered other batches before fail");
        }
        Err(difference) => kept::Kept::new(&smaller, check, &difference.to_string()),
    };
    match kept.write().context("keeping the case") {
        Ok(path) => Error::msg(kept.was).context(format!("a case is kept in {}", path.display())),
        Err(error) => error.context(difference),
    }
}

fn fresh(case: &Case, check: Check) -> Result<u64> {
    Ok(Engines::<f32>::new()?.check(case, check)? + Engines::<f64>::new()?.check(case, check)?)
}

fn list(names: &[&str]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}
