//! One call: borrow the arrays, release the interpreter, compute.

use crate::{
    arrays::{Doubles, Embeddings, Values, matrix, slice},
    errors::{exception, guarded},
    outcome::{Answer, Extras, Outcome},
    plan::Plan,
};
use numpy::{Element, PyArrayMethods, PyReadonlyArray1, PyUntypedArrayMethods};
use pyo3::prelude::*;
use std::sync::{Arc, Mutex, PoisonError};
use triplet_api::{BackendOptions, Batch, GramElement, Inputs, Loss, Spec, Weights, Workspaces};

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
    #[pyo3(signature = (plan, labels, embeddings, weights=None, upstream=None, gradient=true, triplets=false, distances=0))]
    fn evaluate(
        &self,
        py: Python<'_>,
        plan: &Plan,
        labels: PyReadonlyArray1<'_, i64>,
        embeddings: Embeddings<'_>,
        weights: Option<Doubles<'_>>,
        upstream: Option<Doubles<'_>>,
        gradient: bool,
        triplets: bool,
        distances: usize,
    ) -> PyResult<Outcome> {
        let labels = slice(labels.as_slice())?;
        let shape = embeddings.shape();
        let weights = match &weights {
            None => Weights::None,
            Some(weights) => Weights::from_shape(slice(weights.as_slice())?, weights.shape(), shape[0])
                .map_err(exception)?,
        };
        let upstream = upstream.as_ref().map(|upstream| slice(upstream.as_slice())).transpose()?;
        let pool = self.pool(plan.options);
        let call = Call {
            spec: plan.spec,
            labels,
            shape,
            inputs: Inputs { weights, upstream },
            gradient,
            extras: Extras { triplets, distances },
        };
        match embeddings.values()? {
            Values::Single(x) => call.run(py, &x, &pool.single),
            Values::Double(x) => call.run(py, x, &pool.double),
        }
    }

    /// Gives all workspaces back to the system; those in use follow when their call ends.
    fn clear(&self) {
        self.pools.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

impl Engine {
    /// The workspaces of a backend.
    pub(crate) fn pool(&self, options: BackendOptions) -> Arc<Pool> {
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
    spec: Spec,
    labels: &'a [i64],
    shape: [usize; 2],
    inputs: Inputs<'a>,
    gradient: bool,
    extras: Extras,
}

impl Call<'_> {
    fn run<T: GramElement + Element>(
        self,
        py: Python<'_>,
        x: &[T],
        workspaces: &Workspaces<T>,
    ) -> PyResult<Outcome> {
        let Self { spec, labels, shape, inputs, gradient, extras } = self;
        let out = gradient.then(|| matrix::<T>(py, shape));
        let mut writing = out.as_ref().map(PyArrayMethods::readwrite);
        let room = writing.as_mut().map(|out| out.as_slice_mut()).transpose();
        let room = room.map_err(|_| pyo3::exceptions::PyTypeError::new_err("no room for the gradient"))?;
        let answer = py.detach(|| {
            guarded(|| {
                let batch = Batch::new(x, shape[1], labels)?;
                workspaces.with(|workspace| {
                    let result = match room {
                        Some(room) => spec.evaluate_into(&batch, inputs, room, workspace)?,
                        None => spec.forward(&batch, inputs.weights, workspace)?,
                    };
                    Ok(Answer::of(&result, extras))
                })?
            })
        })?;
        drop(writing);
        answer.outcome(py, out.map(|out| out.into_any().unbind()))
    }
}
