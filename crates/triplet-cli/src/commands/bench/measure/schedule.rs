//! How many rounds there are, and how often each that runs takes part.

use std::time::Duration;

/// Milliseconds a call from which on something takes part in the first rounds only.
const SLOW: f64 = 300.0;
/// Milliseconds that something slow may take in all, if that is at least [`FEWEST`] rounds.
const SLOW_TOTAL: f64 = 5000.0;
const FEWEST: usize = 3;
const MOST: usize = 1000;

/// How long to wait after something that has threads of its own: they stay awake for a while and
/// would slow whatever is timed next. `Start::apply` shortens that while.
pub(in super::super) const PAUSE: Duration = Duration::from_millis(2);

/// What one that runs costs.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Cost {
    /// Milliseconds of a call; `None` if it does not run.
    pub(in super::super) call_ms: Option<f64>,
    pub(in super::super) ours: bool,
    /// What is timed in a round, in calls.
    pub(in super::super) timings: f64,
}

/// How often one that runs takes part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct Turns {
    pub(in super::super) rounds: usize,
    /// Calls in a row, of which the least counts: the first one wakes threads that slept while
    /// others were timed.
    pub(in super::super) calls: usize,
}

/// The rounds of one input.
#[derive(Debug)]
pub(in super::super) struct Schedule {
    pub(in super::super) rounds: usize,
    pub(in super::super) turns: Vec<Turns>,
}

impl Schedule {
    /// About a second for each that runs, unless the number of rounds is given.
    pub(in super::super) fn new(costs: &[Cost], reps: Option<usize>) -> Self {
        let slowest =
            costs.iter().filter(|cost| cost.ours).filter_map(|cost| cost.call_ms).fold(0.0, f64::max);
        let calls = if slowest < 20.0 { 4 } else { 2 };
        let slow = |cost: &Cost| cost.call_ms.is_some_and(|ms| ms > SLOW);
        let round_ms = |cost: &Cost| {
            let calls = if slow(cost) { 1 } else { calls };
            let pause = if cost.ours { 0.0 } else { PAUSE.as_secs_f64() * 1e3 };
            cost.call_ms.map_or(0.0, |ms| ms * cost.timings * calls as f64 + pause)
        };
        let running = costs.iter().filter(|cost| cost.call_ms.is_some()).count();
        let quick: f64 = costs.iter().filter(|cost| !slow(cost)).map(round_ms).sum();
        let fitting = if quick > 0.0 { (1e3 * running as f64 / quick) as usize } else { FEWEST };
        let of_slow = |cost: &Cost| ((SLOW_TOTAL / round_ms(cost)) as usize).clamp(FEWEST, MOST);
        let longest = costs.iter().filter(|cost| slow(cost)).map(of_slow).max().unwrap_or(0);
        let rounds = reps.unwrap_or_else(|| fitting.clamp(FEWEST, MOST).max(longest));
        let turns = costs
            .iter()
            .map(|cost| match (slow(cost), reps) {
                (true, Some(reps)) if cost.ours => Turns { rounds: reps, calls: 1 },
                (true, _) => Turns { rounds: of_slow(cost).min(rounds), calls: 1 },
                (false, _) => Turns { rounds, calls },
            })
            .collect();
        Self { rounds, turns }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cost(call_ms: f64, ours: bool) -> Cost {
        Cost { call_ms: Some(call_ms), ours, timings: if ours { 2.0 } else { 1.0 } }
    }

    #[test]
    fn a_second_for_each_and_few_rounds_of_what_is_slow() {
        let schedule = Schedule::new(&[cost(1.0, true), cost(2.0, false), cost(4000.0, false)], None);
        // 8 + 10 ms a round of the quick ones, 3 s in all.
        assert_eq!(schedule.rounds, 166);
        assert_eq!(schedule.turns[0], Turns { rounds: 166, calls: 4 });
        assert_eq!(schedule.turns[2], Turns { rounds: 3, calls: 1 });
    }

    #[test]
    fn slow_ones_alone_end() {
        let schedule = Schedule::new(&[cost(500.0, true), cost(20_000.0, true)], None);
        assert_eq!(schedule.turns.iter().map(|turns| turns.rounds).collect::<Vec<_>>(), [5, 3]);
        assert_eq!(schedule.rounds, 5);
    }

    #[test]
    fn given_rounds_hold_for_ours() {
        let schedule = Schedule::new(&[cost(500.0, true), cost(2000.0, false), cost(1.0, false)], Some(40));
        assert_eq!(schedule.turns.iter().map(|turns| turns.rounds).collect::<Vec<_>>(), [40, 3, 40]);
        assert_eq!(Schedule::new(&[], Some(1)).rounds, 1);
        assert_eq!(Schedule::new(&[], None).rounds, 3);
    }
}
