//! One evaluation in a fresh process: the only way to see what one backend's memory
//! peaks at.

use crate::{
    options::{BackendArgs, ObjectiveArgs},
    output, proc,
};
use anyhow::{Context, Result, ensure};
use clap::Args;
use serde::{Deserialize, Serialize};
use std::process::Command;
use triplet_api::{Batch, Element, Loss, LossSpec, Weights, Workspace};
use triplet_benchmarks::{Benchmark, ElementType, Shape, Spread, input, widened};

/// Flags of the hidden `triplet bench-child`.
#[derive(Debug, Args)]
pub(crate) struct ChildArgs {
    #[command(flatten)]
    backend: BackendArgs,
    #[arg(long)]
    batch: usize,
    #[arg(long)]
    dim: usize,
    #[arg(long)]
    classes: usize,
    #[arg(long)]
    seed: u64,
    #[command(flatten)]
    objective: ObjectiveArgs,
    #[arg(long, default_value = "mean")]
    reduction: String,
    /// Numbers are f64.
    #[arg(long)]
    double: bool,
    #[arg(long)]
    no_gradient: bool,
}

/// What the process prints, in MB; `None` where the system does not say.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Memory {
    /// Before the call: the program and the batch.
    pub(super) base_rss_mb: Option<f64>,
    /// The most that it has held.
    pub(super) peak_rss_mb: Option<f64>,
}

pub(crate) fn run(args: &ChildArgs) -> Result<()> {
    ensure!(
        args.batch > 0 && args.dim > 0 && args.classes > 0,
        "--batch, --dim and --classes must be at least 1"
    );
    let shape = Shape { rows: args.batch, width: args.dim, spread: Spread::Classes(args.classes) };
    let element = if args.double { ElementType::F64 } else { ElementType::F32 };
    super::plan::check_size(shape, element, false)?;
    let (embeddings, labels) = input(shape, args.seed);
    match element {
        ElementType::F32 => evaluate(args, &embeddings, &labels),
        ElementType::F64 => {
            let wide = widened::<f64>(&embeddings);
            drop(embeddings);
            evaluate(args, &wide, &labels)
        }
    }
}

fn evaluate<T: Element>(args: &ChildArgs, embeddings: &[T], labels: &[i64]) -> Result<()> {
    let base_rss_mb = peak_rss_mb();
    let batch = Batch::new(embeddings, args.dim, labels)?;
    let mut workspace = Workspace::new(args.backend.options()?)?;
    let reduction = args.reduction.parse()?;
    let spec = LossSpec { objective: args.objective.objective()?, reduction, require_positives: false };
    if args.no_gradient {
        spec.forward(&batch, Weights::None, &mut workspace)?;
    } else {
        spec.evaluate(&batch, &mut workspace)?;
    }
    output::line(serde_json::to_string(&Memory { base_rss_mb, peak_rss_mb: peak_rss_mb() })?);
    Ok(())
}

/// The most memory this process has held so far; `None` where the system does not say.
fn peak_rss_mb() -> Option<f64> {
    proc::kib("/proc/self/status", "VmHWM:").map(|kib| kib as f64 / 1024.0)
}

/// Peak memory of one evaluation, from a process that does nothing else.
///
/// # Errors
///
/// When the process cannot be started, fails, or runs on a system that does not tell.
pub(super) fn measure(flags: &BackendArgs, benchmark: &Benchmark) -> Result<Memory> {
    measure_with(proc::again(), flags, benchmark)
}

fn measure_with(mut command: Command, flags: &BackendArgs, benchmark: &Benchmark) -> Result<Memory> {
    let Benchmark { shape, seed, spec, .. } = benchmark;
    command.args(["bench-child", "--backend", &flags.backend]);
    if let Some(isa) = &flags.isa {
        command.args(["--isa", isa]);
    }
    if let Some(threads) = flags.threads {
        command.args(["--threads", &threads.to_string()]);
    }
    for (flag, value) in [("--batch", shape.rows), ("--dim", shape.width), ("--classes", shape.classes())] {
        command.args([flag, &value.to_string()]);
    }
    command.args(["--seed", &seed.to_string(), "--margin", &spec.objective.margin.to_string()]);
    command.args(["--rule", spec.objective.rule.name(), "--distance", spec.objective.distance.name()]);
    command.args(["--reduction", spec.reduction.name()]);
    command.args((benchmark.element == ElementType::F64).then_some("--double"));
    command.args((!benchmark.gradient).then_some("--no-gradient"));
    let output = command.output().context("its process cannot be started")?;
    let message = String::from_utf8_lossy(&output.stderr);
    let last = message.lines().last().unwrap_or("it printed nothing");
    ensure!(output.status.success(), "its process failed ({}): {last}", output.status);
    let memory: Memory = serde_json::from_slice(&output.stdout).context("its process printed no figures")?;
    ensure!(memory.peak_rss_mb.is_some(), "this system does not tell a process's peak memory");
    Ok(memory)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn a_failing_process_says_why() {
        let flags = BackendArgs { backend: "simd".into(), isa: None, threads: Some(1) };
        let benchmark = &triplet_benchmarks::built_in().unwrap()[0];
        let message = |script: &str| {
            let mut command = Command::new("sh");
            command.args(["-c", script]);
            format!("{:#}", measure_with(command, &flags, benchmark).unwrap_err())
        };
        assert!(message("echo error: no memory >&2; exit 2").contains("no memory"));
        assert!(message("kill -9 $$").contains('9'));
        assert!(message("echo nonsense").contains("no figures"));
        assert!(message(r#"echo '{"base_rss_mb":null,"peak_rss_mb":null}'"#).contains("does not tell"));
        let missing = measure_with(Command::new("no-such-program"), &flags, benchmark).unwrap_err();
        assert!(format!("{missing:#}").contains("cannot be started"));
    }
}
