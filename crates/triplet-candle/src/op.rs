//! The operation that candle's graph holds.

use crate::element::{Values, storage_like, values};
use candle_core::{CpuStorage, CustomOp1, DType, Error, Layout, Result, Shape, Tensor};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use triplet_api::{
    BackendOptions, Batch, Executed, GramElement, Inputs, Loss, Reduction, Spec, Statistics, Weights,
    Workspace,
};

/// What all operations of one loss share.
pub(crate) struct Shared {
    spec: Spec,
    options: BackendOptions,
    state: Mutex<State>,
}

/// Workspaces, made when their element type is first met, and the last results.
#[derive(Default)]
struct State {
    single: Option<Workspace<f32>>,
    double: Option<Workspace<f64>>,
    statistics: Statistics,
    executed: Option<Executed>,
}

impl Shared {
    pub(crate) fn new(spec: Spec, options: BackendOptions) -> triplet_api::Result<Self> {
        let state = State { single: Some(Workspace::new(options)?), ..State::default() };
        Ok(Self { spec, options, state: Mutex::new(state) })
    }

    pub(crate) fn last(&self) -> (Statistics, Option<Executed>) {
        let state = self.state();
        (state.statistics, state.executed)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere leaves memory that the next call overwrites.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Losses (one, or `[B]`), and the gradient `[B, D]` if it is asked for.
    fn evaluate(&self, x: &Values<'_>, width: usize, labels: &[i64], ask: Ask<'_>) -> Result<Answer> {
        let mut state = self.state();
        let State { single, double, .. } = &mut *state;
        let answer = match x {
            Values::Single(x) => run(self, single, x, width, labels, ask)?,
            Values::Double(x) => run(self, double, x, width, labels, ask)?,
        };
        state.statistics = answer.statistics;
        state.executed = Some(answer.executed);
        Ok(answer)
    }
}

/// What is wanted besides the loss.
#[derive(Clone, Copy)]
enum Ask<'a> {
    Loss,
    Gradient(Option<&'a [f64]>),
}

struct Answer {
    losses: Vec<f64>,
    /// Widened exactly; narrowed again to the type it was computed in.
    gradient: Vec<f64>,
    statistics: Statistics,
    executed: Executed,
}

fn run<T: GramElement>(
    shared: &Shared,
    workspace: &mut Option<Workspace<T>>,
    x: &[T],
    width: usize,
    labels: &[i64],
    ask: Ask<'_>,
) -> Result<Answer> {
    let workspace = match workspace {
        Some(workspace) => workspace,
        None => workspace.insert(Workspace::new(shared.options).map_err(Error::wrap)?),
    };
    let batch = Batch::new(x, width, labels).map_err(Error::wrap)?;
    let result = match ask {
        Ask::Loss => shared.spec.forward(&batch, Weights::None, workspace),
        Ask::Gradient(upstream) => {
            shared.spec.evaluate_with(&batch, Inputs { weights: Weights::None, upstream }, workspace)
        }
    };
    let result = result.map_err(Error::wrap)?;
    let losses = match result.losses() {
        Some(losses) => losses.iter().map(|l| l.to_f64()).collect(),
        None => vec![result.loss().to_f64()],
    };
    Ok(Answer {
        losses,
        gradient: result.gradient().iter().map(|g| g.to_f64()).collect(),
        statistics: result.statistics(),
        executed: result.executed(),
    })
}

/// One application of the loss: labels, and the gradient between the two passes.
pub(crate) struct TripletOp {
    shared: Arc<Shared>,
    labels: Vec<i64>,
    needs_gradient: bool,
    gradient: Mutex<Option<Vec<f64>>>,
}

impl TripletOp {
    pub(crate) fn new(shared: Arc<Shared>, labels: Vec<i64>, needs_gradient: bool) -> Self {
        Self { shared, labels, needs_gradient, gradient: Mutex::new(None) }
    }

    /// The gradient for an upstream of ones, from the forward pass if it was kept.
    fn kept_gradient(&self) -> Option<Vec<f64>> {
        self.gradient.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl CustomOp1 for TripletOp {
    fn name(&self) -> &'static str {
        "triplet-loss"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let &[rows, width] = layout.dims() else {
            return Err(Error::wrap(triplet_api::Error::NotAMatrix { shape: layout.dims().to_vec() }));
        };
        if self.labels.len() != rows {
            let labels = self.labels.len();
            return Err(Error::wrap(triplet_api::Error::LengthMismatch { labels, rows, width }));
        }
        let x = values(storage, layout)?;
        // Rows kept apart get their upstream gradient only in the backward pass.
        let at_once = self.needs_gradient && self.shared.spec.reduction != Reduction::None;
        let ask = if at_once { Ask::Gradient(None) } else { Ask::Loss };
        let answer = self.shared.evaluate(&x, width, &self.labels, ask)?;
        if at_once {
            *self.gradient.lock().unwrap_or_else(PoisonError::into_inner) = Some(answer.gradient);
        }
        let shape = match self.shared.spec.reduction {
            Reduction::None => Shape::from(rows),
            Reduction::Mean | Reduction::Sum => Shape::from(()),
        };
        Ok((storage_like(storage, &answer.losses), shape))
    }

    fn bwd(&self, arg: &Tensor, _res: &Tensor, grad_res: &Tensor) -> Result<Option<Tensor>> {
        let (rows, width) = arg.dims2()?;
        let upstream: Vec<f64> = grad_res.to_dtype(DType::F64)?.flatten_all()?.to_vec1()?;
        let ones = upstream.iter().all(|&up| up == 1.0);
        let gradient = match self.kept_gradient() {
            Some(gradient) if ones => gradient,
            _ => {
                let arg = arg.contiguous()?;
                let (storage, layout) = arg.storage_and_layout();
                let candle_core::Storage::Cpu(storage) = &*storage else {
                    candle_core::bail!("triplet losses run on the CPU");
                };
                let x = values(storage, layout)?;
                self.shared.evaluate(&x, width, &self.labels, Ask::Gradient(Some(&upstream)))?.gradient
            }
        };
        Tensor::from_vec(gradient, (rows, width), arg.device())?.to_dtype(arg.dtype()).map(Some)
    }
}
