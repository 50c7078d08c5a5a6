//! The project's own commands. `cargo xtask --help` lists them.
#![forbid(unsafe_code)]

mod aarch64;
mod cargo;
mod cross_check;
mod digests;
mod emulate;
mod fuzz;
mod golden;
mod gram_bound;
mod instructions;
mod loom;
mod mpi;
mod mutants;
mod oracle;
mod profiles;
mod python;
mod ranks;
mod sanitize;
mod scaling;
mod soak;
mod supply;
mod sweep;
mod test;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// Commands for working on triplet.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Everything CI runs: format, lints, all tests, doc tests, a cross-check of 2,000
    /// batches, and the Python package with every framework, in an environment that is made
    /// under target/python (some 8 GB) and kept.
    Test(test::Args),
    /// Runs random and adversarial batches through every backend, instruction set and
    /// thread count, and compares loss, triplets and gradient: zero bits may differ.
    CrossCheck(cross_check::Args),
    /// Compares the answers to recorded batches with their digests in testdata/digests, or
    /// writes those anew.
    Digests(digests::Args),
    /// Runs the cross-check on older CPUs under QEMU, with and without AVX2 and FMA: the
    /// bits must be the same, and no newer instruction may be used.
    Emulate(emulate::Args),
    /// Builds for 64-bit ARM and runs the libraries' tests and the cross-check there, under
    /// QEMU: the bits must be the same as on this CPU. With --instructions, counts those of a
    /// distance.
    Aarch64(aarch64::Args),
    /// Computes one batch so many times: what `aarch64 --instructions` counts.
    #[command(hide = true)]
    Repeat(aarch64::Repeat),
    /// Times odd shapes and looks for cliffs: no point may take more than 1.6 times what
    /// its neighbours predict, nor tight clusters longer than random rows, nor values chosen to be slow more
    /// than three times as long per triplet.
    Sweep(sweep::Args),
    /// Measures how calls scale: on the threads there are, and for more cores than there are by a model of
    /// measured pieces, whose assumptions are printed. Build it with `--release`.
    Scaling(scaling::Args),
    Fuzz(fuzz::Args),
    /// Runs the kernels' tests and the cross-check with the compiler's address sanitizer, on the stable toolchain: it
    /// reports every read and write outside of an allocation. Builds into target/sanitize; needs Linux or macOS.
    ///
    /// `cargo xtask sanitize tests::tile` runs only the tests whose names hold `tests::tile`.
    Sanitize(sanitize::Args),
    /// Checks what the packages are made of: licences and advisories of all dependencies by cargo-deny; with `--wheel`, that
    /// two builds of the wheel are the same to the byte, and its list of components.
    Supply(supply::Args),
    /// Goes through every order in which threads may enter and leave the jobs of the OpenMP executor, with loom, on the
    /// stable toolchain. Minutes to build, seconds to run.
    Loom,
    /// Holds distances, losses and gradients of the cross-check's batches against real numbers (600 binary places):
    /// every error must be within a proved bound. Prints the worst part of it by quantity.
    Oracle(oracle::Args),
    /// Calls from many threads for a long time and compares every answer with stored bits; memory and threads of the
    /// process must not grow.
    Soak(soak::Args),
    /// Cross-checks ranks that are 1, 2 and 3 processes of an MPI job, and `triplet loss --mpi`. Needs an MPI and
    /// libclang (Debian: openmpi-bin libopenmpi-dev libclang-dev).
    Mpi,
    /// What a step costs each of 1 to 1,024 ranks: stages of a rank as measured on this machine, continued, and a
    /// model of a network. Build it with `--release`.
    Ranks(ranks::Args),
    /// Puts faults into the code and counts those that the tests see (with cargo-mutants: 90 % of
    /// them at least), or that the cross-check sees (the patches of testdata/mutants: all of them).
    Mutants(mutants::Args),
    /// Builds a small program under other compiler profiles (lto, codegen-units, opt-level) and
    /// compares instructions (with valgrind) and times: none may take more than 1.15 times what
    /// the best takes, and no bit may differ. All 24 profiles take half an hour or more;
    /// `--lto off --codegen-units 256` checks the worst in minutes.
    Profiles(profiles::Args),
    /// Counts the instructions of fifteen calls with gungraun (AVX2 and portable) and compares
    /// them with benches/instructions.json: none may grow by more than 1 %. Counts of another
    /// compiler than the recorded one are printed, not judged. Needs valgrind and gungraun-runner.
    Instructions(instructions::Args),
    /// Compares every backend with the golden files of the real TensorFlow Addons.
    Golden,
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Test(args) => test::run(&args),
        Command::CrossCheck(args) => cross_check::run(&args),
        Command::Digests(args) => digests::run(&args),
        Command::Emulate(args) => emulate::run(&args),
        Command::Aarch64(args) => aarch64::run(&args),
        Command::Repeat(args) => aarch64::repeat(&args),
        Command::Sweep(args) => timed("sweep").and_then(|()| sweep::run(&args)),
        Command::Scaling(args) => timed("scaling").and_then(|()| scaling::run(&args)),
        Command::Fuzz(args) => fuzz::run(&args),
        Command::Ranks(args) => timed("ranks").and_then(|()| ranks::run(&args)),
        Command::Sanitize(args) => sanitize::run(&args),
        Command::Supply(args) => supply::run(&args),
        Command::Loom => loom::run(),
        Command::Oracle(args) => oracle::run(&args),
        Command::Soak(args) => soak::run(&args),
        Command::Mpi => mpi::run(),
        Command::Mutants(args) => mutants::run(&args),
        Command::Profiles(args) => profiles::run(&args),
        Command::Instructions(args) => instructions::run(&args),
        Command::Golden => golden::run(),
    };
    result.map_or_else(
        |error| {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        },
        |()| ExitCode::SUCCESS,
    )
}

/// Refuses commands that measure times in a build for tests.
fn timed(command: &str) -> anyhow::Result<()> {
    anyhow::ensure!(
        !cfg!(debug_assertions),
        "times of a build for tests mean nothing: cargo run --release -p xtask -- {command}"
    );
    Ok(())
}
