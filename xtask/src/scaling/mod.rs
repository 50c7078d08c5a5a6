//! `cargo run --release -p xtask -- scaling`: how calls scale, measured on the threads there are and modelled for more.

mod emulator;
mod machine;
mod recording;
mod schedule;

use anyhow::Result;
use emulator::Emulator;
use machine::Machine;
use recording::Recording;
use std::time::Instant;
use triplet_api::{Backend, BackendOptions, Batch, Loss, TripletSemiHardLoss, Workspace};
use triplet_simd::{Fused, Isa, Selected};
use triplet_testkit::inputs::unit_rows;

/// What to measure and to model.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Rows of the batches; 8 rows a class.
    #[arg(long, value_delimiter = ',', default_value = "512,1024,4096,8192")]
    rows: Vec<usize>,
    /// Width of the rows.
    #[arg(long, default_value_t = 128)]
    dim: usize,
    /// Cores of the model.
    #[arg(long, value_delimiter = ',', default_value = "2,4,8,16,32,64,128")]
    cores: Vec<usize>,
    /// Threads to measure; one and as many as there are cores if not given.
    #[arg(long, value_delimiter = ',')]
    threads: Vec<usize>,
    /// Instruction set; the fastest if not given.
    #[arg(long)]
    isa: Option<String>,
    /// Calls of each number of workers and threads; the least time of each part counts.
    #[arg(long, default_value_t = 9)]
    rounds: usize,
    /// Also every job of the model: its pieces and how long it takes.
    #[arg(long)]
    jobs: bool,
}

/// A batch, and what is used to compute it.
struct Input {
    embeddings: Vec<f32>,
    labels: Vec<i64>,
    width: usize,
    selected: Selected,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let isa = args.isa.as_deref().map(str::parse::<Isa>).transpose()?;
    let selected = isa.map_or_else(Selected::best, Selected::new)?;
    let machine = Machine::measure()?;
    print_assumptions(args, &machine, selected);
    let threads = if args.threads.is_empty() { vec![1, machine::cores()] } else { args.threads.clone() };
    for &rows in &args.rows {
        let (embeddings, labels) = unit_rows(rows, args.dim, 8, 7);
        let input = Input { embeddings, labels, width: args.dim, selected };
        one_batch(args, &machine, &input, &threads)?;
    }
    Ok(())
}

fn print_assumptions(args: &Args, machine: &Machine, selected: Selected) {
    println!(
        "loss, triplets and gradient of rows of {} numbers (f32), 8 rows a class, {}; the least of {} calls, part by part",
        args.dim,
        selected.isa().name(),
        args.rounds
    );
    println!(
        "The model: workers run one at a time on one core, in the order they would have side by side; each takes the\n\
         next piece when it is free. To this are added the caller's own work, and {:.1} us a job until all threads have\n\
         begun (an empty job of two threads here; more threads are taken to wake each other meanwhile). Cores are as\n\
         fast as this one however many work, and share no cache that fills. Memory: {:.0} GB/s here, all cores together\n\
         (a = b + 3 c); a call moves its input three times and its gradient once, and takes no less than that.",
        machine.start as f64 / 1e3,
        machine.bandwidth / 1e9,
    );
}

