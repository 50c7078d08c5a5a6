//! Others to compare with: a Python that is asked line by line.

use super::{row::Kind, shape::Shape};
use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use std::{
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

/// A Python process that waits to be asked; see `rivals.py`.
pub(super) struct Rivals {
    child: Child,
    ask: ChildStdin,
    answers: BufReader<ChildStdout>,
    /// Libraries and versions.
    pub(super) library: String,
    /// What it can run.
    pub(super) able: Vec<Able>,
}

/// One of those that a Python can run.
#[derive(Clone, Deserialize)]
pub(super) struct Able {
    pub(super) name: String,
    pub(super) kind: Kind,
    /// The distance of its loss, by our name, if the rule is ours.
    pub(super) distance: Option<String>,
}

#[derive(Deserialize)]
struct Hello {
    library: String,
    rivals: Vec<Able>,
}

/// What one question gave.
#[derive(Deserialize)]
pub(super) struct Timing {
    /// Times of the calls, in milliseconds.
    #[serde(default)]
    pub(super) ms: Vec<f64>,
    /// The loss, of those that have one.
    pub(super) value: Option<f64>,
    /// Why there are no times.
    pub(super) left_out: Option<String>,
}

impl Rivals {
    /// Starts the interpreter; `groups` are those of the script.
    pub(super) fn start(python: &Path, groups: &str, threads: usize) -> Result<Self> {
        let context = || format!("cannot run {}", python.display());
        let mut command = Command::new(python);
        let count = threads.to_string();
        command.args(["-c", include_str!("rivals.py"), groups, &count]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        // Idle threads must not spin while the others are timed.
        command.env("OPENBLAS_NUM_THREADS", &count).env("OMP_NUM_THREADS", &count).env("KMP_BLOCKTIME", "0");
        if groups == "tfa" {
            command.stderr(Stdio::null());
        }
        let mut child = command.spawn().with_context(context)?;
        let ask = child.stdin.take().with_context(context)?;
        let answers = BufReader::new(child.stdout.take().with_context(context)?);
        let mut rivals = Self { child, ask, answers, library: String::new(), able: Vec::new() };
        let hello: Hello = rivals.answer().with_context(context)?;
        (rivals.library, rivals.able) = (hello.library, hello.rivals);
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
        self.ask(&format!("time\t{name}\t{calls}"))
    }

    fn ask(&mut self, question: &str) -> Result<Timing> {
        writeln!(self.ask, "{question}")?;
        self.ask.flush()?;
        self.answer()
    }

    fn answer<T: for<'a> Deserialize<'a>>(&mut self) -> Result<T> {
        let mut line = String::new();
        self.answers.read_line(&mut line)?;
        ensure!(!line.is_empty(), "the process ended: does it have numpy, and torch or tensorflow-addons?");
        Ok(serde_json::from_str(&line)?)
    }
}

impl Drop for Rivals {
    fn drop(&mut self) {
        // It waits for a line that will not come; nothing is lost by ending it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
