//! `--step`: training steps of a small network in torch, with this loss, with others, with none.

use super::{
    args::BenchArgs,
    measure::{
        load, probe,
        schedule::{Cost, PAUSE, Schedule},
    },
    progress::Progress,
    rivals::{Rival, Rivals, Timing},
    statistics::{median, minimum},
};
use anyhow::Result;
use serde::{Deserialize, Serialize};
use std::thread::sleep;
use triplet_benchmarks::{Benchmark, Shape, input};

/// The step without a loss, by the name that `step.py` gives it.
const WITHOUT: &str = "no loss (a sum)";
/// Ours, by the name that `peers.py` gives it.
const OURS: &str = "triplet-loss in torch";
/// A loss of another order of operations is ours if it differs by less than this part of it.
const AGREES: f64 = 1e-4;

/// A line of the table of steps; the names are those of JSON and csv.
///
/// A round's step is the fastest of its calls. The parts are those of the fastest round, and add up
/// to `step_ms_min`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct StepRow {
    pub(super) loss_name: String,
    pub(super) threads: usize,
    pub(super) b: usize,
    pub(super) d: usize,
    pub(super) classes: usize,
    pub(super) spread: String,
    pub(super) rounds: usize,
    pub(super) forward_ms: Option<f64>,
    pub(super) loss_ms: Option<f64>,
    pub(super) backward_ms: Option<f64>,
    pub(super) optimiser_ms: Option<f64>,
    pub(super) step_ms_min: Option<f64>,
    pub(super) step_ms_median: Option<f64>,
    /// The fastest step less that without a loss.
    pub(super) loss_adds_ms: Option<f64>,
    /// Times the fastest step with our loss.
    pub(super) times_ours: Option<f64>,
    /// Whether a loss with our rule is ours to 1e-4 of it.
    pub(super) agrees: Option<bool>,
    pub(super) left_out: Option<String>,
}

/// A row, and its rounds.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct MeasuredStep {
    pub(super) row: StepRow,
    /// Milliseconds of the whole step, one a round.
    pub(super) step_ms: Vec<f64>,
    /// Forward, loss, backward and optimiser of the same steps.
    pub(super) parts_ms: Vec<[f64; 4]>,
}

/// Measures the steps on one input.
pub(super) fn measure(
    args: &BenchArgs,
    benchmark: &Benchmark,
    threads: usize,
    rivals: &mut Rivals,
    progress: &Progress,
) -> Result<Vec<MeasuredStep>> {
    let shape = benchmark.shape;
    let (embeddings, labels) = input(shape, benchmark.seed);
    let all = rivals.available.clone();
    let probed = probe(args, benchmark, rivals, all, (&embeddings, &labels), progress)?;
    let costs: Vec<Cost> = probed
        .iter()
        .map(|(_, first)| Cost {
            call_ms: first.least().filter(|_| first.left_out.is_none()),
            ours: false,
            timings: 1.0,
        })
        .collect();
    let schedule = Schedule::new(&costs, args.reps);
    let mut steps: Vec<MeasuredStep> =
        probed.iter().map(|(rival, first)| new(shape, threads, rival, first)).collect();
    // The probes may have left a smaller batch, and momenta of other gradients.
    load(rivals, shape, (&embeddings, &labels))?;
    for round in 0..schedule.rounds {
        for (step, turns) in steps.iter_mut().zip(&schedule.turns) {
            if round < turns.rounds && step.row.left_out.is_none() {
                progress.round(round + 1, schedule.rounds, &step.row.loss_name);
                let timing = rivals.time(&step.row.loss_name, turns.calls)?;
                step.add(timing);
                sleep(PAUSE);
            }
        }
    }
    summarise(&mut steps);
    Ok(steps)
}

fn new(shape: Shape, threads: usize, rival: &Rival, first: &Timing) -> MeasuredStep {
    let agrees =
        first.value.zip(first.expected).map(|(value, right)| (value - right).abs() <= AGREES * right.abs());
    let row = StepRow {
        loss_name: rival.name.clone(),
        threads,
        b: shape.rows,
        d: shape.width,
        classes: shape.classes(),
        spread: shape.spread.to_string(),
        rounds: 0,
        forward_ms: None,
        loss_ms: None,
        backward_ms: None,
        optimiser_ms: None,
        step_ms_min: None,
        step_ms_median: None,
        loss_adds_ms: None,
        times_ours: None,
        agrees,
        left_out: first.left_out.clone(),
    };
    MeasuredStep { row, step_ms: Vec::new(), parts_ms: Vec::new() }
}

