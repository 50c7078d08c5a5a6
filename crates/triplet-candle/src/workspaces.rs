//! The workspaces that all operations of one loss share.

use crate::element::{Values, wrap};
use candle_core::{Device, Result, Tensor, WithDType};
use std::sync::{Mutex, MutexGuard, PoisonError};
use triplet_api::{
    BackendOptions, Batch, Element, ExecutionInfo, Inputs, Loss, LossSpec, Statistics, Weights, Workspace,
    Workspaces,
};

/// A loss, what it runs on, and what the last call counted.
pub(crate) struct Shared {
    pub(crate) spec: LossSpec,
    single: Workspaces<f32>,
    double: Workspaces<f64>,
    last: Mutex<(Statistics, Option<ExecutionInfo>)>,
}

/// What is wanted besides the loss.
#[derive(Clone, Copy)]
pub(crate) enum Ask<'a> {
    /// Nothing.
    Loss,
    /// The gradient, times an upstream gradient unless that is all ones.
    Gradient(Option<&'a [f64]>),
}

/// One loss or `[B]`, and the gradient `[B, D]` in the type it was computed in.
pub(crate) struct Answer {
    pub(crate) losses: Vec<f64>,
    pub(crate) gradient: Option<Tensor>,
}

impl Shared {
    pub(crate) fn new(spec: LossSpec, options: BackendOptions) -> triplet_api::Result<Self> {
        let (single, double) = (Workspaces::new(options)?, Workspaces::empty(options));
        Ok(Self { spec, single, double, last: Mutex::default() })
    }

    /// Counts, and what ran, of the call that finished last.
    pub(crate) fn last(&self) -> (Statistics, Option<ExecutionInfo>) {
        *lock(&self.last)
    }

    pub(crate) fn evaluate(
        &self,
        x: &Values<'_>,
        width: usize,
        labels: &[i64],
        ask: Ask<'_>,
    ) -> Result<Answer> {
        match x {
            Values::Single(x) => self.run(&self.single, x, width, labels, ask),
            Values::Double(x) => self.run(&self.double, x, width, labels, ask),
        }
    }

    fn run<T: Element + WithDType>(
        &self,
        workspaces: &Workspaces<T>,
        x: &[T],
        width: usize,
        labels: &[i64],
        ask: Ask<'_>,
    ) -> Result<Answer> {
        let batch = Batch::new(x, width, labels).map_err(wrap)?;
        workspaces.with(|workspace| self.answer(&batch, ask, workspace)).map_err(wrap)?
    }

    fn answer<T: Element + WithDType>(
        &self,
        batch: &Batch<'_, T>,
        ask: Ask<'_>,
        workspace: &mut Workspace<T>,
    ) -> Result<Answer> {
        let result = match ask {
            Ask::Loss => self.spec.forward(batch, Weights::None, workspace),
            Ask::Gradient(upstream) => {
                self.spec.evaluate_with(batch, Inputs { weights: Weights::None, upstream }, workspace)
            }
        };
        let result = result.map_err(wrap)?;
        let wide = |loss: &T| triplet_api::Real::to_f64(*loss);
        let losses = match result.losses() {
            Some(losses) => losses.iter().map(wide).collect(),
            None => vec![wide(&result.loss())],
        };
        let gradient = match ask {
            Ask::Loss => None,
            Ask::Gradient(_) => {
                let shape = (batch.rows(), batch.width());
                Some(Tensor::from_slice(result.gradient(), shape, &Device::Cpu)?)
            }
        };
        *lock(&self.last) = (result.statistics(), Some(result.executed()));
        Ok(Answer { losses, gradient })
    }
}

/// A panic elsewhere leaves nothing half done behind these locks.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