fn one_batch(args: &Args, machine: &Machine, input: &Input, threads: &[usize]) -> Result<()> {
    let rows = input.labels.len();
    println!("\n{rows} x {}", input.width);
    let workers: Vec<usize> = [1].into_iter().chain(args.cores.iter().copied()).collect();
    let mut calls =
        workers.iter().map(|&workers| Emulated::new(input, workers)).collect::<Result<Vec<_>>>()?;
    let mut timed = threads.iter().map(|&count| Timed::new(input, count)).collect::<Result<Vec<_>>>()?;
    // In turn, so that a slow spell of the machine meets all of them.
    for _ in 0..args.rounds {
        calls.iter_mut().try_for_each(|emulated| emulated.call(input))?;
        timed.iter_mut().try_for_each(|timed| timed.call(input))?;
    }
    let alone = &calls[0].least;
    let one = alone.time(1, 0);
    let share = |part: u64| 100.0 * part as f64 / one as f64;
    println!(
        "  one worker {:.3} ms, of which the caller's own work {:.3} ms ({:.2} %)",
        ms(one),
        ms(alone.serial_time()),
        share(alone.serial_time())
    );
    for Timed { threads, least, .. } in timed {
        let speedup = one as f64 / least as f64;
        println!("  measured, {threads} threads: {:.3} ms, speedup {speedup:.2}", ms(least));
    }
    // Input three times, output once; what is written is read first.
    let moved = (5 * size_of_val(&input.embeddings[..])) as f64 / machine.bandwidth * 1e9;
    println!(
        "  {:>5} {:>10} {:>8} {:>16} {:>12}",
        "cores", "model", "speedup", "processor time", "serial part"
    );
    for (workers, Emulated { least: call, .. }) in workers.into_iter().zip(&calls).skip(1) {
        let time = call.time(workers, machine.start).max(moved as u64);
        println!(
            "  {workers:>5} {:>7.3} ms {:>8.2} {:>+14.1} % {:>9.3} ms",
            ms(time),
            one as f64 / time as f64,
            share(call.processor_time()) - 100.0,
            ms(call.serial_time())
        );
        if args.jobs {
            print_jobs(call, workers);
        }
    }
    Ok(())
}

fn print_jobs(call: &Recording, workers: usize) {
    let serial: Vec<String> = call.serial.iter().map(|&time| format!("{:.1}", time as f64 / 1e3)).collect();
    println!("        serial parts, in us: {}", serial.join(", "));
    for job in &call.jobs {
        println!(
            "        {:>5} pieces, {:.3} ms in all, the longest {:.3}; done after {:.3}",
            job.len() - workers,
            ms(job.iter().sum()),
            ms(job.iter().copied().max().unwrap_or(0)),
            ms(schedule::greedy(job, workers))
        );
    }
}

fn ms(nanoseconds: u64) -> f64 {
    nanoseconds as f64 / 1e6
}

/// Calls with so many workers, one at a time.
struct Emulated {
    emulator: Emulator,
    workspace: Workspace,
    least: Recording,
}

impl Emulated {
    /// The first call takes memory, and is not recorded.
    fn new(input: &Input, workers: usize) -> Result<Self> {
        let emulator = Emulator::new(workers);
        let engine = Fused::new("emulated", input.selected, emulator.clone());
        let mut workspace = Workspace::with_engine(Box::new(engine));
        emulator.record(|| call(input, &mut workspace))?;
        let least = emulator.record(|| call(input, &mut workspace))?;
        Ok(Self { emulator, workspace, least })
    }

    fn call(&mut self, input: &Input) -> Result<()> {
        let recorded = self.emulator.record(|| call(input, &mut self.workspace))?;
        self.least.keep_least(&recorded);
        Ok(())
    }
}

/// Calls on threads.
struct Timed {
    threads: usize,
    workspace: Workspace,
    least: u64,
}

impl Timed {
    fn new(input: &Input, threads: usize) -> Result<Self> {
        let isa = Some(input.selected.isa());
        let workspace =
            Workspace::new(BackendOptions { backend: Backend::Par, isa, threads: Some(threads) })?;
        let mut timed = Self { threads, workspace, least: u64::MAX };
        timed.call(input)?;
        Ok(timed)
    }

    fn call(&mut self, input: &Input) -> Result<()> {
        let start = Instant::now();
        call(input, &mut self.workspace)?;
        self.least = self.least.min(start.elapsed().as_nanos() as u64);
        Ok(())
    }
}

fn call(input: &Input, workspace: &mut Workspace) -> Result<()> {
    let batch = Batch::new(&input.embeddings, input.width, &input.labels)?;
    TripletSemiHardLoss::default().evaluate(&batch, workspace)?;
    Ok(())
}
