//! Others to compare with: a Python that is asked line by line.

mod package;

use super::{environment::Start, progress::Progress, row::Kind, shape::Shape};
use anyhow::{Context, Result, bail, ensure};
use package::Package;
use serde::Deserialize;
use std::{
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

/// A Python process that waits to be asked; see `triplet_bench/protocol.py`.
pub(super) struct Rivals {
    child: Child,
    ask: ChildStdin,
    answers: BufReader<ChildStdout>,
    /// Libraries and versions.
    pub(super) libraries: Vec<String>,
    /// What it can run.
    pub(super) able: Vec<Able>,
}

/// One of those that a Python can run.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Able {
    pub(super) name: String,
    pub(super) kind: Kind,
    /// The distance of its loss, by our name, if the rule is ours.
    pub(super) distance: Option<String>,
    /// Writes all `B x B` entries of the product in f32.
    #[serde(default)]
    pub(super) complete: bool,
    /// Library and kernels of a product.
    pub(super) kernels: Option<String>,
    /// Compiles anew for every shape.
    #[serde(default)]
    pub(super) compiles: bool,
}

#[derive(Deserialize)]
struct Hello {
    #[serde(default)]
    libraries: Vec<String>,
    #[serde(default)]
    rivals: Vec<Able>,
    error: Option<String>,
}

/// What one question gave.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Timing {
    /// Times of the calls, in milliseconds.
    #[serde(default)]
    pub(super) ms: Vec<f64>,
    /// Of training steps: forward, loss, backward and optimiser of each.
    #[serde(default)]
    pub(super) parts: Vec<[f64; 4]>,
    /// The loss, of those that have one.
    pub(super) value: Option<f64>,
    /// What the loss of a training step should be.
    pub(super) expected: Option<f64>,
    /// Why there are no times.
    pub(super) left_out: Option<String>,
}

impl Timing {
    /// The least of the calls.
    pub(super) fn least(&self) -> Option<f64> {
        self.ms.iter().copied().reduce(f64::min)
    }
}

impl Rivals {
    /// Starts the interpreter; `groups` are those of the protocol.
    pub(super) fn start(python: &Path, groups: &str, start: Start, progress: &Progress) -> Result<Self> {
        let context = || format!("cannot run {}", python.display());
        let package = Package::write().context("writing what Python runs")?;
        let mut command = Command::new(python);
        command.arg("-c").arg(package.bootstrap()).args([groups, &start.threads.to_string()]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        start.apply(&mut command);
        if groups == "tfa" {
            command.stderr(Stdio::null());
        }
        let mut child = command.spawn().with_context(context)?;
        progress.starting(&format!("{} on {} thread(s)", python.display(), start.threads));
        let ask = child.stdin.take().with_context(context)?;
        let answers = BufReader::new(child.stdout.take().with_context(context)?);
        let mut rivals = Self { child, ask, answers, libraries: Vec::new(), able: Vec::new() };
        let hello: Hello = rivals.answer().with_context(context)?;
        // Everything is imported: an interrupted run leaves no folder behind.
        drop(package);
        if let Some(error) = hello.error {
            bail!("{} cannot measure: {error}", python.display());
        }
        (rivals.libraries, rivals.able) = (hello.libraries, hello.rivals);
        ensure!(!rivals.able.is_empty(), "{} has nothing to compare with", python.display());
        Ok(rivals)
    }

    /// Makes a batch, written to a file by the caller, the one at work.
    pub(super) fn load(&mut self, file: &Path, shape: Shape) -> Result<()> {
        let timing = self.ask(&format!("load\t{}\t{}\t{}", file.display(), shape.rows, shape.width))?;
        ensure!(timing.left_out.is_none(), "reading the batch: {}", timing.left_out.unwrap_or_default());
        Ok(())
    }

    /// Times some calls.
    pub(super) fn time(&mut self, name: &str, calls: usize) -> Result<Timing> {
        self.ask(&format!("time\t{name}\t{calls}")).with_context(|| format!("timing {name}"))
    }

    fn ask(&mut self, question: &str) -> Result<Timing> {
        let sent = writeln!(self.ask, "{question}").and_then(|()| self.ask.flush());
        if sent.is_err() {
            bail!(self.ended());
        }
        self.answer()
    }

    fn answer<T: for<'a> Deserialize<'a>>(&mut self) -> Result<T> {
        let mut line = String::new();
        self.answers.read_line(&mut line)?;
        if line.is_empty() {
            bail!(self.ended());
        }
        serde_json::from_str(&line).context("its answer cannot be read")
    }

    /// Why nobody answers any more.
    fn ended(&mut self) -> String {
        match self.child.wait() {
            Ok(status) => {
                format!("the process ended ({status}): does it have numpy, and what it is asked for?")
            }
            Err(error) => format!("the process ended: {error}"),
        }
    }
}

impl Drop for Rivals {
    fn drop(&mut self) {
        // It waits for a line that will not come; nothing is lost by ending it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
