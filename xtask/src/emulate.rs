//! `cargo xtask emulate`: the cross-check on CPUs of other years.
//!
//! QEMU stops a program that uses an instruction its CPU model lacks, so this finds
//! kernels that leak into older machines, and shows that all of them answer alike.

use crate::cross_check::{covered, digest_of};
use anyhow::{Context, Result, ensure};
use std::{env, process::Command};
use triplet_api::Isa;

/// Which batches.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Number of batches on each CPU; emulation is some fifty times slower.
    #[arg(long, default_value_t = 60)]
    batches: u64,
}

/// CPU models, and the instruction set that must be the best found there. QEMU cannot
/// run AVX-512.
const CPUS: [(&str, Isa); 3] =
    [("Nehalem", Isa::Portable), ("SandyBridge", Isa::Portable), ("Haswell", Isa::Avx2)];

const EMULATORS: [&str; 2] = ["qemu-x86_64-static", "qemu-x86_64"];

pub(crate) fn run(args: &Args) -> Result<()> {
    ensure!(cfg!(target_arch = "x86_64"), "this command emulates older x86-64 CPUs, on x86-64");
    let emulator = EMULATORS.into_iter().find(|name| Command::new(name).arg("--version").output().is_ok());
    let emulator = emulator.context("no qemu-x86_64 found: install Debian's package qemu-user-static")?;
    let check = |mut command: Command, name: &str| -> Result<String> {
        let output = command.args(["cross-check", "--batches", &args.batches.to_string()]).output()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let errors = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "the cross-check on {name} ended with {}: {errors}", output.status);
        Ok(text)
    };
    let this = env::current_exe()?;
    let here = check(Command::new(&this), "this CPU")?;
    println!("this CPU: {}", covered(&here));
    for (cpu, best) in CPUS {
        let mut command = Command::new(emulator);
        command.args(["-cpu", cpu]).arg(&this);
        let there = check(command, cpu)?;
        println!("{cpu}: {}", covered(&there));
        let best = best.name();
        let last = covered(&there).rsplit(", ").next() == Some(&format!("simd {best}"));
        ensure!(last, "the best of {cpu} is {best}, but other kernels ran");
        ensure!(
            digest_of(&here).is_some() && digest_of(&here) == digest_of(&there),
            "{cpu} answers with other bits than this CPU"
        );
    }
    println!("{}: the same on all of them", digest_of(&here).unwrap_or_default());
    Ok(())
}
