//! The nearest rows of queries under conditions, and the distances of pairs.

use crate::{
    arrays::{Embeddings, Values, slice},
    engine::Engine,
    errors::{catch_panic_of, dataset_exception},
    plan::Plan,
};
use numpy::{IntoPyArray, PyArrayMethods, PyReadonlyArray1};
use pyo3::{
    exceptions::{PyTypeError, PyValueError},
    prelude::*,
};
use triplet_api::{BackendOptions, Element};
use triplet_core::Distance;
use triplet_dataset::{Control, Error, InMemory, NearestRows, pair_distances};

/// Where the excluded rows of each query start, and the end; and the rows, ascending for each query.
type Excluded<'py> = (PyReadonlyArray1<'py, i64>, PyReadonlyArray1<'py, i64>);

#[pymethods]
impl Engine {
    /// The rows `[M, keep]` (-1 for none) and distances of the nearest candidates of each query: from a least distance of
    /// each on, up to a largest, and without those that are excluded. `watch(pairs, all)` is called from time to time.
    #[pyo3(signature = (plan, queries, candidates, keep, least=None, most=None, excluded=None, memory=None, watch=None))]
    fn nearest(
        &self,
        py: Python<'_>,
        plan: &Plan,
        queries: Embeddings<'_>,
        candidates: Embeddings<'_>,
        keep: usize,
        least: Option<PyReadonlyArray1<'_, f64>>,
        most: Option<f64>,
        excluded: Option<Excluded<'_>>,
        memory: Option<u64>,
        watch: Option<Py<PyAny>>,
    ) -> PyResult<(Py<PyAny>, Py<PyAny>)> {
        let [width, other_width] = [&queries, &candidates].map(|rows| rows.shape()[1]);
        let least = least.as_ref().map(|least| slice(least.as_slice())).transpose()?;
        let numbers = |values: &[i64]| values.iter().map(|&value| value as usize).collect::<Vec<_>>();
        let excluded = match &excluded {
            Some((starts, rows)) => {
                let rows: Vec<u32> = slice(rows.as_slice())?.iter().map(|&row| row as u32).collect();
                Some((numbers(slice(starts.as_slice())?), rows))
            }
            None => None,
        };
        let call = NearestCall {
            options: plan.options,
            distance: plan.spec.objective.distance,
            widths: [width, other_width],
            keep,
            least,
            most,
            excluded: excluded.as_ref().map(|(starts, rows)| (&starts[..], &rows[..])),
            memory,
            watch,
        };
        match (queries.values()?, candidates.values()?) {
            (Values::Float32(x), Values::Float32(y)) => call.run::<f32>(py, &x, &y),
            (Values::Float64(x), Values::Float64(y)) => call.run::<f64>(py, x, y),
            _ => Err(PyTypeError::new_err(
                "queries and candidates have different types: one is float64, the other is not",
            )),
        }
    }

    /// The distances of pairs of a query and a candidate, given by row.
    fn pair_distances(
        &self,
        py: Python<'_>,
        plan: &Plan,
        queries: Embeddings<'_>,
        candidates: Embeddings<'_>,
        pairs: Excluded<'_>,
    ) -> PyResult<Py<PyAny>> {
        let width = queries.shape()[1];
        let other = candidates.shape()[1];
        if width != other {
            return Err(PyValueError::new_err(format!(
                "queries have width {width} but the candidates have width {other}: both must be embeddings of one network"
            )));
        }
        let distance = plan.spec.objective.distance;
        let (left, right) = (slice(pairs.0.as_slice())?, slice(pairs.1.as_slice())?);
        match (queries.values()?, candidates.values()?) {
            (Values::Float32(x), Values::Float32(y)) => pairs_of(py, &x, &y, width, distance, (left, right)),
            (Values::Float64(x), Values::Float64(y)) => pairs_of(py, x, y, width, distance, (left, right)),
            _ => Err(PyTypeError::new_err(
                "queries and candidates have different types: one is float64, the other is not",
            )),
        }
    }
}

fn pairs_of<T: Element + numpy::Element>(
    py: Python<'_>,
    x: &[T],
    y: &[T],
    width: usize,
    distance: Distance,
    (left, right): (&[i64], &[i64]),
) -> PyResult<Py<PyAny>> {
    let pairs = left.iter().zip(right).map(|(&a, &b)| (a as u32, b as u32));
    let found = py.detach(|| catch_panic_of(|| pair_distances(x, y, width, distance, pairs)))?;
    let found = found.map_err(dataset_exception)?;
    Ok(found.into_pyarray(py).into_any().unbind())
}

/// The arguments of one search, except for the rows.
struct NearestCall<'a> {
    options: BackendOptions,
    distance: Distance,
    widths: [usize; 2],
    keep: usize,
    least: Option<&'a [f64]>,
    most: Option<f64>,
    excluded: Option<(&'a [usize], &'a [u32])>,
    memory: Option<u64>,
    watch: Option<Py<PyAny>>,
}

impl NearestCall<'_> {
    fn run<T: Element + numpy::Element>(
        self,
        py: Python<'_>,
        x: &[T],
        y: &[T],
    ) -> PyResult<(Py<PyAny>, Py<PyAny>)> {
        let Self { options, distance, widths, keep, least, most, excluded, memory, watch } = self;
        let (queries, candidates) = (InMemory::new(x, widths[0]), InMemory::new(y, widths[1]));
        let mut asked =
            NearestRows { least, most, excluded, ..NearestRows::new(&queries, &candidates, distance, keep) };
        asked.memory = memory.unwrap_or(asked.memory);
        let mut raised = None;
        let searched = py.detach(|| {
            catch_panic_of(|| {
                let mut engine = options.engine::<T>().map_err(|error| Error::Sink(Box::new(error)))?;
                asked.search(&mut *engine, &mut |progress| {
                    let told = Python::attach(|py| {
                        py.check_signals()?;
                        let call =
                            watch.as_ref().map(|watch| watch.call1(py, (progress.pairs, progress.all_pairs)));
                        call.transpose().map(|_| ())
                    });
                    match told {
                        Ok(()) => Control::GoOn,
                        Err(error) => {
                            raised = Some(error);
                            Control::Stop
                        }
                    }
                })
            })
        })?;
        if let Some(error) = raised {
            return Err(error);
        }
        let found = searched.map_err(dataset_exception)?;
        let rows: Vec<i64> =
            found.rows.iter().map(|&row| if row == u32::MAX { -1 } else { i64::from(row) }).collect();
        let distances: Vec<T> = found.values.iter().map(|&value| distance.of_ranking_value(value)).collect();
        let shape = [rows.len() / keep.max(1), keep];
        Ok((
            rows.into_pyarray(py).reshape(shape)?.into_any().unbind(),
            distances.into_pyarray(py).reshape(shape)?.into_any().unbind(),
        ))
    }
}
