//! One call: borrow the arrays, release the interpreter, compute.

use crate::{
    arrays::{Doubles, Embeddings, Values, matrix, slice},
    cores::Cores,
    errors::{exception, guarded},
    outcome::{Answer, Extras, Outcome},
    plan::Plan,
};
use numpy::{Element, PyArrayMethods, PyReadonlyArray1, PyReadwriteArray2, PyUntypedArrayMethods};
use pyo3::{exceptions::PyTypeError, prelude::*};
use std::sync::{Arc, Mutex, PoisonError};
use triplet_api::{
    BackendOptions, Batch, Element as EngineElement, Error, Inputs, Loss, LossSpec, Weights, Workspaces,
};

/// Backends whose workspaces are kept. A training process uses one.
const KEPT: usize = 8;

/// The workspaces of a process, by backend, for all its threads.
///
/// There is one in the package, which a forked child replaces: threads do not survive a fork.
#[pyclass(frozen, module = "triplet_loss._native")]
#[derive(Default)]
pub(crate) struct Engine {
    /// The one used last comes first.
    pools: Mutex<Vec<Arc<Pool>>>,
    cores: Cores,
}

/// The workspaces of one backend.
pub(crate) struct Pool {
    options: BackendOptions,
    pub(crate) single: Workspaces<f32>,
    pub(crate) double: Workspaces<f64>,
}

#[pymethods]
impl Engine {
    #[new]
    fn new() -> Self {
        Self::default()
    }

    /// Evaluates a batch: int64 labels `[B]`, float embeddings `[B, D]`, C-contiguous.
    #[pyo3(signature = (plan, labels, embeddings, weights=None, gradient=true, triplets=false, distances=0))]
    fn evaluate(
        &self,
        py: Python<'_>,
        plan: &Plan,
        labels: PyReadonlyArray1<'_, i64>,
        embeddings: Embeddings<'_>,
        weights: Option<Doubles<'_>>,
        gradient: bool,
        triplets: bool,
        distances: usize,
    ) -> PyResult<Outcome> {
        let extras = Extras { triplets, distances };
        let call = Call::new(self, plan, &labels, &embeddings, weights.as_ref(), None)?;
        match embeddings.values()? {
            Values::Single(x) => call.run(py, &x, &call.pool.single, gradient, extras),
            Values::Double(x) => call.run(py, x, &call.pool.double, gradient, extras),
        }
    }

    /// The gradient for a derivative of the caller's objective by the loss, or by each of
    /// the losses without a reduction.
    ///
    /// A derivative that is not finite, or too large for a finite gradient, makes the whole
    /// gradient NaN, where a loss scaler looks for it.
    #[pyo3(signature = (plan, labels, embeddings, weights, upstream))]
    fn pull(
        &self,
        py: Python<'_>,
        plan: &Plan,
        labels: PyReadonlyArray1<'_, i64>,
        embeddings: Embeddings<'_>,
        weights: Option<Doubles<'_>>,
        upstream: Doubles<'_>,
    ) -> PyResult<Py<PyAny>> {
        let call = Call::new(self, plan, &labels, &embeddings, weights.as_ref(), Some(&upstream))?;
        match embeddings.values()? {
            Values::Single(x) => call.pull(py, &x, &call.pool.single),
            Values::Double(x) => call.pull(py, x, &call.pool.double),
        }
    }

    /// Gives all workspaces back to the system; those in use follow when their call ends.
    fn clear(&self) {
        self.pools.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

impl Engine {
    /// The workspaces of a backend; without a number of threads, on one a core.
    pub(crate) fn pool(&self, options: BackendOptions) -> Arc<Pool> {
        // Never rayon's global pool: it does not survive a fork.
        let threads = options.threads.or_else(|| Some(self.cores.count()));
        let options = BackendOptions { threads, ..options };
        // Nothing can panic while the list is changed.
        let mut pools = self.pools.lock().unwrap_or_else(PoisonError::into_inner);
        let found = pools.iter().position(|pool| pool.options == options);
        if let Some(found) = found {
            pools[..=found].rotate_right(1);
        } else {
            let (single, double) = (Workspaces::empty(options), Workspaces::empty(options));
            pools.insert(0, Arc::new(Pool { options, single, double }));
            pools.truncate(KEPT);
        }
        Arc::clone(&pools[0])
    }
}

/// One evaluation, whatever its element type.
struct Call<'a> {
    spec: LossSpec,
    labels: &'a [i64],
    shape: [usize; 2],
    inputs: Inputs<'a>,
    pool: Arc<Pool>,
}

impl<'a> Call<'a> {
    fn new(
        engine: &Engine,
        plan: &Plan,
        labels: &'a PyReadonlyArray1<'_, i64>,
        embeddings: &Embeddings<'_>,
        weights: Option<&'a Doubles<'_>>,
        upstream: Option<&'a Doubles<'_>>,
    ) -> PyResult<Self> {
        let shape = embeddings.shape();
        let weights = weights.map_or(Ok(Weights::None), |weights| {
            Weights::from_shape(slice(weights.as_slice())?, weights.shape(), shape[0]).map_err(exception)
        })?;
        let upstream = upstream.map(|upstream| slice(upstream.as_slice())).transpose()?;
        Ok(Self {
            spec: plan.spec,
            labels: slice(labels.as_slice())?,
            shape,
            inputs: Inputs { weights, upstream },
            pool: engine.pool(plan.options),
        })
    }

    fn run<T: EngineElement + Element>(
        &self,
        py: Python<'_>,
        x: &[T],
        workspaces: &Workspaces<T>,
        gradient: bool,
        extras: Extras,
    ) -> PyResult<Outcome> {
        let Self { spec, labels, shape, inputs, .. } = *self;
        let out = gradient.then(|| matrix::<T>(py, shape)).transpose()?;
        let mut writing = out.as_ref().map(PyArrayMethods::readwrite);
        let room = writing.as_mut().map(room).transpose()?;
        let answer = py.detach(|| {
            guarded(|| {
                let batch = Batch::new(x, shape[1], labels)?;
                workspaces.with(|workspace| {
                    let result = match room {
                        Some(room) => spec.evaluate_into(&batch, inputs, room, workspace)?,
                        None => spec.forward(&batch, inputs.weights, workspace)?,
                    };
                    Answer::of(&result, extras)
                })?
            })
        })?;
        drop(writing);
        answer.outcome(py, out.map(|out| out.into_any().unbind()))
    }

    fn pull<T: EngineElement + Element>(
        &self,
        py: Python<'_>,
        x: &[T],
        workspaces: &Workspaces<T>,
    ) -> PyResult<Py<PyAny>> {
        let Self { spec, labels, shape, inputs, .. } = *self;
        let out = matrix::<T>(py, shape)?;
        let mut writing = out.readwrite();
        let gradient = room(&mut writing)?;
        py.detach(|| {
            guarded(|| {
                let batch = Batch::new(x, shape[1], labels)?;
                let done = workspaces
                    .with(|workspace| spec.evaluate_into(&batch, inputs, gradient, workspace).map(|_| ()))?;
                if let Err(Error::Upstream { .. } | Error::GradientOverflow { .. }) = done {
                    gradient.fill(T::from_f64(f64::NAN));
                    return Ok(());
                }
                done
            })
        })?;
        drop(writing);
        Ok(out.into_any().unbind())
    }
}

/// The memory of an array of ours.
fn room<'a, T: Element>(writing: &'a mut PyReadwriteArray2<'_, T>) -> PyResult<&'a mut [T]> {
    writing.as_slice_mut().map_err(|_| PyTypeError::new_err("no room for the gradient"))
}
