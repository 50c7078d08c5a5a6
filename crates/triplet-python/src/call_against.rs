//! Calls with anchors against candidates: as [`crate::call`], with two gradients.

use crate::{
    against::Against,
    arrays::empty_matrix,
    call::{Call, as_mut_slice},
    errors::catch_panic,
    native_result::{NativeResult, OutputOptions, OwnedResult},
};
use numpy::{Element, PyArray2, PyArrayMethods};
use pyo3::prelude::*;
use triplet_api::{Batch, Element as EngineElement, Error, Loss, MemoryLimits, Workspaces};

impl Call<'_> {
    pub(crate) fn run_against<T: EngineElement + Element>(
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

    pub(crate) fn vjp_against<T: EngineElement + Element>(
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
