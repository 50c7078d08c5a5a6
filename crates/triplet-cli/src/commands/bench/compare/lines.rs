//! What two runs have in common, and how their times compare.

use super::super::{
    record::Run,
    row::Kind,
    statistics::{median, minimum, ratio_interval},
};
use serde::Serialize;

/// How sure an interval is.
const CONFIDENCE: f64 = 0.99;
/// A difference smaller than this part is none.
const MATTERS: f64 = 0.02;
/// Fewest rounds on each side to judge by.
const FEWEST: usize = 5;

/// What was measured: the same in two runs if all of it is the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Key {
    pub(super) kind: Kind,
    pub(super) name: String,
    pub(super) isa: String,
    pub(super) threads: usize,
    pub(super) b: usize,
    pub(super) d: usize,
    pub(super) classes: usize,
    /// What differs from the usual loss.
    pub(super) differences: String,
}

impl Key {
    /// In words.
    pub(super) fn words(&self) -> String {
        let isa = if self.isa.is_empty() { String::new() } else { format!(" {}", self.isa) };
        let step = if self.kind == Kind::Step { "step with " } else { "" };
        let Self { name, threads, b, d, classes, differences, .. } = self;
        let loss = if differences.is_empty() { String::new() } else { format!(", {differences}") };
        format!("{step}{name}{isa} at {b} x {d} in {classes} classes{loss} on {threads} thread(s)")
    }
}

/// Whether a difference is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Verdict {
    Faster,
    Slower,
    NoDifference,
    NotShown,
    TooFewRounds,
}

impl Verdict {
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Faster => "faster",
            Self::Slower => "slower",
            Self::NoDifference => "no difference",
            Self::NotShown => "not shown",
            Self::TooFewRounds => "too few rounds",
        }
    }

    /// From the interval that the ratio lies in.
    fn of(low: f64, high: f64) -> Self {
        let (less, more) = (1.0 / (1.0 + MATTERS), 1.0 + MATTERS);
        if high < less {
            Self::Faster
        } else if low > more {
            Self::Slower
        } else if low >= less && high <= more {
            Self::NoDifference
        } else {
            Self::NotShown
        }
    }
}

/// One thing in the first run and in another.
#[derive(Debug, Serialize)]
pub(super) struct Line {
    pub(super) key: Key,
    /// The place of the other file, from 1.
    pub(super) file: usize,
    pub(super) first_ms_median: f64,
    pub(super) ms_median: f64,
    pub(super) rounds: [usize; 2],
    /// Over the first one's: of medians, and of the least.
    pub(super) ratio: f64,
    pub(super) ratio_of_least: f64,
    pub(super) low: f64,
    pub(super) high: f64,
    pub(super) verdict: Verdict,
}

/// Everything that a run timed, with the times of its rounds.
pub(super) fn timed(run: &Run) -> Vec<(Key, &[f64])> {
    let entries = run.entries.iter().map(|it| {
        let row = &it.row;
        let key = Key {
            kind: row.kind,
            name: row.backend.clone(),
            isa: row.isa.clone(),
            threads: row.threads_given,
            b: row.b,
            d: row.d,
            classes: row.classes,
            differences: row.differences.clone(),
        };
        (key, it.times())
    });
    let steps = run.steps.iter().map(|it| {
        let row = &it.row;
        let key = Key {
            kind: Kind::Step,
            name: row.loss_name.clone(),
            isa: String::new(),
            threads: row.threads,
            b: row.b,
            d: row.d,
            classes: row.classes,
            differences: String::new(),
        };
        (key, &it.step_ms[..])
    });
    entries.chain(steps).filter(|(_, times)| !times.is_empty()).collect()
}

/// What the first run and each other have in common, in the first one's order.
pub(super) fn lines<'a>(first: &Run, others: impl Iterator<Item = &'a Run> + Clone) -> Vec<Line> {
    let mut lines = Vec::new();
    for (key, times) in timed(first) {
        for (index, other) in others.clone().enumerate() {
            let Some((_, theirs)) = timed(other).into_iter().find(|(other, _)| *other == key) else {
                continue;
            };
            lines.extend(line(&key, index + 1, times, theirs));
        }
    }
    lines
}

fn line(key: &Key, file: usize, first: &[f64], other: &[f64]) -> Option<Line> {
    let (first_ms_median, ms_median) = (median(first)?, median(other)?);
    let (low, high) = ratio_interval(first, other, CONFIDENCE)?;
    let few = first.len().min(other.len()) < FEWEST;
    Some(Line {
        key: key.clone(),
        file,
        first_ms_median,
        ms_median,
        rounds: [first.len(), other.len()],
        ratio: ms_median / first_ms_median,
        ratio_of_least: minimum(other)? / minimum(first)?,
        low,
        high,
        verdict: if few { Verdict::TooFewRounds } else { Verdict::of(low, high) },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::bench::row::testing::row;

    fn noisy(scale: f64, rounds: usize, seed: u64) -> Vec<f64> {
        let mut rng = fastrand::Rng::with_seed(seed);
        (0..rounds).map(|_| scale * (1.0 + 0.1 * rng.f64())).collect()
    }

    fn run(times: &[f64]) -> Run {
        let mut run = Run::start(1);
        run.entries.push(row(Kind::Ours, "simd", 512, times));
        run
    }

    fn verdict(a: &[f64], b: &[f64]) -> Verdict {
        let (a, b) = (run(a), run(b));
        lines(&a, std::iter::once(&b))[0].verdict
    }

    #[test]
    fn verdicts_follow_the_interval() {
        let first = noisy(1.0, 40, 2);
        assert_eq!(verdict(&first, &noisy(0.8, 40, 3)), Verdict::Faster);
        assert_eq!(verdict(&first, &noisy(1.3, 40, 3)), Verdict::Slower);
        assert_eq!(verdict(&first, &first), Verdict::NotShown, "its own noise is wider than 2 %");
        assert_eq!(verdict(&[1.0; 9], &[1.01; 9]), Verdict::NoDifference);
        assert_eq!(verdict(&first, &noisy(0.5, 4, 3)), Verdict::TooFewRounds);
    }

    #[test]
    fn noise_alone_is_hardly_ever_significant() {
        let shown = (0..100)
            .filter(|seed| {
                let verdict = verdict(&noisy(1.0, 20, 2 * seed), &noisy(1.0, 20, 2 * seed + 1));
                matches!(verdict, Verdict::Faster | Verdict::Slower)
            })
            .count();
        assert!(shown <= 2, "{shown} of 100");
    }
}
