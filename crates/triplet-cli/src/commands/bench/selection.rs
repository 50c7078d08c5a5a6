//! Which benchmarks are run: from definitions, or from flags.

use super::args::BenchArgs;
use anyhow::{Context, Result, bail, ensure};
use triplet_benchmarks::{Benchmark, Shape, Spread, TYPICAL, built_in, engines, read};

/// The benchmarks that the flags select, and whether those name their engines.
pub(super) struct Selection {
    pub(super) benchmarks: Vec<Benchmark>,
    /// Definitions were selected: only the engines that they name take part.
    pub(super) by_name: bool,
}

impl Selection {
    /// Reads definitions and flags.
    pub(super) fn new(args: &BenchArgs) -> Result<Self> {
        let known = match &args.definitions {
            Some(path) => read(path)?,
            None => built_in()?,
        };
        let by_name = args.list || args.check || args.definitions.is_some() || !args.filter.is_empty();
        let benchmarks = if by_name { filtered(known, &args.filter)? } else { from_flags(args, &known)? };
        if args.step {
            let other = benchmarks.iter().find(|benchmark| !benchmark.is_usual());
            if let Some(Benchmark { name, .. }) = other {
                bail!(
                    "--step trains with the semi-hard loss of squared distances in f32, {name} is another loss"
                );
            }
        }
        Ok(Self { benchmarks, by_name })
    }

    /// Whether an engine takes part in a benchmark.
    pub(super) fn takes(by_name: bool, benchmark: &Benchmark, engine: &str) -> bool {
        !by_name || benchmark.engines.iter().any(|name| name == engine)
    }

    /// Our backends that the selected benchmarks name, in the order of the list of engines.
    pub(super) fn backends(&self) -> Vec<String> {
        let ours = engines::ALL.iter().filter(|engine| engine.kind == engines::Kind::Ours);
        let named =
            |name: &str| self.benchmarks.iter().any(|it| it.engines.iter().any(|other| other == name));
        ours.map(|engine| engine.name).filter(|name| named(name)).map(str::to_owned).collect()
    }
}

/// The benchmarks whose names contain one of the parts; all of them if there are no parts.
fn filtered(known: Vec<Benchmark>, parts: &[String]) -> Result<Vec<Benchmark>> {
    let wanted = |name: &str| parts.is_empty() || parts.iter().any(|part| name.contains(part.as_str()));
    let names: Vec<String> = known.iter().map(|benchmark| benchmark.name.clone()).collect();
    let kept: Vec<Benchmark> = known.into_iter().filter(|benchmark| wanted(&benchmark.name)).collect();
    ensure!(
        !kept.is_empty(),
        "--filter is {}: no benchmark's name contains it; they are {}",
        parts.join(","),
        names.join(", ")
    );
    Ok(kept)
}

/// The grid of the flags around the typical benchmark. What is equal to a definition is that one, with
/// its digest.
fn from_flags(args: &BenchArgs, known: &[Benchmark]) -> Result<Vec<Benchmark>> {
    let typical = known.iter().find(|benchmark| benchmark.name == TYPICAL);
    let typical = typical.with_context(|| format!("there is no benchmark {TYPICAL}"))?;
    let seed = args.seed.unwrap_or(typical.seed);
    let mut benchmarks: Vec<Benchmark> = Vec::new();
    for shape in grid(args, typical.shape)? {
        let same = |it: &&Benchmark| it.shape == shape && it.seed == seed && it.is_usual();
        let mut benchmark = known.iter().find(same).unwrap_or(typical).clone();
        if !same(&&benchmark) {
            (benchmark.name, benchmark.digest) = (String::new(), None);
            (benchmark.shape, benchmark.seed) = (shape, seed);
        }
        if !benchmarks.iter().any(|other| other.shape == shape) {
            benchmarks.push(benchmark);
        }
    }
    Ok(benchmarks)
}

/// Every combination of the flags' sizes.
fn grid(args: &BenchArgs, typical: Shape) -> Result<Vec<Shape>> {
    let or = |given: &[usize], usual: usize| if given.is_empty() { vec![usual] } else { given.to_vec() };
    let spreads: Vec<Spread> = match (args.classes, &args.per_class[..]) {
        (Some(classes), _) => vec![Spread::Classes(classes)],
        (None, []) => vec![typical.spread],
        (None, given) => given.iter().map(|&rows| Spread::PerClass(rows)).collect(),
    };
    let mut shapes = Vec::new();
    for rows in or(&args.batch, typical.rows) {
        for width in or(&args.dim, typical.width) {
            for &spread in &spreads {
                ensure!(
                    rows > 0 && width > 0 && spread.number() > 0,
                    "--batch, --dim, --per-class and --classes must be at least 1"
                );
                shapes.push(Shape { rows, width, spread });
            }
        }
    }
    Ok(shapes)
}
