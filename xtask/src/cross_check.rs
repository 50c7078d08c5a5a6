//! `cargo xtask cross-check`: the same bits from everything that computes them.

use anyhow::{Result, bail};
use indicatif::{ProgressBar, ProgressStyle};
use std::{collections::BTreeMap, time::Instant};
use triplet_api::{Element, Error, LossSpec, Workspace};
use triplet_testkit::{
    Answer, Contender, Cut, NearestCase, Rectangle, Sample,
    compare::answer_in,
    contenders,
    digests::{BATCHES, Case, Digester, Recorded, SEED, Total},
    engines::{self, contenders_of_ranks},
    mining,
    ranks::bank_answer,
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
    /// Compares the engines with the reference alone, not with the recorded digests.
    #[arg(long)]
    pub(crate) without_digests: bool,
}

/// Of so many batches, one is also cut into anchors and candidates.
const RECTANGLES: u64 = 3;
/// Of so many batches, one is also held by several ranks, and another comes in steps, into a memory bank.
const RANKS: u64 = 4;
/// Of so many batches, one is also mined as a data set: slab by slab in little memory, in parts, and after a stop.
const MINED: u64 = 5;
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
    let (mut single_ranks, mut double_ranks) = (Ranked::<f32>::new()?, Ranked::<f64>::new()?);
    let mut bound = GramBound::new()?;
    let mut digester = Digester::simd()?;
    let recorded = Recorded::read("cross_check")?;
    let recorded = (args.seed == SEED && !args.without_digests).then_some(&recorded);
    let mut total = Total::default();
    let mut coverage = Coverage::default();
    let bar = ProgressBar::new(args.batches);
    bar.set_style(ProgressStyle::with_template("{bar:30} {pos}/{len} batches, {per_sec}, {eta} left")?);
    for number in 0..args.batches {
        let case = Case::cross_check(args.seed, number);
        let Case { sample, asked, weights, .. } = &case;
        let (asked, weights) = (*asked, weights.as_deref());
        coverage.count(sample, asked);
        coverage.compared += agree(&mut single, |w| answer_in(sample, asked, weights, w), sample, asked)?;
        coverage.screened += single.iter().map(|(_, w)| w.screened().pairs).sum::<u64>();
        coverage.undecided += single.iter().map(|(_, w)| w.screened().undecided).sum::<u64>();
        coverage.compared += agree(&mut double, |w| answer_in(sample, asked, weights, w), sample, asked)?;
        if number % RECTANGLES == 0 {
            let rectangle = Rectangle::numbered(sample, number / RECTANGLES);
            *coverage.rectangles.entry(rectangle.kind).or_default() += 1;
            coverage.compared +=
                agree(&mut single, |w| rectangle.answer(sample, asked, weights, w), sample, asked)?;
            coverage.compared +=
                agree(&mut double, |w| rectangle.answer(sample, asked, weights, w), sample, asked)?;
        }
        if number % RANKS == 1 {
            let cut = Cut::numbered(sample, number / RANKS);
            *coverage.ranks.entry(cut.kind).or_default() += 1;
            let turn = number / RANKS;
            coverage.compared += single_ranks.agree(&cut, turn, sample, asked, weights)?;
            coverage.compared += double_ranks.agree(&cut, turn, sample, asked, weights)?;
        }
        if number % RANKS == 3 {
            let cut = Cut::numbered(sample, number / RANKS);
            coverage.banks += 1;
            coverage.compared += single_ranks.banks_agree(&cut, number / RANKS, sample, asked)?;
            coverage.compared += double_ranks.banks_agree(&cut, number / RANKS, sample, asked)?;
        }
        if number % MINED == 2 {
            let turn = number / MINED;
            coverage.compared += single_ranks.mined_agree(turn, sample, &mut coverage.mined)?;
            coverage.compared += double_ranks.mined_agree(turn, sample, &mut coverage.mined)?;
        }
        bound.check(sample, asked)?;
        // All engines gave the same bits: any of them stands for all.
        let digests = digester.digests(&case);
        total.add(digests);
        if let Some(recorded) = recorded.filter(|_| number < BATCHES) {
            recorded.check(&case, digests).map_err(anyhow::Error::msg)?;
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    println!("zero differing bits in loss, triplets and gradient");
    println!("{ENGINES}{}", names(&single));
    println!("  what this machine does not have, NOT covered: {}", list(&engines::not_covered()));
    coverage.print();
    bound.print();
    let compared = recorded.map_or(0, |_| args.batches.min(BATCHES));
    println!("{DIGEST} {:016x}; {compared} batches as recorded in testdata/digests", total.finish());
    println!("  {:.1} s", start.elapsed().as_secs_f64());
    Ok(())
}

/// Compares every engine's answer with the first one's; the number of comparisons.
fn agree<T, K>(
    engines: &mut Named<T>,
    mut ask: impl FnMut(&mut Workspace<T>) -> Result<Answer<K>, Error>,
    sample: &Sample,
    asked: LossSpec,
) -> Result<u64>
where
    T: Element,
    K: PartialEq + core::fmt::Debug,
{
    let Some(((reference_name, reference), others)) = engines.split_first_mut() else { return Ok(0) };
    let reference = ask(reference);
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

/// The reference, and the engines that take turns as ranks, and in data sets.
struct Ranked<T: Element> {
    reference: Workspace<T>,
    engines: Named<T>,
    of_sets: Vec<Contender<T>>,
}

impl<T: Element> Ranked<T> {
    fn new() -> Result<Self, Error> {
        let reference = Workspace::with_engine(Box::new(triplet_core::Scalar));
        let engines = contenders_of_ranks::<T>()?.into_iter();
        let engines = engines.map(engines::Contender::workspace).collect();
        Ok(Self { reference, engines, of_sets: contenders_of_ranks::<T>()? })
    }

    /// The next engines: those of one batch differ.
    fn take(&mut self, turn: u64, count: usize) -> (String, Vec<&mut Workspace<T>>) {
        let all = self.engines.len();
        let chosen = |index: usize| (index + all - turn as usize * 3 % all) % all < count;
        let (names, workspaces): (Vec<&str>, Vec<_>) = self
            .engines
            .iter_mut()
            .enumerate()
            .filter(|(index, _)| chosen(*index))
            .map(|(_, (name, workspace))| (name.as_str(), workspace))
            .unzip();
        (names.join("; "), workspaces)
    }

    /// Compares what every rank gets with the reference.
    fn agree(
        &mut self,
        cut: &Cut,
        turn: u64,
        sample: &Sample,
        asked: LossSpec,
        weights: Option<&[f64]>,
    ) -> Result<u64> {
        let expected = answer_in(sample, asked, weights, &mut self.reference)?;
        let (names, engines) = self.take(turn, cut.ranks());
        let found = cut.answers(sample, asked, weights, engines)?;
        for (rank, found) in found.iter().enumerate() {
            if let Some(difference) = expected.difference(found) {
                bail!("rank {rank} of {names} on {}, asked {asked:?}: {difference}", sample.name);
            }
        }
        Ok(found.len() as u64)
    }

    /// Compares what two engines mine of the batch as a data set with the statement of it, and what both find in portions.
    fn mined_agree(&mut self, turn: u64, sample: &Sample, mined: &mut BTreeMap<String, u64>) -> Result<u64> {
        let all = self.of_sets.len();
        for next in 0..2 {
            let Contender { name, engine, .. } = &mut self.of_sets[(turn as usize * 2 + next) % all];
            let difference = match mining::difference(sample, turn, &mut **engine) {
                Ok(difference) => difference,
                // Rows that overflow, or no room for them.
                Err(triplet_dataset::Error::Core(_) | triplet_dataset::Error::Memory { .. }) => continue,
                Err(error) => bail!("{name} on {}: {error}", sample.name),
            };
            if let Some(how) = difference {
                bail!("{name} mines other triplets of {} ({how}), case {turn}", sample.name);
            }
            let case = NearestCase::numbered(sample, turn);
            *mined.entry(case.kind.clone()).or_default() += 1;
            let found = case.answer(sample, &mut **engine);
            if found != case.answer::<T>(sample, &mut triplet_core::Scalar) {
                bail!("{name} finds other rows of {}: {case:?}", sample.name);
            }
        }
        Ok(2)
    }

    /// The same of a memory bank, step by step.
    fn banks_agree(&mut self, cut: &Cut, turn: u64, sample: &Sample, asked: LossSpec) -> Result<u64> {
        let expected = bank_answer(sample, asked, &mut self.reference)?;
        let (names, engines) = self.take(turn, cut.ranks());
        let mut compared = 0;
        for (rank, found) in cut.bank_answers(sample, asked, engines)?.iter().enumerate() {
            for (step, (expected, found)) in expected.iter().zip(found).enumerate() {
                if let Some(difference) = expected.difference(found) {
                    let name = &sample.name;
                    bail!("step {step}, rank {rank} of {names} on {name}, asked {asked:?}: {difference}");
                }
                compared += 1;
            }
        }
        Ok(compared)
    }
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
    screened: u64,
    undecided: u64,
    families: BTreeMap<String, u64>,
    rectangles: BTreeMap<&'static str, u64>,
    ranks: BTreeMap<&'static str, u64>,
    banks: u64,
    mined: BTreeMap<String, u64>,
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
        println!("  {} pairs screened, {} of them undecided", self.screened, self.undecided);
        let rectangles = self.rectangles.iter().map(|(kind, count)| format!("{kind} {count}"));
        println!("  anchors against candidates: {}", rectangles.collect::<Vec<_>>().join(", "));
        let ranks = self.ranks.iter().map(|(kind, count)| format!("{kind} {count}"));
        println!("  held by ranks, of mixed engines: {}", ranks.collect::<Vec<_>>().join(", "));
        println!("  in steps, into a memory bank: {}", self.banks);
        println!("  as data sets, whole, in parts and after a stop; in portions: {}", counts(&self.mined));
        println!("  families: {}", counts(&self.families));
        println!("  objectives: {}", counts(&self.objectives));
    }
}
