//! `cargo run --release -p xtask -- ranks`: what a step costs each of many ranks, by a model of measured stages and a network.

use anyhow::Result;
use core::ops::Range;
use std::time::Instant;
use triplet_core::{
    Batch, Engine, GradientInputs, GradientScale, Problem, ProblemBuffers, Triplets,
    shares::{Merging, Share, WholeUnits, shared_slots},
};
use triplet_simd::{Fused, Inline, Selected};
use triplet_testkit::{compare::numbered_spec, inputs::unit_rows};

/// What to reckon with.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Rows of each rank.
    #[arg(long, default_value_t = 512)]
    rows: usize,
    /// Embedding width.
    #[arg(long, default_value_t = 128)]
    width: usize,
    /// Rows of a class.
    #[arg(long, default_value_t = 8)]
    per_class: usize,
    /// Up to so many ranks are measured, each on one thread; beyond, times are continued.
    #[arg(long, default_value_t = 8)]
    measured: usize,
    /// Gigabits a second that a rank receives.
    #[arg(long, default_value_t = 10.0)]
    gigabits: f64,
    /// Microseconds that a message takes besides.
    #[arg(long, default_value_t = 30.0)]
    latency: f64,
}

const REPEATS: usize = 7;
const MOST_RANKS: usize = 1024;
/// Exchanges of a step.
const EXCHANGES: f64 = 4.0;

/// Milliseconds of a rank, stage by stage.
#[derive(Clone, Copy, Default)]
struct Stages {
    /// What every rank does for all rows: packing, thresholds.
    replicated: f64,
    /// Its share of the pairs.
    pairs: f64,
    /// Merging for its own rows.
    merge: f64,
    /// The gradient of its own rows.
    gradient: f64,
}

impl Stages {
    fn total(self) -> f64 {
        self.replicated + self.pairs + self.merge + self.gradient
    }
}

pub(crate) fn run(args: &Args) -> Result<()> {
    println!(
        "{} rows a rank, width {}, {} rows a class; one thread a rank; {} Gbit/s, {} us a message",
        args.rows, args.width, args.per_class, args.gigabits, args.latency
    );
    println!(
        "{:>6} {:>8} {:>11} {:>9} {:>9} {:>9} {:>9} {:>9} {:>10}",
        "ranks", "rows", "replicated", "pairs", "merge", "gradient", "network", "step ms", "MB a step"
    );
    let mut last = Stages::default();
    let mut ranks = 1;
    while ranks <= MOST_RANKS {
        let is_measured = ranks <= args.measured;
        if is_measured {
            last = measure(args, ranks)?;
        } else {
            // Of twice as many ranks: what is done for all rows, and the pairs of a share, double; the rest is that
            // of as many rows, with candidates of twice as many ranks to merge.
            last.replicated *= 2.0;
            last.pairs *= 2.0;
            last.merge *= 2.0;
        }
        let rows = (args.rows * ranks) as f64;
        let pairs = rows * (args.per_class - 1) as f64;
        let row_bytes = if rows < 65_535.0 { 2.0 } else { 4.0 };
        let others = (ranks - 1) as f64 / ranks as f64;
        let bytes = others
            * (4.0 * rows * args.width as f64
                + 8.0 * rows
                + (2.0 * row_bytes + 4.0) * pairs
                + pairs / 8.0
                + 8.0 * rows
                + 272.0 * ranks as f64);
        // A message to each other rank, which are under way together; each costs its sender about a tenth.
        let messages = args.latency * (1.0 + 0.1 * (ranks - 1) as f64);
        let network = if ranks == 1 {
            0.0
        } else {
            EXCHANGES * messages / 1e3 + bytes * 8.0 / (args.gigabits * 1e9) * 1e3
        };
        let Stages { replicated, pairs, merge, gradient } = last;
        let step = last.total() + network;
        println!(
            "{ranks:>6} {rows:>8} {replicated:>11.2} {pairs:>9.2} {merge:>9.2} {gradient:>9.2} {network:>9.2} {step:>9.2} {:>10.2}{}",
            bytes / 1e6,
            if is_measured { "" } else { "  (continued)" }
        );
        ranks *= 2;
    }
    Ok(())
}

/// The least times of the stages, of a rank in the middle.
fn measure(args: &Args, ranks: usize) -> Result<Stages> {
    let rows = args.rows * ranks;
    let (x, labels) = unit_rows(rows, args.width, args.per_class, 1);
    let batch = Batch::new(&x, args.width, &labels)?;
    let objective = numbered_spec(0).objective;
    let mut buffers = ProblemBuffers::default();
    let problem = Problem::new(&batch, objective, &mut buffers)?;
    let mut engine = Fused::<f32>::new("simd", Selected::best()?, Inline);
    let mut triplets = Triplets::default();
    let own = |rank: usize| -> Range<usize> { args.rows * rank..args.rows * (rank + 1) };
    let whole = WholeUnits::of(&problem);
    let rank = ranks / 2;
    let (mut found, mut values) = (Vec::new(), Vec::new());
    for other in 0..ranks {
        let share = Share { rank: other, ranks, rows: own(other) };
        engine.mine_share(&problem, &share, &mut triplets)?;
        let slots = shared_slots(&problem, &whole, own(rank));
        let slots: Vec<usize> = slots.collect();
        found.push(slots.iter().map(|&slot| triplets.negatives[slot]).collect::<Vec<u32>>());
        values.push(slots.iter().map(|&slot| triplets.negative_distances[slot]).collect::<Vec<f32>>());
    }
    let found: Vec<&[u32]> = found.iter().map(Vec::as_slice).collect();
    let values: Vec<&[f32]> = values.iter().map(Vec::as_slice).collect();
    let nothing = Share { rank: 333_333, ranks: 1 << 20, rows: 0..0 };
    let share = Share { rank, ranks, rows: own(rank) };
    let merging = Merging {
        whole: &whole,
        first: own(rank).start,
        end: own(rank).end,
        found: &found,
        values: Some(&values),
    };
    let mut stages = Stages { replicated: f64::MAX, pairs: f64::MAX, merge: f64::MAX, gradient: f64::MAX };
    let least = |least: &mut f64, work: &mut dyn FnMut() -> triplet_core::Result<()>| -> Result<()> {
        let start = Instant::now();
        work()?;
        *least = least.min(start.elapsed().as_secs_f64() * 1e3);
        Ok(())
    };
    for _ in 0..REPEATS {
        least(&mut stages.replicated, &mut || engine.mine_share(&problem, &nothing, &mut triplets))?;
        least(&mut stages.pairs, &mut || engine.mine_share(&problem, &share, &mut triplets))?;
        least(&mut stages.merge, &mut || engine.merge_shares(&problem, &merging, &mut triplets))?;
    }
    engine.mine(&problem, &mut triplets)?;
    let scale = GradientScale::new(problem.distance(), problem.normalizer(), 1.0, None);
    let mut gradient = vec![0.0; rows * args.width];
    for _ in 0..REPEATS {
        let inputs = GradientInputs { problem: &problem, triplets: &triplets, scale };
        least(&mut stages.gradient, &mut || engine.gradient_of_rows(inputs, own(rank), &mut gradient))?;
    }
    stages.pairs -= stages.replicated;
    Ok(stages)
}
