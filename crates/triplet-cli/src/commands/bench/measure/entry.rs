//! One that runs, and its times.

use super::super::{
    child::Memory,
    rivals::Rivals,
    row::{Kind, Measured, Row},
    statistics::{median, minimum, quantile},
};
use super::schedule::PAUSE;
use anyhow::Result;
use ndarray::{Array2, ArrayView2, linalg::general_mat_mul};
use std::{thread::sleep, time::Instant};
use triplet_api::{Batch, Distance, Element, ExecutionInfo, Loss, ScreenedPairs, Weights, Workspace};
use triplet_benchmarks::Benchmark;

/// A loss of another order of operations is ours if it differs by less than this part of it:
/// several f32 roundings.
const AGREES: f64 = 1e-4;

/// One that runs, and its times in milliseconds.
pub(super) struct Entry<T: Element> {
    pub(super) kind: Kind,
    pub(super) name: String,
    pub(super) executed: Option<ExecutionInfo>,
    pub(super) kernels: Option<String>,
    pub(super) complete_product: bool,
    /// One a round: the least of its calls.
    pub(super) loss_ms: Vec<f64>,
    pub(super) total_ms: Vec<f64>,
    pub(super) memory: Option<Memory>,
    pub(super) memory_unknown: Option<String>,
    pub(super) loss: Option<f64>,
    /// The distance of a loss that should be ours but for rounding.
    pub(super) distance: Option<Distance>,
    pub(super) left_out: Option<String>,
    /// Milliseconds of a call, from before the rounds.
    pub(super) first: Option<f64>,
    /// Of our backends: the gradient is timed too.
    pub(super) gradient: bool,
    pub(super) runner: Runner<T>,
}

/// What a call is.
pub(super) enum Runner<T: Element> {
    Ours(Box<Workspace<T>>),
    /// The product of the rows, by the crate matrixmultiply.
    MatrixMultiply(Array2<T>),
    /// The index of a Python.
    Rival(usize),
}

impl<T: Element> Entry<T> {
    pub(super) fn new(kind: Kind, name: &str, runner: Runner<T>) -> Self {
        Self {
            kind,
            name: name.to_owned(),
            executed: None,
            kernels: None,
            complete_product: false,
            loss_ms: Vec::new(),
            total_ms: Vec::new(),
            memory: None,
            memory_unknown: None,
            loss: None,
            distance: None,
            left_out: None,
            first: None,
            gradient: true,
            runner,
        }
    }

    /// Times some calls, and keeps the least.
    pub(super) fn run(
        &mut self,
        benchmark: &Benchmark,
        batch: &Batch<'_, T>,
        rivals: &mut [Rivals],
        calls: usize,
    ) -> Result<()> {
        let loss = benchmark.spec;
        match &mut self.runner {
            Runner::Ours(workspace) => {
                let alone =
                    least(calls, || Ok(loss.forward(batch, Weights::None, workspace).map(|_| ())?))?;
                self.loss_ms.extend(alone);
                if self.gradient {
                    let total = least(calls, || Ok(loss.evaluate(batch, workspace).map(|_| ())?))?;
                    self.total_ms.extend(total);
                }
            }
            Runner::MatrixMultiply(product) => {
                let rows = ArrayView2::from_shape((batch.rows(), batch.width()), batch.embeddings())?;
                let once = || {
                    general_mat_mul(T::ONE, &rows, &rows.t(), T::ZERO, product);
                    Ok(())
                };
                self.loss_ms.extend(least(calls, once)?);
            }
            Runner::Rival(index) => {
                let timing = rivals[*index].time(&self.name, calls)?;
                // A peer always computes the gradient.
                let times = if self.kind == Kind::Peer { &mut self.total_ms } else { &mut self.loss_ms };
                times.extend(timing.least());
                self.left_out = timing.left_out;
                sleep(PAUSE);
            }
        }
        Ok(())
    }

    /// The row, with the losses that are expected for each distance.
    pub(super) fn measured(
        self,
        benchmark: &Benchmark,
        threads: usize,
        expected: &[(Distance, f64)],
    ) -> Measured {
        let shape = benchmark.shape;
        let expected = expected.iter().find(|(distance, _)| Some(*distance) == self.distance);
        let agrees =
            self.loss.zip(expected).map(|(loss, (_, right))| (loss - right).abs() <= AGREES * right.abs());
        let kept = self.left_out.is_none();
        let (loss_ms, total_ms) = if kept { (self.loss_ms, self.total_ms) } else { (Vec::new(), Vec::new()) };
        let screened = match &self.runner {
            Runner::Ours(workspace) if kept => Some(workspace.screened()).filter(|it| it.pairs > 0),
            _ => None,
        };
        let pairs = shape.rows as f64 * shape.rows as f64 / 2.0;
        let row = Row {
            kind: self.kind,
            definition: (!benchmark.name.is_empty()).then(|| benchmark.name.clone()),
            differences: benchmark.differences(),
            backend: self.name,
            isa: self.executed.map_or_else(String::new, |executed| executed.isa.to_owned()),
            kernels: self.kernels,
            threads: match (&self.runner, self.executed) {
                (Runner::MatrixMultiply(_), _) => 1,
                (_, Some(executed)) => executed.threads,
                _ => threads,
            },
            threads_given: threads,
            b: shape.rows,
            d: shape.width,
            classes: shape.classes(),
            per_class: shape.rows as f64 / shape.classes() as f64,
            spread: shape.spread.to_string(),
            rounds: loss_ms.len().max(total_ms.len()),
            fwd_ms_min: minimum(&loss_ms),
            fwd_ms_median: median(&loss_ms),
            fwd_bwd_ms_min: minimum(&total_ms),
            fwd_bwd_ms_median: median(&total_ms),
            fwd_bwd_ms_p90: quantile(&total_ms, 0.9),
            complete_product: self.complete_product,
            product: None,
            product_ms_min: None,
            fwd_ratio_to_product: None,
            ratio_to_product: None,
            share_of_fma_peak: None,
            times_fastest_ours: None,
            screened_share: screened.map(|screened| screened.pairs as f64 / pairs),
            undecided_share: screened.map(ScreenedPairs::undecided_share),
            peak_rss_mb: self.memory.and_then(|memory| memory.peak_rss_mb),
            base_rss_mb: self.memory.and_then(|memory| memory.base_rss_mb),
            memory_unknown: self.memory_unknown,
            loss: self.loss,
            agrees,
            left_out: self.left_out,
        };
        Measured { row, loss_ms, total_ms }
    }
}

/// The least milliseconds of some calls.
fn least(calls: usize, mut call: impl FnMut() -> Result<()>) -> Result<Option<f64>> {
    let mut least: Option<f64> = None;
    for _ in 0..calls {
        let start = Instant::now();
        call()?;
        let ms = start.elapsed().as_secs_f64() * 1e3;
        least = Some(least.map_or(ms, |other| other.min(ms)));
    }
    Ok(least)
}
