//! The results of one call.

use crate::call_summary::CallSummary;
use numpy::{Element, PyArray1};
use pyo3::{prelude::*, types::PyTuple};
use triplet_api::{Element as EngineElement, Evaluation, ExecutionInfo, Statistics, reserve};

/// Loss, gradient and statistics of one batch; triplets and distances if requested.
#[pyclass(frozen, module = "triplet_loss._native")]
pub(crate) struct NativeResult {
    /// The reduced loss.
    #[pyo3(get)]
    loss: f64,
    /// The losses of the rows `[B]`, without a reduction.
    #[pyo3(get)]
    losses: Option<Py<PyAny>>,
    /// The gradient `[B, D]`.
    #[pyo3(get)]
    gradient: Option<Py<PyAny>>,
    /// The gradient to the candidates `[N, D]`.
    #[pyo3(get)]
    candidate_gradient: Option<Py<PyAny>>,
    /// Anchors, positives, negatives `[T]` (-1 for none), and their distances.
    #[pyo3(get)]
    triplets: Option<Py<PyTuple>>,
    /// Statistics, and sampled distances if requested.
    #[pyo3(get)]
    summary: Py<CallSummary>,
    executed: ExecutionInfo,
}

#[pymethods]
impl NativeResult {
    /// Backend, instruction set, threads.
    #[getter]
    fn executed(&self) -> (&'static str, &'static str, usize) {
        (self.executed.backend, self.executed.isa, self.executed.threads)
    }
}

/// The requested outputs besides loss and gradient.
#[derive(Clone, Copy)]
pub(crate) struct OutputOptions {
    pub(crate) triplets: bool,
    /// The largest number of sampled distances; 0 for none.
    pub(crate) distances: usize,
}

/// The triplets as one list a column.
struct TripletColumns<T> {
    rows: [Vec<i64>; 3],
    distances: [Vec<T>; 2],
}

/// The results, copied from the workspace without holding the interpreter's lock.
pub(crate) struct OwnedResult<T> {
    loss: T,
    losses: Option<Vec<T>>,
    triplets: Option<TripletColumns<T>>,
    distances: Option<(Vec<T>, Vec<T>)>,
    statistics: Statistics,
    executed: ExecutionInfo,
}

impl<T: EngineElement + Element> OwnedResult<T> {
    pub(crate) fn copy_from(result: &Evaluation<'_, T>, options: OutputOptions) -> triplet_api::Result<Self> {
        Ok(Self {
            loss: result.loss(),
            losses: result.losses().map(<[T]>::to_vec),
            triplets: options.triplets.then(|| TripletColumns::copy_from(result)).transpose()?,
            // A call in parts has none.
            distances: (options.distances > 0)
                .then(|| result.sample_distances(options.distances).ok())
                .flatten(),
            statistics: result.statistics(),
            executed: result.executed(),
        })
    }

    /// Converts the results to Python objects.
    pub(crate) fn into_python(
        self,
        py: Python<'_>,
        gradient: Option<Py<PyAny>>,
        candidate_gradient: Option<Py<PyAny>>,
    ) -> PyResult<NativeResult> {
        let triplets = self.triplets.map(|triplets| {
            let [anchors, positives, negatives] = triplets.rows.map(|rows| PyArray1::from_vec(py, rows));
            let [to_positive, to_negative] =
                triplets.distances.map(|distances| PyArray1::from_vec(py, distances));
            (anchors, positives, negatives, to_positive, to_negative).into_pyobject(py).map(Bound::unbind)
        });
        let distances =
            self.distances.map(|(positive, negative)| (to_array(py, positive), to_array(py, negative)));
        Ok(NativeResult {
            loss: self.loss.to_f64(),
            losses: self.losses.map(|losses| to_array(py, losses)),
            gradient,
            candidate_gradient,
            triplets: triplets.transpose()?,
            summary: Py::new(py, CallSummary { statistics: self.statistics, distances })?,
            executed: self.executed,
        })
    }
}

fn to_array<T: Element>(py: Python<'_>, values: Vec<T>) -> Py<PyAny> {
    PyArray1::from_vec(py, values).into_any().unbind()
}

impl<T: EngineElement> TripletColumns<T> {
    fn copy_from(result: &Evaluation<'_, T>) -> triplet_api::Result<Self> {
        let count = result.statistics().triplets as usize;
        let index = |row: Option<u32>| row.map_or(-1, i64::from);
        let column = || reserve::<i64>(count);
        let mut rows = [column()?, column()?, column()?];
        let mut distances = [reserve(count)?, reserve(count)?];
        for t in result.triplets()? {
            let triplet = [i64::from(t.anchor), index(t.positive), index(t.negative)];
            rows.iter_mut().zip(triplet).for_each(|(column, row)| column.push(row));
            let pair = [t.positive_distance, t.negative_distance];
            distances.iter_mut().zip(pair).for_each(|(column, distance)| column.push(distance));
        }
        Ok(Self { rows, distances })
    }
}
