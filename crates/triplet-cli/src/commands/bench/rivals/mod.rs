//! Engines that are not ours: a Python process that takes a request a line, and replies with a line.

mod package;

use super::{environment::Start, progress::Progress, row::Kind};
use anyhow::{Context, Result, bail, ensure};
use package::Package;
use serde::Deserialize;
use std::{
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};
use triplet_benchmarks::Shape;

/// A Python process; see `triplet_bench/protocol.py`.
pub(super) struct Rivals {
    child: Child,
    requests: ChildStdin,
    replies: BufReader<ChildStdout>,
    /// Libraries and versions.
    pub(super) libraries: Vec<String>,
    /// The engines that it can run.
    pub(super) available: Vec<Rival>,
}

/// An engine that a Python can run.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Rival {
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

/// The first line of a process: what it can run, or why it cannot.
#[derive(Deserialize)]
struct Capabilities {
    #[serde(default)]
    libraries: Vec<String>,
    #[serde(default)]
    rivals: Vec<Rival>,
    error: Option<String>,
}

/// The reply to a request.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Timing {
    /// Times of the calls, in milliseconds.
    #[serde(default)]
    pub(super) ms: Vec<f64>,
    /// Of training steps: forward, loss, backward and optimiser of each.
    #[serde(default)]
    pub(super) parts: Vec<[f64; 4]>,
    /// The loss, where one was computed.
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
        let requests = child.stdin.take().with_context(context)?;
        let replies = BufReader::new(child.stdout.take().with_context(context)?);
        let mut rivals = Self { child, requests, replies, libraries: Vec::new(), available: Vec::new() };
        let first: Capabilities = rivals.reply().with_context(context)?;
        // Everything is imported: an interrupted run leaves no folder behind.
        drop(package);
        if let Some(error) = first.error {
            bail!("{} cannot measure: {error}", python.display());
        }
        (rivals.libraries, rivals.available) = (first.libraries, first.rivals);
        ensure!(!rivals.available.is_empty(), "{} has nothing to compare with", python.display());
        Ok(rivals)
    }

    /// Makes a batch, which the caller has written to a file, the one that is timed from now on.
    pub(super) fn load(&mut self, file: &Path, shape: Shape) -> Result<()> {
        let timing = self.request(&format!("load\t{}\t{}\t{}", file.display(), shape.rows, shape.width))?;
        ensure!(timing.left_out.is_none(), "reading the batch: {}", timing.left_out.unwrap_or_default());
        Ok(())
    }

    /// Times some calls.
    pub(super) fn time(&mut self, name: &str, calls: usize) -> Result<Timing> {
        self.request(&format!("time\t{name}\t{calls}")).with_context(|| format!("timing {name}"))
    }

    fn request(&mut self, line: &str) -> Result<Timing> {
        let sent = writeln!(self.requests, "{line}").and_then(|()| self.requests.flush());
        if sent.is_err() {
            bail!(self.ended());
        }
        self.reply()
    }

    fn reply<T: for<'a> Deserialize<'a>>(&mut self) -> Result<T> {
        let mut line = String::new();
        self.replies.read_line(&mut line)?;
        if line.is_empty() {
            bail!(self.ended());
        }
        serde_json::from_str(&line).context("its reply cannot be read")
    }

    /// Why there are no more replies.
    fn ended(&mut self) -> String {
        match self.child.wait() {
            Ok(status) => {
                format!(
                    "the process ended ({status}): does it have numpy, and the libraries that the flags need?"
                )
            }
            Err(error) => format!("the process ended: {error}"),
        }
    }
}

impl Drop for Rivals {
    fn drop(&mut self) {
        // It is blocked reading its input, and holds nothing that must be written.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
