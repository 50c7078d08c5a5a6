//! `cargo xtask aarch64`: the tests and the cross-check on 64-bit ARM, under QEMU.

mod compiler;
mod debian;
mod instructions;
mod tools;

pub(crate) use instructions::{Repeat, repeat};

use crate::cross_check::{covered, digest_of};
use anyhow::{Context, Result, ensure};
use compiler::Compiler;
use std::{
    env,
    process::Command,
    time::{Duration, Instant},
};
use tools::Emulator;
use triplet_api::Isa;

const TARGET: &str = "aarch64-unknown-linux-gnu";

/// Crates whose tests run there: those that compute.
const CRATES: [&str; 4] = ["triplet-core", "triplet-simd", "triplet-par", "triplet-api"];

/// Tests that take minutes under QEMU: many batches through every engine. The cross-check does
/// the same with fewer.
const LONG: [&str; 3] =
    ["every_exact_backend_gives_the_same_bits", "long_batches_agree", "all_backends_agree_to_the_last_bit"];

const HELP: &str = "\
What it needs, on Linux on x86-64 (Debian's and Ubuntu's names):
  apt-get install --no-install-recommends gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user
  rustup target add aarch64-unknown-linux-gnu
Where rustup cannot, on Debian, nothing: a compiler that has the target is downloaded from
the distribution (130 MB) and unpacked under target/aarch64/toolchain (560 MB), once.
Nothing of it is installed, and no other build uses it.

What it does: builds the crates that compute for ARM, runs their tests under qemu-aarch64,
then the cross-check, whose digest must be the same as on this CPU. Times under QEMU mean nothing;
bits do, and so do counts of instructions.

Examples:
  cargo xtask aarch64
  cargo xtask aarch64 --all             with the tests that take minutes there
  cargo xtask aarch64 --batches 300     a longer cross-check
  cargo xtask aarch64 --instructions    instructions a distance, NEON against portable";

/// What to run.
#[derive(clap::Args)]
#[command(after_help = HELP)]
pub(crate) struct Args {
    /// Number of batches of the cross-check.
    #[arg(long, default_value_t = 60)]
    batches: u64,
    /// Leave no test out.
    #[arg(long)]
    all: bool,
    /// Count the instructions of a call instead of testing; also needs a C compiler.
    #[arg(long)]
    instructions: bool,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let start = Instant::now();
    let emulator = Emulator::find()?;
    let compiler = Compiler::ready()?;
    println!("64-bit ARM: {emulator}; {compiler}");
    if args.instructions {
        return instructions::print(&emulator, &compiler);
    }
    tests(&emulator, &compiler, args.all)?;
    cross_check(&emulator, &compiler, args.batches)?;
    println!("all of it in {:.0} s", start.elapsed().as_secs_f64());
    Ok(())
}

/// Runs the crates' unit and integration tests. Documentation tests would each be linked and
/// emulated alone: they run on this CPU only.
fn tests(emulator: &Emulator, compiler: &Compiler, all: bool) -> Result<()> {
    let skipped = if all { &[][..] } else { &LONG };
    let mut build = compiler.cargo(emulator);
    build.args(["test", "--no-run", "--lib", "--tests"]).args(CRATES.iter().flat_map(|name| ["-p", name]));
    let building = timed(|| tools::done(&mut build))?;
    let mut total = 0;
    let running = timed(|| {
        for name in CRATES {
            let mut command = compiler.cargo(emulator);
            command.args(["test", "--lib", "--tests", "-p", name, "--", "--nocapture"]);
            command.args(skipped.iter().flat_map(|test| ["--skip", test]));
            let output = command.output().with_context(|| format!("starting the tests of {name}"))?;
            let text = String::from_utf8_lossy(&output.stdout);
            let errors = String::from_utf8_lossy(&output.stderr);
            ensure!(output.status.success(), "the tests of {name} failed on ARM:\n{text}\n{errors}");
            let passed = passed(&text);
            ensure!(passed > 0, "{name} ran no test on ARM:\n{text}");
            println!("{name}: {passed} tests passed");
            let lines = text.lines().filter(|line| line.contains("NOT covered"));
            lines.for_each(|line| println!("  {line}"));
            total += passed;
        }
        Ok(())
    })?;
    if !skipped.is_empty() {
        println!("left out, for they take minutes (--all runs them): {}", skipped.join(", "));
    }
    println!(
        "{total} tests on 64-bit ARM (built in {:.0} s, run in {:.0} s)",
        building.as_secs_f64(),
        running.as_secs_f64()
    );
    Ok(())
}

/// The sum over the summaries that every test program ends with.
fn passed(text: &str) -> u64 {
    let summaries = text.lines().filter_map(|line| line.split_once("test result: ok. "));
    let counts = summaries.filter_map(|(_, rest)| rest.split_once(" passed"));
    counts.filter_map(|(count, _)| count.parse::<u64>().ok()).sum()
}

/// Compares the digest of all answers with the one of the same build on this CPU.
fn cross_check(emulator: &Emulator, compiler: &Compiler, batches: u64) -> Result<()> {
    let program = compiler.xtask(emulator, "dev")?;
    let answers = |mut command: Command| -> Result<String> {
        let output = command.args(["cross-check", "--batches", &batches.to_string()]).output()?;
        let errors = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "the cross-check ended with {}: {errors}", output.status);
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let here = answers(Command::new(env::current_exe()?)).context("on this CPU")?;
    let mut there = String::new();
    let running = timed(|| {
        there = answers(emulator.command(&program)).context("on 64-bit ARM")?;
        Ok(())
    })?;
    println!("cross-check of {batches} batches in {:.0} s", running.as_secs_f64());
    println!("  here: {}", covered(&here));
    println!("  ARM:  {}", covered(&there));
    let neon = format!("simd {}", Isa::Neon.name());
    ensure!(covered(&there).split(", ").any(|name| name == neon), "the NEON kernels did not run");
    let (here, there) = (digest_of(&here), digest_of(&there));
    ensure!(here.is_some() && here == there, "other bits on ARM: {there:?} instead of {here:?}");
    println!("{}: the same on both", here.unwrap_or_default());
    Ok(())
}

fn timed(work: impl FnOnce() -> Result<()>) -> Result<Duration> {
    let start = Instant::now();
    work().map(|()| start.elapsed())
}

#[cfg(test)]
mod tests {
    #[test]
    fn summaries_are_added_up_and_failures_are_not() {
        let text = "test result: ok. 7 passed; 0 failed; 0 ignored\n\
            noise test result: ok. 12 passed; 0 failed\n\
            test result: FAILED. 3 passed; 1 failed";
        assert_eq!(super::passed(text), 19);
    }
}
