//! One call of the library in the program `workload`: its seconds, its instructions, its bits.

use anyhow::{Context, Result, ensure};
use std::{fmt, path::Path, process::Command};

/// A call, in the words that `workload` takes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Call {
    /// Instruction set, rule and distance.
    pub(crate) kind: [&'static str; 3],
    /// Rows of the batch, and of each class.
    pub(crate) rows: [u32; 2],
    /// Whether the gradient is computed too.
    pub(crate) gradient: bool,
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [isa, rule, distance] = self.kind;
        let [rows, per_class] = self.rows;
        let part = if self.gradient { "gradient" } else { "loss" };
        write!(f, "{isa} {rule} {distance} {rows} {per_class} {part}")
    }
}

/// What `workload` printed.
pub(crate) struct Answer {
    /// The least seconds of a call.
    pub(crate) seconds: f64,
    /// Digest of loss and gradient.
    pub(crate) digest: String,
}

impl Call {
    fn arguments(&self, calls: u32) -> Vec<String> {
        format!("{self} {calls}").split(' ').map(str::to_owned).collect()
    }

    /// Runs it so many times in a process of its own.
    pub(crate) fn time(&self, program: &Path, calls: u32) -> Result<Answer> {
        let output = Command::new(program).args(self.arguments(calls)).output()?;
        ensure!(output.status.success(), "{self}: {}", String::from_utf8_lossy(&output.stderr));
        read(&String::from_utf8(output.stdout)?)
    }

    /// Counts the instructions of one call with callgrind. The batch, the engine and a first
    /// call that allocates are not counted.
    pub(crate) fn instructions(&self, program: &Path) -> Result<u64> {
        let output = Command::new("valgrind")
            .args([
                "--tool=callgrind",
                "--callgrind-out-file=/dev/null",
                "--toggle-collect=*workload::counted*",
            ])
            .arg(program)
            .args(self.arguments(1))
            .output()
            .context("cannot run valgrind")?;
        let text = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{self} under callgrind: {text}");
        let collected = text.lines().find_map(|line| line.split_once("Collected : ")).map(|(_, count)| count);
        let count = collected.and_then(|count| count.trim().parse().ok()).filter(|&count| count > 0);
        count.with_context(|| format!("{self}: callgrind counted nothing: {text}"))
    }
}

fn read(text: &str) -> Result<Answer> {
    let (mut seconds, mut digest) = (f64::INFINITY, None);
    for line in text.lines() {
        match line.parse::<f64>() {
            Ok(value) => seconds = seconds.min(value),
            Err(_) => digest = line.split(' ').next().map(str::to_owned),
        }
    }
    Ok(Answer { seconds, digest: digest.context("workload printed no digest")? })
}

/// Whether valgrind can be run, and which it is.
pub(crate) fn valgrind() -> Option<String> {
    let output = Command::new("valgrind").arg("--version").output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
