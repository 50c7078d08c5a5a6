//! One call: borrow the arrays, release the interpreter's lock, compute.

use crate::{
    arrays::{Embeddings, Float64Array, empty_matrix, slice},
    engine::{Engine, Pool},
    errors::{catch_panic, to_exception},
    native_result::{NativeResult, OutputOptions, OwnedResult},
    plan::Plan,
};
use numpy::{Element, PyArrayMethods, PyReadonlyArray1, PyReadwriteArray2, PyUntypedArrayMethods};
use pyo3::{exceptions::PyTypeError, prelude::*};
use std::sync::Arc;
use triplet_api::{
    Batch, Element as EngineElement, Error, Inputs, Loss, LossSpec, MemoryLimits, Weights, Workspaces,
};

/// The inputs of one evaluation, except for the embeddings and their element type.
pub(crate) struct Call<'a> {
    pub(crate) spec: LossSpec,
    pub(crate) labels: &'a [i64],
    pub(crate) shape: [usize; 2],
    pub(crate) inputs: Inputs<'a>,
    pub(crate) pool: Arc<Pool>,
    pub(crate) limits: MemoryLimits,
}

impl<'a> Call<'a> {
    pub(crate) fn new(
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
            limits: engine.limits(),
        })
    }

    pub(crate) fn run<T: EngineElement + Element>(
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

    pub(crate) fn vjp<T: EngineElement + Element>(
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
pub(crate) fn as_mut_slice<'a, T: Element>(
    writing: &'a mut PyReadwriteArray2<'_, T>,
) -> PyResult<&'a mut [T]> {
    writing.as_slice_mut().map_err(|_| PyTypeError::new_err("the gradient must be C-contiguous and aligned"))
}
