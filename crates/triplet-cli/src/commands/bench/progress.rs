//! What runs now: a bar on a terminal, otherwise a line every few seconds, on standard error.

use crate::output;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::{
    cell::{Cell, RefCell},
    io::{IsTerminal, stderr},
    time::{Duration, Instant},
};
use triplet_benchmarks::Benchmark;

/// Between two lines while something is prepared, and while rounds run.
const PREPARING: Duration = Duration::from_secs(1);
const ROUNDS: Duration = Duration::from_secs(10);
/// Steps of the bar for one input.
const STEPS: u64 = 1000;

/// Progress over all inputs.
pub(super) struct Progress {
    bar: ProgressBar,
    inputs: u64,
    lines: bool,
    input: RefCell<String>,
    started: Cell<u64>,
    shown: Cell<Instant>,
}

impl Progress {
    /// For a number of inputs.
    pub(super) fn new(inputs: usize, quiet: bool) -> Self {
        let bar = ProgressBar::new(inputs as u64 * STEPS);
        if let Ok(style) = ProgressStyle::with_template("{bar:20.cyan/blue} {elapsed}  {wide_msg}") {
            bar.set_style(style);
        }
        let terminal = stderr().is_terminal();
        if quiet || !terminal {
            bar.set_draw_target(ProgressDrawTarget::hidden());
        } else {
            bar.enable_steady_tick(Duration::from_millis(250));
        }
        Self {
            bar,
            inputs: inputs as u64,
            lines: !quiet && !terminal,
            input: RefCell::default(),
            started: Cell::new(0),
            shown: Cell::new(Instant::now()),
        }
    }

    /// A Python is started.
    pub(super) fn starting(&self, what: &str) {
        self.show(&format!("starting {what}"), Duration::ZERO);
    }

    /// The next benchmark begins.
    pub(super) fn input(&self, benchmark: &Benchmark, threads: usize) {
        self.started.set(self.started.get() + 1);
        let words = if threads == 1 { "thread" } else { "threads" };
        self.input.replace(format!("{}/{} {benchmark}, {threads} {words}", self.started.get(), self.inputs));
        self.bar.set_position((self.started.get() - 1) * STEPS);
        self.show(&self.input.borrow(), Duration::ZERO);
    }

    /// Before a call that is not part of a round.
    pub(super) fn preparing(&self, name: &str, what: &str) {
        self.show(&format!("{}: {name}: {what}", self.input.borrow()), PREPARING);
    }

    /// Before the calls of a round.
    pub(super) fn round(&self, round: usize, rounds: usize, name: &str) {
        let before = (self.started.get() - 1) * STEPS;
        self.bar.set_position(before + STEPS * (round as u64 - 1) / rounds as u64);
        self.show(&format!("{}: round {round} of {rounds}: {name}", self.input.borrow()), ROUNDS);
    }

    /// Shows a message; as a line only if the last one is older than this.
    fn show(&self, message: &str, pace: Duration) {
        if self.lines && self.shown.get().elapsed() >= pace {
            output::note(message);
            self.shown.set(Instant::now());
        }
        self.bar.set_message(message.to_owned());
    }

    /// After the last input.
    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