impl MeasuredStep {
    /// Keeps the fastest step of a round, with its parts.
    fn add(&mut self, timing: Timing) {
        let fastest = timing.ms.iter().zip(&timing.parts).min_by(|a, b| a.0.total_cmp(b.0));
        if let Some((ms, parts)) = fastest {
            self.step_ms.push(*ms);
            self.parts_ms.push(*parts);
        }
        self.row.left_out = timing.left_out;
    }
}

/// Fills in what follows from the rounds of one input together.
fn summarise(steps: &mut [MeasuredStep]) {
    for MeasuredStep { row, step_ms, parts_ms } in steps.iter_mut() {
        if row.left_out.is_some() {
            step_ms.clear();
            parts_ms.clear();
        }
        let fastest = step_ms.iter().zip(&*parts_ms).min_by(|a, b| a.0.total_cmp(b.0));
        let part = |index: usize| fastest.map(|(_, parts)| parts[index]);
        row.rounds = step_ms.len();
        row.forward_ms = part(0);
        row.loss_ms = part(1);
        row.backward_ms = part(2);
        row.optimiser_ms = part(3);
        row.step_ms_min = minimum(step_ms);
        row.step_ms_median = median(step_ms);
    }
    let of = |name: &str| steps.iter().find(|step| step.row.loss_name == name)?.row.step_ms_min;
    let (without, ours) = (of(WITHOUT), of(OURS));
    for row in steps.iter_mut().map(|step| &mut step.row) {
        if row.loss_name != WITHOUT {
            row.loss_adds_ms = row.step_ms_min.zip(without).map(|(ms, without)| ms - without);
        }
        row.times_ours = row.step_ms_min.zip(ours).map(|(ms, ours)| ms / ours);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(name: &str, rounds: &[[f64; 4]]) -> MeasuredStep {
        let rival = serde_json::json!({ "name": name, "kind": "step" });
        let shape = Shape { rows: 8, width: 4, spread: triplet_benchmarks::Spread::PerClass(2) };
        let rival: Rival = serde_json::from_value(rival).expect("fields of a rival");
        let mut step = new(shape, 1, &rival, &Timing::default());
        for parts in rounds {
            let ms = parts.iter().sum();
            step.add(Timing { ms: vec![ms + 5.0, ms], parts: vec![[9.0; 4], *parts], ..Timing::default() });
        }
        step
    }

    #[test]
    fn the_fastest_round_gives_the_parts_and_what_a_loss_adds() {
        let mut steps = [
            step(WITHOUT, &[[1.0, 0.0, 1.0, 1.0], [4.0, 4.0, 4.0, 4.0]]),
            step(OURS, &[[9.0, 9.0, 9.0, 9.0], [1.0, 1.0, 1.0, 1.0]]),
            step("torch dense", &[[1.0, 3.0, 3.0, 1.0]]),
        ];
        summarise(&mut steps);
        let [without, ours, dense] = steps.map(|step| step.row);
        assert_eq!((without.rounds, without.step_ms_min, without.step_ms_median), (2, Some(3.0), Some(9.5)));
        assert_eq!((ours.forward_ms, ours.loss_ms, ours.step_ms_min), (Some(1.0), Some(1.0), Some(4.0)));
        assert_eq!(
            (without.loss_adds_ms, ours.loss_adds_ms, dense.loss_adds_ms),
            (None, Some(1.0), Some(5.0))
        );
        assert_eq!((ours.times_ours, dense.times_ours), (Some(1.0), Some(2.0)));
    }

    #[test]
    fn what_fails_in_a_round_has_no_times() {
        let mut failing = step("torch dense", &[[1.0; 4]]);
        failing.add(Timing { left_out: Some("needs about 9 GB".to_owned()), ..Timing::default() });
        let mut steps = [failing];
        summarise(&mut steps);
        assert_eq!((steps[0].row.rounds, steps[0].row.step_ms_min), (0, None));
        assert!(steps[0].step_ms.is_empty());
    }
}
