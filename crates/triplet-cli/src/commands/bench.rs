//! `triplet bench`: the backends against one another, alternately, on this machine.

use super::{
    info::cpu_name,
    product::Product,
    shape::{Shape, input},
};
use crate::{options::BackendArgs, output};
use anyhow::{Context, Result, ensure};
use clap::Args;
use comfy_table::{Table, presets};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};
use std::{path::PathBuf, process::Command, time::Instant};
use triplet_api::{Backend, BackendOptions, Batch, Executed, Loss, TripletSemiHardLoss, Weights, Workspace};

const EXAMPLES: &str = "\
Examples:
  triplet bench                                          a typical batch
  triplet bench --batch 64,256,1024 --dim 128,512        a grid
  triplet bench --batch 8192 --backends simd,par --json
  triplet bench --python python3 --backends par --batch 512,1024,4096
                                                         against one matrix product

Rows are unit vectors in random directions. Backends run in turn, so that noise hits all of
them alike; times are the minimum and the median over the rounds, ratios those of minima.";

/// Flags of `triplet bench`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct BenchArgs {
    /// Batch sizes, separated by commas.
    #[arg(long, value_name = "B", value_delimiter = ',', default_value = "1024")]
    batch: Vec<usize>,
    /// Embedding widths.
    #[arg(long, value_name = "D", value_delimiter = ',', default_value = "128")]
    dim: Vec<usize>,
    /// Rows a class.
    #[arg(long, value_name = "P", value_delimiter = ',', default_value = "8")]
    per_class: Vec<usize>,
    /// Number of classes instead; rows are spread over them evenly.
    #[arg(long, value_name = "C")]
    classes: Option<usize>,
    /// Backends to compare.
    #[arg(long, value_name = "NAMES", value_delimiter = ',', default_value = "gram,simd,par")]
    backends: Vec<String>,
    /// Instruction set: portable, avx2 or avx512. Default: the fastest this CPU has.
    #[arg(long, value_name = "NAME")]
    isa: Option<String>,
    /// Threads. Default: one a core.
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
    /// Rounds. Default: as many as take about a second a backend, at least 3.
    #[arg(long, value_name = "R")]
    reps: Option<usize>,
    /// A Python with torch or NumPy: its product E E' is timed in the same rounds.
    #[arg(long, value_name = "PYTHON")]
    python: Option<PathBuf>,
    /// Seed of the rows.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Print one line of JSON.
    #[arg(long)]
    json: bool,
}

/// A backend's measurements on one input.
struct Row {
    executed: Executed,
    shape: Shape,
    forward: Vec<f64>,
    both: Vec<f64>,
    memory: Value,
    /// The matrix product's time, if it was asked for.
    product: Option<f64>,
}

impl Row {
    fn json(&self) -> Value {
        json!({
            "backend": self.executed.backend,
            "isa": self.executed.isa,
            "threads": self.executed.threads,
            "b": self.shape.rows,
            "d": self.shape.width,
            "per_class": self.shape.rows as f64 / self.shape.classes as f64,
            "classes": self.shape.classes,
            "fwd_ms_min": minimum(&self.forward),
            "fwd_bwd_ms_min": minimum(&self.both),
            "fwd_bwd_ms_median": median(&self.both),
            "product_ms_min": self.product,
            "fwd_ratio_to_product": self.product.map(|ms| minimum(&self.forward) / ms),
            "ratio_to_product": self.product.map(|ms| minimum(&self.both) / ms),
            "peak_rss_mb": self.memory["peak_rss_mb"],
            "base_rss_mb": self.memory["base_rss_mb"],
        })
    }
}

pub(crate) fn run(args: &BenchArgs) -> Result<()> {
    ensure!(args.reps != Some(0), "--reps is 0: give at least 1");
    let mut shapes = Vec::new();
    for &rows in &args.batch {
        for &width in &args.dim {
            for &per_class in &args.per_class {
                ensure!(
                    rows > 0 && width > 0 && per_class > 0,
                    "--batch, --dim and --per-class must be at least 1"
                );
                let classes = args.classes.unwrap_or_else(|| rows.div_ceil(per_class)).clamp(1, rows);
                shapes.push(Shape { rows, width, classes });
            }
        }
    }
    let mut backends = Vec::new();
    for name in &args.backends {
        let backend = BackendArgs { backend: name.clone(), isa: args.isa.clone(), threads: args.threads };
        backends.push((backend.options()?, backend));
    }
    ensure!(!backends.is_empty(), "--backends is empty: name at least one");
    let threads = args.threads.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
    let mut product = args.python.as_deref().map(|python| Product::start(python, threads)).transpose()?;
    let bar = ProgressBar::new((shapes.len() * backends.len()) as u64);
    bar.set_style(ProgressStyle::with_template("{bar:30} {pos}/{len} {msg}, {eta} left")?);
    let mut rows = Vec::new();
    for shape in shapes {
        bar.set_message(format!("{} x {}, {} classes", shape.rows, shape.width, shape.classes));
        rows.extend(measure(args, shape, &backends, &bar, product.as_mut(), threads)?);
    }
    bar.finish_and_clear();
    if args.json {
        let threads =
            args.threads.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
        let rows: Vec<Value> = rows.iter().map(Row::json).collect();
        output::line(json!({ "cpu": cpu_name(), "threads": threads, "rows": rows }));
    } else {
        print_table(&rows);
        if let Some(product) = product {
            output::line(format_args!("product: E E' by {}, {threads} thread(s)", product.library));
        }
    }
    Ok(())
}

