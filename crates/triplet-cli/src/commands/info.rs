//! `triplet info`: what this machine can run.

use crate::{
    options::{cores, default_threads},
    output,
};
use anyhow::Result;
use clap::Args;
use serde_json::json;
use triplet_api::{Backend, BackendOptions, Isa};

const EXAMPLES: &str = "\
Examples:
  triplet info
  triplet info --json
  TRIPLET_NUM_THREADS=1 triplet info   what would run with that in the environment";

/// Flags of `triplet info`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct InfoArgs {
    /// Print one line of JSON.
    #[arg(long)]
    json: bool,
}

fn description(backend: Backend) -> &'static str {
    match backend {
        Backend::Auto => "par with more than one thread, else simd",
        Backend::Scalar => "the reference: slow, and what the others are held to",
        Backend::Gram => "a materialised B x B matrix by matrixmultiply, for comparison",
        Backend::Simd => "fused tiles on the calling thread",
        Backend::Par => "fused tiles on all threads",
        Backend::OpenMp => "fused tiles on PyTorch's threads, in a process that runs it; else as par",
    }
}

pub(crate) fn run(args: &InfoArgs) -> Result<()> {
    let options = BackendOptions { threads: default_threads()?, ..BackendOptions::default() };
    let executed = options.resolve()?;
    let cores = cores();
    let states: Vec<(Isa, String)> = Isa::ALL.into_iter().map(|isa| (isa, state(isa))).collect();
    if args.json {
        let isas: serde_json::Map<_, _> =
            states.iter().map(|(i, s)| (i.name().to_owned(), json!(s))).collect();
        output::line(json!({
            "cpu": cpu_name(),
            "cores": cores,
            "isa": executed.isa,
            "isas": isas,
            "backend": executed.backend,
            "threads": executed.threads,
            "backends": Backend::ALL.map(Backend::name),
            "version": env!("CARGO_PKG_VERSION"),
        }));
        return Ok(());
    }
    output::line(format_args!("triplet {}", env!("CARGO_PKG_VERSION")));
    output::line(format_args!("cpu       {}, {cores} cores", cpu_name()));
    output::line(format_args!("chosen    {executed}"));
    output::line("instruction sets");
    for (isa, state) in states {
        output::line(format_args!("  {:<10} {state}", isa.name()));
    }
    output::line("backends");
    for backend in Backend::ALL {
        output::line(format_args!("  {:<10} {}", backend.name(), description(backend)));
    }
    Ok(())
}

/// Whether an instruction set can be used: choosing it runs the known-answer check.
fn state(isa: Isa) -> String {
    let options = BackendOptions { backend: Backend::Simd, isa: Some(isa), threads: Some(1) };
    match options.resolve() {
        Ok(_) => "ready: fused multiply-add gives its known answers".to_owned(),
        Err(error) => format!("not usable: {error}"),
    }
}

/// The CPU's name for people, or the architecture.
pub(crate) fn cpu_name() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| line.strip_prefix("model name"));
    let name = model.and_then(|rest| rest.split_once(':')).map(|(_, name)| name.trim().to_owned());
    name.unwrap_or_else(|| std::env::consts::ARCH.to_owned())
}
