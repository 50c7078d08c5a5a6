//! What one call gives.

use crate::record::Record;
use numpy::{Element, PyArray1};
use pyo3::{prelude::*, types::PyTuple};
use triplet_api::{Element as EngineElement, Evaluation, ExecutionInfo, Statistics, reserve};

/// Loss, gradient and counts of one batch; triplets and distances if asked for.
#[pyclass(frozen, module = "triplet_loss._native")]
pub(crate) struct Outcome {
    /// The reduced loss.
    #[pyo3(get)]
    loss: f64,
    /// The losses of the rows `[B]`, without a reduction.
    #[pyo3(get)]
    losses: Option<Py<PyAny>>,
    /// The gradient `[B, D]`.
    #[pyo3(get)]
    gradient: Option<Py<PyAny>>,
    /// Anchors, positives, negatives `[T]` (-1 for none), and their distances.
    #[pyo3(get)]
    triplets: Option<Py<PyTuple>>,
    /// Counts, and distances if asked for.
    #[pyo3(get)]
    record: Py<Record>,
    executed: ExecutionInfo,
}

#[pymethods]
impl Outcome {
    /// Backend, instruction set, threads.
    #[getter]
    fn executed(&self) -> (&'static str, &'static str, usize) {
        (self.executed.backend, self.executed.isa, self.executed.threads)
    }
}

/// What is wanted besides loss and gradient.
#[derive(Clone, Copy)]
pub(crate) struct Extras {
    pub(crate) triplets: bool,
    /// At most so many distances.
    pub(crate) distances: usize,
}

/// The triplets in parallel lists.
struct Triplets<T> {
    rows: [Vec<i64>; 3],
    distances: [Vec<T>; 2],
}

/// What is taken from the workspace while the interpreter is released.
pub(crate) struct Answer<T> {
    loss: T,
    losses: Option<Vec<T>>,
    triplets: Option<Triplets<T>>,
    distances: Option<(Vec<T>, Vec<T>)>,
    statistics: Statistics,
    executed: ExecutionInfo,
}

impl<T: EngineElement + Element> Answer<T> {
    pub(crate) fn of(result: &Evaluation<'_, T>, extras: Extras) -> triplet_api::Result<Self> {
        Ok(Self {
            loss: result.loss(),
            losses: result.losses().map(<[T]>::to_vec),
            triplets: extras.triplets.then(|| Triplets::of(result)).transpose()?,
            distances: (extras.distances > 0).then(|| result.sample_distances(extras.distances)),
            statistics: result.statistics(),
            executed: result.executed(),
        })
    }

    /// As Python's objects.
    pub(crate) fn outcome(self, py: Python<'_>, gradient: Option<Py<PyAny>>) -> PyResult<Outcome> {
        let triplets = self.triplets.map(|triplets| {
            let [anchors, positives, negatives] = triplets.rows.map(|rows| PyArray1::from_vec(py, rows));
            let [near, far] = triplets.distances.map(|distances| PyArray1::from_vec(py, distances));
            (anchors, positives, negatives, near, far).into_pyobject(py).map(Bound::unbind)
        });
        let distances = self.distances.map(|(near, far)| (array(py, near), array(py, far)));
        Ok(Outcome {
            loss: self.loss.to_f64(),
            losses: self.losses.map(|losses| array(py, losses)),
            gradient,
            triplets: triplets.transpose()?,
            record: Py::new(py, Record { statistics: self.statistics, distances })?,
            executed: self.executed,
        })
    }
}

fn array<T: Element>(py: Python<'_>, values: Vec<T>) -> Py<PyAny> {
    PyArray1::from_vec(py, values).into_any().unbind()
}

impl<T: EngineElement> Triplets<T> {
    fn of(result: &Evaluation<'_, T>) -> triplet_api::Result<Self> {
        let count = result.statistics().triplets as usize;
        let row = |row: Option<u32>| row.map_or(-1, i64::from);
        let list = || reserve::<i64>(count);
        let mut rows = [list()?, list()?, list()?];
        let mut distances = [reserve(count)?, reserve(count)?];
        for t in result.triplets() {
            let of = [i64::from(t.anchor), row(t.positive), row(t.negative)];
            rows.iter_mut().zip(of).for_each(|(rows, row)| rows.push(row));
            let of = [t.positive_distance, t.negative_distance];
            distances.iter_mut().zip(of).for_each(|(distances, d)| distances.push(d));
        }
        Ok(Self { rows, distances })
    }
}
