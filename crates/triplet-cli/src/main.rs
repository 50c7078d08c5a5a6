//! `triplet`: train, evaluate and measure triplet losses.
#![forbid(unsafe_code)]

mod commands;
mod io;
mod options;
mod output;
mod palette;
mod proc;
mod train;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// The fastest and most exact triplet loss for CPUs.
///
/// Computes TensorFlow Addons' TripletSemiHardLoss and TripletHardLoss: loss, mined
/// triplets and gradient, with the same bits on every backend, instruction set and
/// number of threads.
#[derive(Parser)]
#[command(
    name = "triplet",
    version,
    after_help = "Start here:\n  triplet train           train an embedding of handwritten digits, with pictures\n  triplet loss --help     the loss of your own embeddings\n  triplet bench           which backend is fastest on this machine\n  triplet info            what this CPU can run"
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Train an embedding network with the loss and show what it learned.
    Train(train::TrainArgs),
    /// Compute loss, triplets and gradient of embeddings in a file.
    Loss(commands::loss::LossArgs),
    /// Measure the backends against one another on this machine.
    Bench(commands::bench::BenchArgs),
    /// Show the CPU, its instruction sets, and what would run.
    Info(commands::info::InfoArgs),
    /// One evaluation in a process of its own, to measure its memory.
    #[command(hide = true)]
    BenchChild(commands::bench::child::ChildArgs),
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Train(args) => train::run(&args),
        Command::Loss(args) => commands::loss::run(&args).map(|()| ExitCode::SUCCESS),
        Command::Bench(args) => commands::bench::run(&args).map(|()| ExitCode::SUCCESS),
        Command::Info(args) => commands::info::run(&args).map(|()| ExitCode::SUCCESS),
        Command::BenchChild(args) => commands::bench::child::run(&args).map(|()| ExitCode::SUCCESS),
    };
    result.unwrap_or_else(|error| {
        // One line, whatever the libraries below put into theirs.
        let message = format!("{error:#}").split_whitespace().collect::<Vec<_>>().join(" ");
        eprintln!("error: {message}");
        ExitCode::from(2)
    })
}
