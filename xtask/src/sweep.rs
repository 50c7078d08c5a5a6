//! `cargo run --release -p xtask -- sweep`: does any shape cost more than its neighbours make one expect?

mod adversarial;

use anyhow::{Result, ensure};
use indicatif::{ProgressBar, ProgressStyle};
use std::time::Instant;
use triplet_api::{Backend, BackendOptions, Batch, Isa, Loss, TripletSemiHardLoss, Workspace};
use triplet_testkit::inputs::{clusters, unit_rows};

/// How much more than the neighbours' cost a point may take.
const CLIFF: f64 = 1.6;
/// How much longer tight clusters may take than random rows: noise.
const TIGHT: f64 = 1.1;

/// What to sweep with.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Backend: simd or par.
    #[arg(long, default_value = "par")]
    backend: String,
    /// Instruction set; the fastest if not given.
    #[arg(long)]
    isa: Option<String>,
    /// Rounds over all points; the least time of each counts.
    #[arg(long, default_value_t = 9)]
    rounds: usize,
}

/// A shape, and its least time in seconds.
#[derive(Clone, Copy)]
struct Point {
    rows: usize,
    width: usize,
    per_class: usize,
    seconds: f64,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let isa = args.isa.as_deref().map(str::parse::<Isa>).transpose()?;
    let options = BackendOptions { backend: args.backend.parse::<Backend>()?, isa, threads: None };
    let mut workspace = Workspace::new(options)?;
    println!("{}; loss, triplets and gradient; least of {} rounds", workspace.executed(), args.rounds);
    let mut steep = Vec::new();
    for (name, mut points) in sweeps() {
        measure(&name, &mut points, args.rounds, &mut workspace)?;
        let mut worst: Vec<(f64, Point)> =
            points.windows(3).map(|three| (excess([three[0], three[1], three[2]]), three[1])).collect();
        worst.sort_by(|a, b| b.0.total_cmp(&a.0));
        println!("{name}: {} points; worst:", points.len());
        for (excess, point) in worst.iter().take(3) {
            let Point { rows, width, per_class, seconds } = point;
            println!(
                "  {excess:.2} times its neighbours' cost: {rows} x {width}, {per_class} rows a class, {:.3} ms",
                seconds * 1e3
            );
        }
        steep.extend(worst.into_iter().filter(|(excess, _)| *excess > CLIFF));
    }
    let slow = tight_clusters(args.rounds, &mut workspace)?;
    let adversarial = adversarial::run(args.rounds, &mut workspace);
    ensure!(
        steep.is_empty(),
        "{} points take more than {CLIFF} times what their neighbours predict",
        steep.len()
    );
    ensure!(slow <= TIGHT, "tight clusters take {slow:.2} times as long as random rows");
    adversarial
}

/// A point's cost per multiply-add over the mean of its neighbours'.
fn excess(three: [Point; 3]) -> f64 {
    let cost = |p: Point| p.seconds / (p.rows * p.rows * p.width) as f64;
    let [before, here, after] = three.map(cost);
    here / f64::midpoint(before, after)
}

/// The points of each sweep, ascending.
fn sweeps() -> Vec<(String, Vec<Point>)> {
    let point = |rows, width, per_class| Point { rows, width, per_class, seconds: f64::INFINITY };
    // Odd steps, a little longer each time.
    let ladder = |from: usize, to: usize, growth: f64| {
        let mut values = Vec::new();
        let mut value = from;
        while value <= to {
            values.push(value);
            value += (((value as f64 * growth) as usize) | 1).max(1);
        }
        values
    };
    let rows = ladder(60, 4100, 0.05).into_iter().map(|rows| point(rows, 128, 8)).collect();
    let widths = ladder(3, 1030, 0.06).into_iter().map(|width| point(1024, width, 8)).collect();
    let classes = ladder(2, 1024, 0.12).into_iter().map(|per_class| point(2048, 128, per_class)).collect();
    vec![
        ("B from 60 to 4100".to_owned(), rows),
        ("D from 3 to 1030".to_owned(), widths),
        ("rows a class from 2 to B/2".to_owned(), classes),
    ]
}

/// All points in turn, several times.
fn measure(name: &str, points: &mut [Point], rounds: usize, workspace: &mut Workspace<f32>) -> Result<()> {
    let bar = ProgressBar::new((rounds * points.len()) as u64);
    bar.set_style(ProgressStyle::with_template("{bar:30} {msg}, {eta} left")?);
    bar.set_message(name.to_owned());
    for _ in 0..rounds {
        for point in points.iter_mut() {
            let (x, labels) = unit_rows(point.rows, point.width, point.per_class, 7);
            point.seconds = point.seconds.min(least(&x, point.width, &labels, workspace)?);
            bar.inc(1);
        }
    }
    bar.finish_and_clear();
    Ok(())
}

/// The least time of three calls.
fn least(x: &[f32], width: usize, labels: &[i64], workspace: &mut Workspace<f32>) -> Result<f64> {
    let batch = Batch::new(x, width, labels)?;
    let mut least = f64::INFINITY;
    for _ in 0..3 {
        let start = Instant::now();
        TripletSemiHardLoss::default().evaluate(&batch, workspace)?;
        least = least.min(start.elapsed().as_secs_f64());
    }
    Ok(least)
}

/// Rows close to their class's centre against random ones; the worst ratio of times.
fn tight_clusters(rounds: usize, workspace: &mut Workspace<f32>) -> Result<f64> {
    let mut worst = 0.0_f64;
    for (rows, per_class) in [(256, 8), (1024, 8), (4096, 8), (2048, 32), (2040, 204)] {
        for spread in [0.3, 0.05, 0.0] {
            let (random, labels) = unit_rows(rows, 128, per_class, 7);
            let (tight, tight_labels) = clusters(rows, 128, per_class, spread, 7);
            let (mut slow, mut fast) = (f64::INFINITY, f64::INFINITY);
            for _ in 0..rounds {
                fast = fast.min(least(&random, 128, &labels, workspace)?);
                slow = slow.min(least(&tight, 128, &tight_labels, workspace)?);
            }
            println!(
                "{rows} x 128, {per_class} rows a class within {spread} of their centre: {:.2} times random rows",
                slow / fast
            );
            worst = worst.max(slow / fast);
        }
    }
    Ok(worst)
}
