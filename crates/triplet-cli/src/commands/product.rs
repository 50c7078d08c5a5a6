//! The yardstick: what the best BLAS needs for `E E'` alone, asked of a Python that has
//! torch or NumPy.

use super::shape::Shape;
use anyhow::{Context, Result, ensure};
use std::{
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

/// A Python process that waits to be asked.
pub(crate) struct Product {
    child: Child,
    ask: ChildStdin,
    answers: BufReader<ChildStdout>,
    /// Library and version.
    pub(crate) library: String,
}

impl Product {
    /// Starts the interpreter.
    pub(crate) fn start(python: &Path, threads: usize) -> Result<Self> {
        let context = || format!("cannot run {}", python.display());
        let mut command = Command::new(python);
        command.args(["-c", include_str!("product.py")]).stdin(Stdio::piped()).stdout(Stdio::piped());
        // NumPy's BLAS takes its threads from here; idle threads must not spin while
        // the others are timed.
        command.env("OPENBLAS_NUM_THREADS", threads.to_string()).env("KMP_BLOCKTIME", "0");
        let mut child = command.spawn().with_context(context)?;
        let ask = child.stdin.take().with_context(context)?;
        let answers = BufReader::new(child.stdout.take().with_context(context)?);
        let mut product = Self { child, ask, answers, library: String::new() };
        product.library = product.line().with_context(context)?;
        Ok(product)
    }

    /// The least time of some calls, in milliseconds.
    pub(crate) fn ms(&mut self, shape: Shape, threads: usize, calls: usize) -> Result<f64> {
        writeln!(self.ask, "{} {} {threads} {calls}", shape.rows, shape.width)?;
        self.ask.flush()?;
        Ok(self.line()?.parse::<f64>()? * 1e3)
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        self.answers.read_line(&mut line)?;
        ensure!(!line.is_empty(), "it ended: does it have torch or numpy?");
        Ok(line.trim().to_owned())
    }
}

impl Drop for Product {
    fn drop(&mut self) {
        // It waits for a line that will not come; nothing is lost by ending it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