fn measure(
    args: &BenchArgs,
    shape: Shape,
    backends: &[(BackendOptions, BackendArgs)],
    bar: &ProgressBar,
    mut product: Option<&mut Product>,
    threads: usize,
) -> Result<Vec<Row>> {
    let (embeddings, labels) = input(shape, args.seed);
    let batch = Batch::new(&embeddings, shape.width, &labels)?;
    let loss = TripletSemiHardLoss::default();
    let mut rows = Vec::new();
    let mut workspaces = Vec::new();
    let mut slowest = 0.0_f64;
    let mut exact = None;
    for (options, flags) in backends {
        let mut workspace = Workspace::new(*options)?;
        let memory = child(flags, shape, args.seed)?;
        let start = Instant::now();
        let result = loss.evaluate(&batch, &mut workspace)?;
        slowest = slowest.max(start.elapsed().as_secs_f64());
        let (executed, bits) = (result.executed(), result.loss().to_bits());
        // A result is checked before it is timed.
        if options.backend != Backend::Gram {
            let first = *exact.get_or_insert(bits);
            ensure!(first == bits, "{executed} gives other bits than the first exact backend: this is a bug");
        }
        rows.push(Row { executed, shape, forward: Vec::new(), both: Vec::new(), memory, product: None });
        workspaces.push(workspace);
        bar.inc(1);
    }
    let reps = args.reps.unwrap_or_else(|| ((1.0 / slowest.max(1e-9)) as usize).clamp(3, 1000));
    // Short ones several times in a row: the first call wakes threads that slept while
    // the others were timed.
    let calls = if slowest < 0.02 { 4 } else { 2 };
    let mut least = f64::INFINITY;
    for _ in 0..reps {
        if let Some(product) = &mut product {
            least = least.min(product.ms(shape, threads, calls)?);
        }
        for (row, workspace) in rows.iter_mut().zip(&mut workspaces) {
            for _ in 0..calls {
                let start = Instant::now();
                loss.forward(&batch, Weights::None, workspace)?;
                row.forward.push(start.elapsed().as_secs_f64() * 1e3);
            }
            for _ in 0..calls {
                let start = Instant::now();
                loss.evaluate(&batch, workspace)?;
                row.both.push(start.elapsed().as_secs_f64() * 1e3);
            }
        }
    }
    for row in &mut rows {
        row.product = product.is_some().then_some(least);
    }
    Ok(rows)
}

/// Peak memory of one evaluation, from a process that does nothing else.
fn child(flags: &BackendArgs, shape: Shape, seed: u64) -> Result<Value> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["bench-child", "--backend", &flags.backend]);
    if let Some(isa) = &flags.isa {
        command.args(["--isa", isa]);
    }
    if let Some(threads) = flags.threads {
        command.args(["--threads", &threads.to_string()]);
    }
    for (flag, value) in [("--batch", shape.rows), ("--dim", shape.width), ("--classes", shape.classes)] {
        command.args([flag, &value.to_string()]);
    }
    let output =
        command.args(["--seed", &seed.to_string()]).output().context("starting the memory measurement")?;
    let message = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "the memory measurement failed: {message}");
    Ok(serde_json::from_slice(&output.stdout)?)
}

fn minimum(times: &[f64]) -> f64 {
    times.iter().copied().fold(f64::INFINITY, f64::min)
}

fn median(times: &[f64]) -> f64 {
    let mut sorted = times.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 { sorted[middle] } else { f64::midpoint(sorted[middle - 1], sorted[middle]) }
}

fn print_table(rows: &[Row]) {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED).set_header([
        "B x D",
        "classes",
        "backend",
        "isa",
        "threads",
        "loss ms",
        "+ gradient ms",
        "median",
        "ratio",
        "/ product",
        "peak MB",
    ]);
    let mut first = f64::NAN;
    let mut last = None;
    for row in rows {
        let shape = (row.shape.rows, row.shape.width, row.shape.classes);
        if last != Some(shape) {
            (first, last) = (minimum(&row.both), Some(shape));
        }
        table.add_row([
            format!("{} x {}", row.shape.rows, row.shape.width),
            row.shape.classes.to_string(),
            row.executed.backend.to_owned(),
            row.executed.isa.to_owned(),
            row.executed.threads.to_string(),
            format!("{:.3}", minimum(&row.forward)),
            format!("{:.3}", minimum(&row.both)),
            format!("{:.3}", median(&row.both)),
            format!("{:.2}", minimum(&row.both) / first),
            row.product.map_or_else(|| "-".to_owned(), |ms| format!("{:.2}", minimum(&row.both) / ms)),
            row.memory["peak_rss_mb"].as_f64().map_or_else(|| "?".to_owned(), |mb| format!("{mb:.0}")),
        ]);
    }
    output::line(table);
}
