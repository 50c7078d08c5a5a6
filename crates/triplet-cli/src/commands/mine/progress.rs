//! How far mining is: a bar on a terminal, lines in a log.

use crate::output;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::{
    io::{IsTerminal, stderr},
    time::{Duration, Instant},
};
use triplet_dataset::Progress;

/// Between two lines of a log.
const BETWEEN: Duration = Duration::from_secs(30);

/// Progress on standard error.
pub(super) struct Shown {
    bar: ProgressBar,
    /// When the last line was written; `None` on a terminal, which has the bar, or where nothing is shown.
    last: Option<Instant>,
}

impl Shown {
    pub(super) fn new(pairs: u64, quiet: bool) -> Self {
        let bar = ProgressBar::new(pairs);
        if let Ok(style) = ProgressStyle::with_template("{bar:30.cyan/blue} {percent} %  {msg}") {
            bar.set_style(style);
        }
        let terminal = stderr().is_terminal();
        if quiet || !terminal {
            bar.set_draw_target(ProgressDrawTarget::hidden());
        }
        Self { bar, last: (!quiet && !terminal).then(Instant::now) }
    }

    /// After a step.
    pub(super) fn step(&mut self, progress: &Progress) {
        let left = progress.left().map_or_else(String::new, |left| format!("  {} left", clock(left)));
        let rate = progress.rate() / 1e9;
        let message = format!("{rate:.2} billion pairs/s  {} triplets{left}", grouped(progress.records));
        if self.last.is_some_and(|last| last.elapsed() >= BETWEEN) {
            let percent = 100.0 * progress.pairs as f64 / progress.all_pairs.max(1) as f64;
            output::note(format_args!("{percent:.1} %  {message}"));
            self.last = Some(Instant::now());
        }
        self.bar.set_message(message);
        self.bar.set_position(progress.pairs);
    }

    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

/// A time for people: `1:02:03` or `2:03`.
pub(super) fn clock(time: Duration) -> String {
    let seconds = time.as_secs();
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}

/// A number with its thousands apart.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_numbers_are_for_people() {
        assert_eq!([59, 61, 3723].map(|s| clock(Duration::from_secs(s))), ["0:59", "1:01", "1:02:03"]);
        assert_eq!([0, 999, 1000, 7_000_000].map(grouped), ["0", "999", "1,000", "7,000,000"]);
    }
}
