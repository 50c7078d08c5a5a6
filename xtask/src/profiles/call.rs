//! One call of the library in the program `workload`: its seconds, its instructions, its bits.

use anyhow::{Context, Result, ensure};
use std::{path::Path, process::Command};
use triplet_benches::COUNTED_FUNCTION;

/// What `workload` printed.
pub(crate) struct Answer {
    /// The least seconds of a call.
    pub(crate) seconds: f64,
    /// Digest of loss and gradient.
    pub(crate) digest: String,
}

/// Makes a call so many times in a process of its own.
pub(crate) fn time(call: &str, program: &Path, calls: u32) -> Result<Answer> {
    let output = Command::new(program).args(call.split(' ')).arg(calls.to_string()).output()?;
    ensure!(output.status.success(), "{call}: {}", String::from_utf8_lossy(&output.stderr));
    read(&String::from_utf8(output.stdout)?)
}

/// Counts the instructions of one call with callgrind. The batch, the engine and a first
/// call that allocates are not counted.
pub(crate) fn instructions(call: &str, program: &Path) -> Result<u64> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(format!("--toggle-collect={COUNTED_FUNCTION}"))
        .arg(program)
        .args(call.split(' '))
        .arg("1")
        .output()
        .context("cannot run valgrind")?;
    let text = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{call} under callgrind: {text}");
    let collected = text.lines().find_map(|line| line.split_once("Collected : ")).map(|(_, count)| count);
    let count = collected.and_then(|count| count.trim().parse().ok()).filter(|&count| count > 0);
    count.with_context(|| format!("{call}: callgrind counted nothing: {text}"))
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
