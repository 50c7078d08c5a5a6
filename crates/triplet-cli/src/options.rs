//! Flags that several commands share.

use anyhow::{Result, bail};
use clap::Args;
use triplet_api::{BackendOptions, Distance, Objective, Rule};

/// The environment's default for `--threads`; the Python package reads it too.
const THREADS_VARIABLE: &str = "TRIPLET_NUM_THREADS";

/// Cores that this process may use.
pub(crate) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Threads to use unless a flag says otherwise; `None` for one a core.
pub(crate) fn default_threads() -> Result<Option<usize>> {
    let Some(text) = std::env::var_os(THREADS_VARIABLE).filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    let number = text.to_str().and_then(|text| text.trim().parse().ok()).filter(|&number| number > 0_usize);
    let Some(number) = number else {
        bail!("{THREADS_VARIABLE} is {text:?}: expected a number of threads, at least 1");
    };
    Ok(Some(number))
}

/// What `--isa` is for, with every name there is.
pub(crate) fn isa_help(what: &str) -> String {
    format!(
        "{what}: {}. Default: the fastest this CPU has",
        triplet_api::Isa::ALL.map(triplet_api::Isa::name).join(", ")
    )
}

/// What computes.
#[derive(Debug, Clone, Args)]
pub(crate) struct BackendArgs {
    /// Engine: auto, scalar (the reference), gram (materialised matrix, for comparison), openmp (PyTorch's
    /// threads in a process that runs it, as par here),
    /// simd (this thread) or par (all threads). All but gram give the same bits.
    #[arg(long, value_name = "NAME", default_value = "auto")]
    pub(crate) backend: String,
    #[arg(long, value_name = "NAME", help = isa_help("Instruction set"))]
    pub(crate) isa: Option<String>,
    /// Threads. Default: the environment's `TRIPLET_NUM_THREADS`, or one a core.
    #[arg(long, value_name = "N")]
    pub(crate) threads: Option<usize>,
}

impl BackendArgs {
    /// The engine's options, with the names checked.
    pub(crate) fn options(&self) -> Result<BackendOptions> {
        let isa = self.isa.as_deref().map(str::parse).transpose()?;
        let threads = self.threads.map_or_else(default_threads, |threads| Ok(Some(threads)))?;
        let options = BackendOptions { backend: self.backend.parse()?, isa, threads };
        // Fails here, before any file is read or written, if this machine lacks what was chosen.
        options.resolve()?;
        Ok(options)
    }
}

/// What is asked of a batch.
#[derive(Debug, Clone, Args)]
pub(crate) struct ObjectiveArgs {
    /// Margin of the hinge, in units of the distance.
    #[arg(long, default_value_t = 1.0, allow_negative_numbers = true)]
    pub(crate) margin: f64,
    /// Distance: squared-l2 (TFA up to 0.9), l2 (TFA's default from 0.11 on) or angular.
    #[arg(long, value_name = "NAME", default_value = "squared-l2")]
    pub(crate) distance: String,
    /// Rule: semi-hard (as TFA's code does), semi-hard-literal (as its page says),
    /// hard or hard-soft (TripletHardLoss).
    #[arg(long, value_name = "NAME", default_value = "semi-hard")]
    pub(crate) rule: String,
}

impl ObjectiveArgs {
    /// The objective, with the names checked.
    pub(crate) fn objective(&self) -> Result<Objective> {
        let distance: Distance = self.distance.parse()?;
        let rule: Rule = self.rule.parse()?;
        if !self.margin.is_finite() {
            return Err(triplet_api::CoreError::Margin { value: self.margin }.into());
        }
        Ok(Objective { distance, rule, margin: self.margin })
    }
}
