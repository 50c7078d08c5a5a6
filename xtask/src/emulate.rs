//! `cargo xtask emulate`: the cross-check on CPUs of other years.
//!
//! QEMU stops a program that uses an instruction its CPU model lacks, so this finds
//! kernels that leak into older machines, and shows that all of them answer alike.

use crate::cross_check::DIGEST;
use anyhow::{Context, Result, ensure};
use std::{env, process::Command};

/// Which batches.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Number of batches on each CPU; emulation is some fifty times slower.
    #[arg(long, default_value_t = 60)]
    batches: u64,
}

/// CPU models, and the instruction set that must be the best found there. QEMU cannot
/// run AVX-512.
const CPUS: [(&str, &str); 3] = [("Nehalem", "portable"), ("SandyBridge", "portable"), ("Haswell", "avx2")];

const EMULATORS: [&str; 2] = ["qemu-x86_64-static", "qemu-x86_64"];

pub(crate) fn run(args: &Args) -> Result<()> {
    let emulator = EMULATORS.into_iter().find(|name| Command::new(name).arg("--version").output().is_ok());
    let emulator = emulator.context("no qemu-x86_64 found: install Debian's package qemu-user-static")?;
    let check = |mut command: Command, name: &str| -> Result<String> {
        let output = command.args(["cross-check", "--batches", &args.batches.to_string()]).output()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let errors = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "the cross-check on {name} ended with {}: {errors}", output.status);
        Ok(text)
    };
    let digest = |text: &str| text.lines().find(|line| line.starts_with(DIGEST)).map(str::to_owned);
    let this = env::current_exe()?;
    let here = check(Command::new(&this), "this CPU")?;
    println!("this CPU: {}", covered(&here));
    for (cpu, best) in CPUS {
        let mut command = Command::new(emulator);
        command.args(["-cpu", cpu]).arg(&this);
        let there = check(command, cpu)?;
        println!("{cpu}: {}", covered(&there));
        ensure!(
            covered(&there).contains(&format!("simd {best}")),
            "{cpu} has {best}, but its kernels did not run"
        );
        ensure!(digest(&here) == digest(&there), "{cpu} answers with other bits than this CPU");
    }
    println!("{}: the same on all of them", digest(&here).unwrap_or_default().trim());
    Ok(())
}

/// The single-threaded engines that ran.
fn covered(text: &str) -> String {
    let engines =
        text.lines().find_map(|line| line.split_once("engines, in f32 and f64: ")).map(|(_, list)| list);
    let simd = engines.unwrap_or_default().split(", ").filter(|name| name.starts_with("simd"));
    simd.collect::<Vec<_>>().join(", ")
}
