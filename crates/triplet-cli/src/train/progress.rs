//! How far training is: a bar on a terminal, lines in a log.

use super::pictures::Step;
use crate::output;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::{IsTerminal, stderr};

/// Progress on standard error.
pub(crate) struct Progress {
    bar: ProgressBar,
    /// Batches between two lines; `None` on a terminal, which has the bar.
    every: Option<usize>,
}

impl Progress {
    /// For a number of batches.
    pub(crate) fn new(batches: usize, quiet: bool) -> Self {
        let bar = ProgressBar::new(batches as u64);
        let template = "{bar:30.cyan/blue} {pos}/{len} batches  {msg}  {per_sec}  {eta} left";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        let terminal = stderr().is_terminal();
        if quiet || !terminal {
            bar.set_draw_target(ProgressDrawTarget::hidden());
        }
        Self { bar, every: (!quiet && !terminal).then_some((batches / 10).max(1)) }
    }

    /// After each batch.
    pub(crate) fn batch(&self, done: usize, step: Step) {
        let message = format!("loss {:.4}  violating {:4.1} %", step.loss, 100.0 * step.violating);
        if self.every.is_some_and(|every| done.is_multiple_of(every)) {
            let (total, rate) = (self.bar.length().unwrap_or(0), self.bar.per_sec());
            output::note(format_args!(
                "{done}/{total} batches  {message}  {rate:.0} batches/s  {:.0?} left",
                self.bar.eta()
            ));
        }
        self.bar.set_message(message);
        self.bar.inc(1);
    }

    /// After the last one.
    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
