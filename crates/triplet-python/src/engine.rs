//! The engine of a process: workspaces by backend, and the calls that Python makes.

use crate::{
    against::{Against, Argument},
    arrays::{Embeddings, Float64Array, Values},
    call::Call,
    cores::Cores,
    native_result::{NativeResult, OutputOptions},
    plan::Plan,
};
use numpy::PyReadonlyArray1;
use pyo3::prelude::*;
use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicUsize, Ordering::Relaxed},
};
use triplet_api::{BackendOptions, MemoryLimits, Workspaces};

/// The largest number of backends with cached workspaces. A training process uses one.
const MAX_POOLS: usize = 8;

/// The workspaces of a process, by backend, for all its threads.
///
/// The package has one, and replaces it in a forked child: threads do not survive a fork.
#[pyclass(frozen, module = "triplet_loss._native")]
#[derive(Default)]
pub(crate) struct Engine {
    /// Most recently used first.
    pools: Mutex<Vec<Arc<Pool>>>,
    cores: Cores,
    /// Bytes that a call may take; 0 for any number.
    memory: AtomicUsize,
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

    /// Evaluates a batch: int64 labels `[B]`, float embeddings `[B, D]`, C-contiguous; or these rows against others.
    #[pyo3(signature = (
        plan, labels, embeddings, weights=None, gradient=true, triplets=false, distances=0, against=None
    ))]
    fn evaluate(
        &self,
        py: Python<'_>,
        plan: &Plan,
        labels: PyReadonlyArray1<'_, i64>,
        embeddings: Embeddings<'_>,
        weights: Option<Float64Array<'_>>,
        gradient: bool,
        triplets: bool,
        distances: usize,
        against: Option<Argument<'_>>,
    ) -> PyResult<NativeResult> {
        let options = OutputOptions { triplets, distances };
        let call = Call::new(self, plan, &labels, &embeddings, weights.as_ref(), None)?;
        let against = against.as_ref().map(Against::borrow).transpose()?;
        match (embeddings.values()?, &against) {
            (Values::Float32(x), None) => call.run(py, &x, &call.pool.single, gradient, options),
            (Values::Float64(x), None) => call.run(py, x, &call.pool.double, gradient, options),
            (Values::Float32(x), Some(others)) => {
                call.run_against(py, &x, (others, others.single()?), &call.pool.single, gradient, options)
            }
            (Values::Float64(x), Some(others)) => {
                call.run_against(py, x, (others, others.double()?), &call.pool.double, gradient, options)
            }
        }
    }

    /// The gradient of the caller's objective, given its derivative by the loss, or by each of the
    /// losses without a reduction (the vector-Jacobian product).
    ///
    /// If a derivative is not finite, or too large for a finite gradient, the whole gradient is
    /// NaN, which loss scalers detect.
    #[pyo3(signature = (plan, labels, embeddings, weights, upstream, against=None))]
    fn vjp(
        &self,
        py: Python<'_>,
        plan: &Plan,
        labels: PyReadonlyArray1<'_, i64>,
        embeddings: Embeddings<'_>,
        weights: Option<Float64Array<'_>>,
        upstream: Float64Array<'_>,
        against: Option<Argument<'_>>,
    ) -> PyResult<(Py<PyAny>, Option<Py<PyAny>>)> {
        let call = Call::new(self, plan, &labels, &embeddings, weights.as_ref(), Some(&upstream))?;
        let against = against.as_ref().map(Against::borrow).transpose()?;
        match (embeddings.values()?, &against) {
            (Values::Float32(x), None) => Ok((call.vjp(py, &x, &call.pool.single)?, None)),
            (Values::Float64(x), None) => Ok((call.vjp(py, x, &call.pool.double)?, None)),
            (Values::Float32(x), Some(others)) => {
                call.vjp_against(py, &x, (others, others.single()?), &call.pool.single)
            }
            (Values::Float64(x), Some(others)) => {
                call.vjp_against(py, x, (others, others.double()?), &call.pool.double)
            }
        }
    }

    /// The bytes that each call may take from now on, or None for any number.
    #[setter]
    fn set_memory(&self, bytes: Option<usize>) {
        self.memory.store(bytes.unwrap_or(0), Relaxed);
    }

    /// The bytes that each call may take.
    #[getter]
    pub(crate) fn memory(&self) -> Option<usize> {
        Some(self.memory.load(Relaxed)).filter(|&bytes| bytes > 0)
    }

    /// Releases all workspaces; those in use are released when their call ends.
    fn clear(&self) {
        self.pools.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

impl Engine {
    /// What a call may take.
    pub(crate) fn limits(&self) -> MemoryLimits {
        MemoryLimits { bytes: self.memory().unwrap_or(usize::MAX), ..Default::default() }
    }

    /// The workspaces of a backend; the default number of threads is one a core.
    pub(crate) fn pool(&self, options: BackendOptions) -> Arc<Pool> {
        // An explicit number, so that rayon's global pool, which does not survive a fork, is not used.
        let threads = options.threads.or_else(|| Some(self.cores.count()));
        let options = BackendOptions { threads, ..options };
        // A poisoned lock is usable: the list is consistent wherever a panic could occur.
        let mut pools = self.pools.lock().unwrap_or_else(PoisonError::into_inner);
        let position = pools.iter().position(|pool| pool.options == options);
        if let Some(position) = position {
            pools[..=position].rotate_right(1);
        } else {
            let (single, double) = (Workspaces::empty(options), Workspaces::empty(options));
            pools.insert(0, Arc::new(Pool { options, single, double }));
            pools.truncate(MAX_POOLS);
        }
        Arc::clone(&pools[0])
    }
}
