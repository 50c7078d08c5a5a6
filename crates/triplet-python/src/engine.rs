//! One call: borrow the arrays, release the interpreter's lock, compute.

use crate::{
    against::{Against, Argument},
    arrays::{Embeddings, Float64Array, Values, empty_matrix, slice},
    cores::Cores,
    errors::{catch_panic, to_exception},
    native_result::{NativeResult, OutputOptions, OwnedResult},
    plan::Plan,
};
use numpy::{Element, PyArray2, PyArrayMethods, PyReadonlyArray1, PyReadwriteArray2, PyUntypedArrayMethods};
use pyo3::{exceptions::PyTypeError, prelude::*};
use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicUsize, Ordering::Relaxed},
};
use triplet_api::{
    BackendOptions, Batch, Element as EngineElement, Error, Inputs, Loss, LossSpec, MemoryLimits, Weights,
    Workspaces,
};

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
    fn memory(&self) -> Option<usize> {
        Some(self.memory.load(Relaxed)).filter(|&bytes| bytes > 0)
    }

    /// Releases all workspaces; those in use are released when their call ends.
    fn clear(&self) {
        self.pools.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

impl Engine {
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

/// The inputs of one evaluation, except for the embeddings and their element type.
struct Call<'a> {
    spec: LossSpec,
    labels: &'a [i64],
    shape: [usize; 2],
    inputs: Inputs<'a>,
    pool: Arc<Pool>,
    limits: MemoryLimits,
}

impl<'a> Call<'a> {
    fn new(
        engine: &Engine,
        plan: &Plan,
        labels: &'a PyReadonlyArray1<'_, i64>,
        embeddings: &Embeddings<'_>,
        weights: Option<&'a Float64Array<'_>>,
        upstream: Option<&'a Float64Array<'_>>,
    ) -> PyResult<Self> {
        let shape = embeddings.shape();
        let weights = weights.map_or(Ok(Weights::None), |weights| {
            Weights::from_shape(slice(weights.as_slice())?, weights.shape(), shape[0]).map_err(to_exception)
        })?;
        let upstream = upstream.map(|upstream| slice(upstream.as_slice())).transpose()?;
        Ok(Self {
            spec: plan.spec,
            labels: slice(labels.as_slice())?,
            shape,
            inputs: Inputs { weights, upstream },
            pool: engine.pool(plan.options),
            limits: MemoryLimits { bytes: engine.memory().unwrap_or(usize::MAX), ..Default::default() },
        })
    }

    fn run<T: EngineElement + Element>(
        &self,
        py: Python<'_>,
        x: &[T],
        workspaces: &Workspaces<T>,
        gradient: bool,
        options: OutputOptions,
    ) -> PyResult<NativeResult> {
        let Self { spec, labels, shape, inputs, limits, .. } = *self;
        let out = gradient.then(|| empty_matrix::<T>(py, shape)).transpose()?;
        let mut writing = out.as_ref().map(PyArrayMethods::readwrite);
        let destination = writing.as_mut().map(as_mut_slice).transpose()?;
        let result = py.detach(|| {
            catch_panic(|| {
                let batch = Batch::new(x, shape[1], labels)?;
                let limits = MemoryLimits { keep_triplets: options.triplets, ..limits };
                workspaces.with(|workspace| {
                    workspace.set_limits(limits);
                    let result = match destination {
                        Some(gradient) => spec.evaluate_into(&batch, inputs, gradient, workspace)?,
                        None => spec.forward(&batch, inputs.weights, workspace)?,
                    };
                    OwnedResult::copy_from(&result, options)
                })?
            })
        })?;
        drop(writing);
        result.into_python(py, out.map(|out| out.into_any().unbind()), None)
    }

    fn run_against<T: EngineElement + Element>(
        &self,
        py: Python<'_>,
        x: &[T],
        (against, y): (&Against<'_>, &[T]),
        workspaces: &Workspaces<T>,
        gradient: bool,
        options: OutputOptions,
    ) -> PyResult<NativeResult> {
        let Self { spec, labels, shape, inputs, limits, .. } = *self;
        let batch = py.detach(|| catch_panic(|| Ok(Batch::new(x, shape[1], labels)?)))?;
        let candidates = against.batch(py, y)?;
        let mut out =
            Gradients::new(py, (gradient, shape), (gradient && against.with_gradient(), against.shape()))?;
        let result = out.write(|anchors, others| {
            py.detach(|| {
                catch_panic(|| {
                    let candidates = against.candidates(&candidates);
                    let limits = MemoryLimits { keep_triplets: options.triplets, ..limits };
                    workspaces.with(|workspace| {
                        workspace.set_limits(limits);
                        let result = if gradient {
                            spec.evaluate_against(&batch, candidates, inputs, workspace)?
                        } else {
                            spec.forward_against(&batch, candidates, inputs.weights, workspace)?
                        };
                        anchors.copy_from_slice(result.gradient());
                        others.copy_from_slice(result.gradient_to_candidates());
                        OwnedResult::copy_from(&result, options)
                    })?
                })
            })
        })?;
        let [anchors, others] = out.into_python();
        result.into_python(py, anchors, others)
    }

    fn vjp_against<T: EngineElement + Element>(
        &self,
        py: Python<'_>,
        x: &[T],
        (against, y): (&Against<'_>, &[T]),
        workspaces: &Workspaces<T>,
    ) -> PyResult<(Py<PyAny>, Option<Py<PyAny>>)> {
        let Self { spec, labels, shape, inputs, limits, .. } = *self;
        let batch = py.detach(|| catch_panic(|| Ok(Batch::new(x, shape[1], labels)?)))?;
        let candidates = against.batch(py, y)?;
        let mut out = Gradients::new(py, (true, shape), (against.with_gradient(), against.shape()))?;
        out.write(|anchors, others| {
            py.detach(|| {
                catch_panic(|| {
                    let candidates = against.candidates(&candidates);
                    let done = workspaces.with(|workspace| {
                        workspace.set_limits(limits);
                        let result = spec.evaluate_against(&batch, candidates, inputs, workspace)?;
                        anchors.copy_from_slice(result.gradient());
                        others.copy_from_slice(result.gradient_to_candidates());
                        Ok(())
                    })?;
                    if let Err(Error::Upstream { .. } | Error::GradientOverflow { .. }) = done {
                        anchors.fill(T::from_f64(f64::NAN));
                        others.fill(T::from_f64(f64::NAN));
                        return Ok(());
                    }
                    done
                })
            })
        })?;
        let [anchors, others] = out.into_python();
        Ok((anchors.unwrap_or_else(|| py.None()), others))
    }

    fn vjp<T: EngineElement + Element>(
        &self,
        py: Python<'_>,
        x: &[T],
        workspaces: &Workspaces<T>,
    ) -> PyResult<Py<PyAny>> {
        let Self { spec, labels, shape, inputs, limits, .. } = *self;
        let out = empty_matrix::<T>(py, shape)?;
        let mut writing = out.readwrite();
        let gradient = as_mut_slice(&mut writing)?;
        py.detach(|| {
            catch_panic(|| {
                let batch = Batch::new(x, shape[1], labels)?;
                let done = workspaces.with(|workspace| {
                    workspace.set_limits(limits);
                    spec.evaluate_into(&batch, inputs, gradient, workspace).map(|_| ())
                })?;
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

/// A mutable slice over an array that this module has allocated.
fn as_mut_slice<'a, T: Element>(writing: &'a mut PyReadwriteArray2<'_, T>) -> PyResult<&'a mut [T]> {
    writing.as_slice_mut().map_err(|_| PyTypeError::new_err("the gradient must be C-contiguous and aligned"))
}

/// New arrays for the gradients to anchors and candidates, where wanted.
struct Gradients<'py, T: Element>([Option<Bound<'py, PyArray2<T>>>; 2]);

impl<'py, T: Element> Gradients<'py, T> {
    fn new(
        py: Python<'py>,
        (anchors, shape): (bool, [usize; 2]),
        (others, others_shape): (bool, [usize; 2]),
    ) -> PyResult<Self> {
        let new = |wanted: bool, shape| wanted.then(|| empty_matrix::<T>(py, shape)).transpose();
        Ok(Self([new(anchors, shape)?, new(others, others_shape)?]))
    }

    /// Lends both to `write`; empty slices for what is not wanted.
    fn write<R>(&mut self, write: impl FnOnce(&mut [T], &mut [T]) -> PyResult<R>) -> PyResult<R> {
        let [mut anchors, mut others] =
            self.0.each_ref().map(|array| array.as_ref().map(PyArrayMethods::readwrite));
        let anchors = anchors.as_mut().map_or(Ok(&mut [][..]), as_mut_slice)?;
        let others = others.as_mut().map_or(Ok(&mut [][..]), as_mut_slice)?;
        write(anchors, others)
    }

    fn into_python(self) -> [Option<Py<PyAny>>; 2] {
        self.0.map(|array| array.map(|array| array.into_any().unbind()))
    }
}
