//! `cargo xtask cross-check`: the same bits from everything that computes them.

use anyhow::{Result, bail};
use indicatif::{ProgressBar, ProgressStyle};
use std::{
    collections::BTreeMap,
    hash::{DefaultHasher, Hash, Hasher},
    time::Instant,
};
use triplet_api::{Element, Error, LossSpec, Workspace};
use triplet_testkit::{
    Answer, Sample,
    compare::{answer_f32, answer_f64, numbered_spec, weights},
    contenders, engines, sample,
};

use crate::gram_bound::GramBound;

/// Which batches.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Number of batches: B between 1 and 300, D up to 300 and at times about 1,000.
    #[arg(long, default_value_t = 2000)]
    pub(crate) batches: u64,
    /// Seed; a batch is determined by seed and number.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
}

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

type Named<T> = Vec<(String, Workspace<T>)>;

fn workspaces<T: Element>() -> Result<Named<T>, Error> {
    let all = contenders::<T>()?;
    Ok(all.into_iter().map(triplet_testkit::engines::Contender::workspace).collect())
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let start = Instant::now();
    println!("seed {}, {} batches", args.seed, args.batches);
    let (mut single, mut double) = (workspaces::<f32>()?, workspaces::<f64>()?);
    let mut bound = GramBound::new()?;
    let mut coverage = Coverage::default();
    let bar = ProgressBar::new(args.batches);
    bar.set_style(ProgressStyle::with_template("{bar:30} {pos}/{len} batches, {per_sec}, {eta} left")?);
    for number in 0..args.batches {
        let sample = sample(args.seed, number);
        let asked = numbered_spec(number);
        let weights = weights(number, sample.labels.len());
        coverage.count(&sample, asked);
        let weights = weights.as_deref();
        let digest = &mut coverage.digest;
        coverage.compared +=
            agree(&mut single, |w| answer_f32(&sample, asked, weights, w), &sample, asked, digest)?;
        coverage.compared +=
            agree(&mut double, |w| answer_f64(&sample, asked, weights, w), &sample, asked, digest)?;
        bound.check(&sample, asked)?;
        bar.inc(1);
    }
    bar.finish_and_clear();
    println!("zero differing bits in loss, triplets and gradient");
    println!("{ENGINES}{}", names(&single));
    println!("  instruction sets this CPU cannot run, NOT covered: {}", list(&engines::not_covered()));
    coverage.print();
    bound.print();
    println!("{DIGEST} {:016x}", coverage.digest.finish());
    println!("  {:.1} s", start.elapsed().as_secs_f64());
    Ok(())
}

/// Compares every engine's answer with the first one's; the number of comparisons.
fn agree<T, K>(
    engines: &mut Named<T>,
    mut ask: impl FnMut(&mut Workspace<T>) -> Result<Answer<K>, Error>,
    sample: &Sample,
    asked: LossSpec,
    digest: &mut DefaultHasher,
) -> Result<u64>
where
    T: Element,
    K: PartialEq + core::fmt::Debug + Hash,
{
    let Some(((reference_name, reference), others)) = engines.split_first_mut() else { return Ok(0) };
    let reference = ask(reference);
    if let Ok(answer) = &reference {
        answer.hash(digest);
    }
    for (name, workspace) in others.iter_mut() {
        let difference = match (&reference, ask(workspace)) {
            (Ok(a), Ok(b)) => a.difference(&b),
            (Err(a), Err(b)) if *a == b => None,
            (a, b) => Some(format!("{:?} and {:?}", a.as_ref().err(), b.err())),
        };
        if let Some(difference) = difference {
            bail!("{reference_name} and {name} differ on {}, asked {asked:?}: {difference}", sample.name);
        }
    }
    Ok(others.len() as u64)
}

fn names<T: Element>(engines: &Named<T>) -> String {
    list(&engines.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>())
}

fn list(names: &[&str]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

/// What the batches were like.
#[derive(Default)]
struct Coverage {
    compared: u64,
    /// Over the reference's answers: the same on every machine that runs this build.
    digest: DefaultHasher,
    families: BTreeMap<String, u64>,
    objectives: BTreeMap<String, u64>,
    rows: (usize, usize),
    widths: (usize, usize),
}

impl Coverage {
    fn count(&mut self, sample: &Sample, asked: LossSpec) {
        let family = sample.name.split(" b").next().unwrap_or_default();
        *self.families.entry(family.to_owned()).or_default() += 1;
        let name = format!("{} {}", asked.objective.rule.name(), asked.objective.distance.name());
        *self.objectives.entry(name).or_default() += 1;
        let widen = |(low, high): (usize, usize), value: usize| {
            (if low == 0 { value } else { low.min(value) }, high.max(value))
        };
        self.rows = widen(self.rows, sample.labels.len());
        self.widths = widen(self.widths, sample.width);
    }

    fn print(&self) {
        let counts = |map: &BTreeMap<String, u64>| {
            map.iter().map(|(name, count)| format!("{name} {count}")).collect::<Vec<_>>().join(", ")
        };
        println!("  {} comparisons; B {:?}, D {:?}", self.compared, self.rows, self.widths);
        println!("  families: {}", counts(&self.families));
        println!("  objectives: {}", counts(&self.objectives));
    }
}
