//! `triplet`: train, evaluate and measure triplet losses.
//!
//! The program, and the Python package's `python -m triplet_loss`, call [`main`].
#![forbid(unsafe_code)]
#![cfg_attr(
    not(feature = "train"),
    allow(dead_code, reason = "helpers that the command `train` alone calls")
)]

mod commands;
mod interrupt;
mod io;
mod options;
mod output;
mod palette;
#[cfg(feature = "train")]
mod pictures;
mod proc;
#[cfg(feature = "train")]
mod train;

#[doc(hidden)]
pub use io::{Contents, contents};

use clap::{Parser, Subcommand};
use std::ffi::OsString;

/// Triplet losses for CPUs: loss, mined triplets and gradient.
///
/// Computes TensorFlow Addons' TripletSemiHardLoss and TripletHardLoss, with the same bits
/// on every backend but gram, every instruction set and number of threads: `triplet bench`
/// checks that before it times them, and shows how fast they are, and against what.
#[derive(Parser)]
#[command(
    name = "triplet",
    version,
    after_help = "Start here:\n  triplet train           train an embedding of handwritten digits, with pictures\n  triplet loss --help     the loss of your own embeddings\n  triplet mine --help     hard negatives of a data set of any size\n  triplet bench           which backend is fastest on this machine\n  triplet info            what this CPU can run"
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Train an embedding network with the loss and show what it learned.
    #[cfg(feature = "train")]
    Train(train::TrainArgs),
    /// Compute loss, triplets and gradient of embeddings in a file.
    Loss(commands::loss::LossArgs),
    /// Mine the hard negatives of a whole data set, out of core.
    Mine(commands::mine::MineArgs),
    /// Measure the backends on this machine: against one another, products and other losses.
    Bench(commands::bench::BenchArgs),
    /// Show the CPU, its instruction sets, and what would run.
    Info(commands::info::InfoArgs),
    /// One evaluation in a process of its own, to measure its memory.
    #[command(hide = true)]
    BenchChild(commands::bench::child::ChildArgs),
}

/// Runs the program with the arguments that follow its name; answers its exit status.
///
/// `itself` is the command that starts this program again, for measurements that need a
/// process of their own. A broken pipe, SIGTERM or Ctrl-C ends the process; `train` finishes its
/// batch first, unless the signal comes twice.
pub fn main(itself: &[OsString], arguments: impl IntoIterator<Item = OsString>) -> u8 {
    proc::remember(itself);
    let name = OsString::from("triplet");
    let cli = match Cli::try_parse_from(std::iter::once(name).chain(arguments)) {
        Ok(cli) => cli,
        Err(error) => {
            // Help is an "error" too; nothing can be done if nobody reads it.
            let _ = error.print();
            return u8::try_from(error.exit_code()).unwrap_or(2);
        }
    };
    interrupt::listen();
    let result = match cli.command {
        #[cfg(feature = "train")]
        Command::Train(args) => train::run(&args),
        Command::Loss(args) => commands::loss::run(&args).map(|()| 0),
        Command::Mine(args) => commands::mine::run(&args),
        Command::Bench(args) => commands::bench::run(&args).map(|()| 0),
        Command::Info(args) => commands::info::run(&args).map(|()| 0),
        Command::BenchChild(args) => commands::bench::child::run(&args).map(|()| 0),
    };
    result.unwrap_or_else(|error| {
        output::note(format_args!("error: {}", one_line(&format!("{error:#}"))));
        2
    })
}

/// More of a message than anyone reads.
const LONGEST_MESSAGE: usize = 600;

/// One line of bounded length without control characters, whatever the input or a library put
/// into a message: the beginning says where, the end what to do.
fn one_line(message: &str) -> String {
    let clean: String =
        message.chars().map(|c| if c.is_control() && !c.is_whitespace() { '\u{fffd}' } else { c }).collect();
    let words = clean.split_whitespace().collect::<Vec<_>>().join(" ");
    let length = words.chars().count();
    if length <= LONGEST_MESSAGE {
        return words;
    }
    let (head, tail) = (LONGEST_MESSAGE * 2 / 3, LONGEST_MESSAGE / 3);
    let first: String = words.chars().take(head).collect();
    let last: String = words.chars().skip(length - tail).collect();
    format!("{first} ... {last}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_one_line_of_bounded_length() {
        assert_eq!(one_line("a\n  b"), "a b");
        let long = one_line(&format!("x.npy: {} too long", "é ".repeat(1_000_000)));
        assert!(long.starts_with("x.npy: é") && long.ends_with("too long"));
        assert!(long.chars().count() <= LONGEST_MESSAGE + 5, "{}", long.len());
    }
}

/// The code in README.md, compiled and run as documentation tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
