//! One batch whose rows several processes hold: what they send each other goes through a Python object.

use crate::{
    against::{Against, Argument},
    arrays::{Embeddings, Float64Array, Values, empty_matrix, slice},
    call::as_mut_slice,
    engine::Engine,
    errors::catch_panic,
    native_result::{NativeResult, OutputOptions, OwnedResult},
    plan::Plan,
};
use numpy::{Element, PyArray1, PyArrayMethods, PyReadonlyArray1};
use pyo3::{exceptions::PyValueError, prelude::*, types::PyByteArray};
use std::sync::{Mutex, MutexGuard, PoisonError};
use triplet_api::{
    Batch, Element as EngineElement, LossSpec, MemoryLimits, Workspaces,
    ranks::{Exchange, ExchangeError, Gathered, Ranks, Shard, Stage},
};

/// One rank of several.
///
/// Its `exchange` has two methods, which get the name of the stage, bytes, and how many bytes go to or come from each
/// rank, and return a uint8 array: `all_gather(stage, own, lengths)` and `all_to_all(stage, parts, lengths, expected)`. Of the
/// exceptions that they raise, one with an attribute `ranks` names ranks that did not answer.
#[pyclass(frozen, module = "triplet_loss._native")]
pub(crate) struct Rank {
    exchange: Py<PyAny>,
    rank: usize,
    ranks: usize,
    single: Mutex<Ranks<f32>>,
    double: Mutex<Ranks<f64>>,
}

/// All ranks' rows: labels `[B]`, embeddings `[B, D]`, weights `[B]`, and where each rank's rows start, and the end.
type All<'py> = (PyReadonlyArray1<'py, i64>, Embeddings<'py>, Option<PyReadonlyArray1<'py, f64>>, Vec<usize>);

#[pymethods]
impl Rank {
    #[new]
    fn new(exchange: Py<PyAny>, rank: usize, ranks: usize) -> PyResult<Self> {
        if rank >= ranks {
            return Err(PyValueError::new_err(format!("rank {rank} is none of {ranks}")));
        }
        Ok(Self { exchange, rank, ranks, single: Mutex::default(), double: Mutex::default() })
    }

    /// The loss of all ranks' rows, and on request the gradient to this rank's own `[B_r, D]`.
    #[pyo3(signature = (engine, plan, labels, embeddings, weights=None, gradient=true))]
    fn evaluate(
        &self,
        py: Python<'_>,
        engine: &Engine,
        plan: &Plan,
        labels: PyReadonlyArray1<'_, i64>,
        embeddings: Embeddings<'_>,
        weights: Option<Float64Array<'_>>,
        gradient: bool,
    ) -> PyResult<NativeResult> {
        let weights = weights.as_ref().map(|weights| slice(weights.as_slice())).transpose()?;
        let labels = slice(labels.as_slice())?;
        let [_, width] = embeddings.shape();
        let pool = engine.pool(plan.options);
        let call = RankCall { rank: self, engine, spec: plan.spec, gradient };
        match embeddings.values()? {
            Values::Float32(x) => {
                let shard = Shard { embeddings: &x[..], width, labels, weights, marks: None };
                call.evaluate(py, shard, &self.single, &pool.single)
            }
            Values::Float64(x) => {
                let shard = Shard { embeddings: x, width, labels, weights, marks: None };
                call.evaluate(py, shard, &self.double, &pool.double)
            }
        }
    }

    /// Embeddings, labels, weights and marks of all ranks, and where each rank's start, and the end.
    fn gather(
        &self,
        py: Python<'_>,
        plan: &Plan,
        labels: PyReadonlyArray1<'_, i64>,
        embeddings: Embeddings<'_>,
        weights: Option<Float64Array<'_>>,
        marks: Option<PyReadonlyArray1<'_, bool>>,
    ) -> PyResult<(Py<PyAny>, Py<PyAny>, Option<Py<PyAny>>, Option<Py<PyAny>>, Vec<usize>)> {
        let weights = weights.as_ref().map(|weights| slice(weights.as_slice())).transpose()?;
        let marks = marks.as_ref().map(|marks| slice(marks.as_slice())).transpose()?;
        let labels = slice(labels.as_slice())?;
        let [_, width] = embeddings.shape();
        match embeddings.values()? {
            Values::Float32(x) => {
                let shard = Shard { embeddings: &x[..], width, labels, weights, marks };
                self.gather_rows(py, plan.spec, shard, &self.single)
            }
            Values::Float64(x) => {
                let shard = Shard { embeddings: x, width, labels, weights, marks };
                self.gather_rows(py, plan.spec, shard, &self.double)
            }
        }
    }

    /// The loss of rows that `gather` gave, or some of them, against each other or against candidates that all ranks have.
    #[pyo3(signature = (engine, plan, all, gradient=true, against=None))]
    fn evaluate_gathered(
        &self,
        py: Python<'_>,
        engine: &Engine,
        plan: &Plan,
        all: All<'_>,
        gradient: bool,
        against: Option<Argument<'_>>,
    ) -> PyResult<NativeResult> {
        let (labels, embeddings, weights, starts) = &all;
        let weights = weights.as_ref().map(|weights| slice(weights.as_slice())).transpose()?;
        let labels = slice(labels.as_slice())?;
        let shape = embeddings.shape();
        let against = against.as_ref().map(Against::borrow).transpose()?;
        let pool = engine.pool(plan.options);
        let call = RankCall { rank: self, engine, spec: plan.spec, gradient };
        match (embeddings.values()?, &against) {
            (Values::Float32(x), None) => {
                let rows = (&x[..], shape, labels, weights, &starts[..]);
                call.evaluate_gathered(py, rows, None, &pool.single)
            }
            (Values::Float64(x), None) => {
                let rows = (x, shape, labels, weights, &starts[..]);
                call.evaluate_gathered(py, rows, None, &pool.double)
            }
            (Values::Float32(x), Some(others)) => {
                let rows = (&x[..], shape, labels, weights, &starts[..]);
                call.evaluate_gathered(py, rows, Some((others, others.single()?)), &pool.single)
            }
            (Values::Float64(x), Some(others)) => {
                let rows = (x, shape, labels, weights, &starts[..]);
                call.evaluate_gathered(py, rows, Some((others, others.double()?)), &pool.double)
            }
        }
    }

    /// Tells the other ranks that this one cannot take part in their next call, and why.
    fn refuse(&self, py: Python<'_>, reason: &str) -> PyResult<()> {
        let mut exchange = Channel::of(self);
        py.detach(|| lock(&self.single).refuse(reason, &mut exchange));
        exchange.interrupted.map_or(Ok(()), Err)
    }
}

impl Rank {
    fn gather_rows<T: EngineElement + Element>(
        &self,
        py: Python<'_>,
        spec: LossSpec,
        shard: Shard<'_, T>,
        ranks: &Mutex<Ranks<T>>,
    ) -> PyResult<(Py<PyAny>, Py<PyAny>, Option<Py<PyAny>>, Option<Py<PyAny>>, Vec<usize>)> {
        let mut exchange = Channel::of(self);
        let result = py.detach(|| {
            catch_panic(|| {
                let mut ranks = lock(ranks);
                let gathered = ranks.gather(&spec, shard, &mut exchange)?;
                let batch = gathered.batch();
                let weights = gathered.weights().map(<[f64]>::to_vec);
                let marks = gathered.marks().map(<[bool]>::to_vec);
                let rows = (batch.embeddings().to_vec(), batch.labels().to_vec(), batch.width());
                Ok((rows, weights, marks, gathered.starts().to_vec()))
            })
        });
        let ((rows, labels, width), weights, marks, starts) = exchange.finish(result)?;
        let count = labels.len();
        let rows = PyArray1::from_vec(py, rows).reshape([count, width])?.into_any().unbind();
        let labels = PyArray1::from_vec(py, labels).into_any().unbind();
        let weights = weights.map(|weights| PyArray1::from_vec(py, weights).into_any().unbind());
        let marks = marks.map(|marks| PyArray1::from_vec(py, marks).into_any().unbind());
        Ok((rows, labels, weights, marks, starts))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Rows `[B, D]` with their shape, labels, weights and starts.
type Rows<'a, T> = (&'a [T], [usize; 2], &'a [i64], Option<&'a [f64]>, &'a [usize]);

/// What is asked of this rank.
struct RankCall<'a> {
    rank: &'a Rank,
    engine: &'a Engine,
    spec: LossSpec,
    gradient: bool,
}

impl RankCall<'_> {
    fn limits(&self) -> MemoryLimits {
        MemoryLimits { bytes: self.engine.memory().unwrap_or(usize::MAX), ..Default::default() }
    }

    fn evaluate<T: EngineElement + Element>(
        &self,
        py: Python<'_>,
        shard: Shard<'_, T>,
        ranks: &Mutex<Ranks<T>>,
        workspaces: &Workspaces<T>,
    ) -> PyResult<NativeResult> {
        let shape = [shard.labels.len(), shard.width];
        self.into_array(py, shape, |exchange, out| {
            let mut ranks = lock(ranks);
            let mut gathered = ranks.gather(&self.spec, shard, exchange)?;
            self.compute(&mut gathered, None, exchange, workspaces, out)
        })
    }

    fn evaluate_gathered<T: EngineElement + Element>(
        &self,
        py: Python<'_>,
        (rows, shape, labels, weights, starts): Rows<'_, T>,
        against: Option<(&Against<'_>, &[T])>,
        workspaces: &Workspaces<T>,
    ) -> PyResult<NativeResult> {
        let rank = self.rank.rank;
        let own = starts.get(rank + 1).map_or(0, |end| end.saturating_sub(starts[rank]));
        let candidates = against.map(|(against, rows)| against.batch(py, rows)).transpose()?;
        self.into_array(py, [own, shape[1]], |exchange, out| {
            let batch = Batch::new(rows, shape[1], labels)?;
            let mut gathered = Gathered::from_parts(batch, weights, starts, rank)?;
            let candidates = against.zip(candidates.as_ref());
            let candidates = candidates.map(|((against, _), batch)| against.candidates(batch));
            self.compute(&mut gathered, candidates, exchange, workspaces, out)
        })
    }

    fn compute<T: EngineElement + Element>(
        &self,
        gathered: &mut Gathered<'_, T>,
        candidates: Option<triplet_api::Candidates<'_, T>>,
        exchange: &mut Channel<'_>,
        workspaces: &Workspaces<T>,
        out: &mut [T],
    ) -> triplet_api::Result<OwnedResult<T>> {
        let own = gathered.own();
        let width = gathered.batch().width();
        let (spec, gradient) = (&self.spec, self.gradient);
        workspaces.with(|workspace| {
            workspace.set_limits(self.limits());
            let result = match (candidates, gradient) {
                (Some(candidates), gradient) => {
                    gathered.evaluate_against(spec, candidates, gradient, exchange, workspace)?
                }
                (None, true) => gathered.evaluate(spec, exchange, workspace)?,
                (None, false) => gathered.forward(spec, exchange, workspace)?,
            };
            if gradient {
                out.copy_from_slice(&result.gradient()[own.start * width..own.end * width]);
            }
            OwnedResult::copy_from(&result, OutputOptions { triplets: false, distances: 0 })
        })?
    }

    /// Runs `work` without the interpreter's lock; the gradient goes to a new array of a shape.
    fn into_array<T: EngineElement + Element>(
        &self,
        py: Python<'_>,
        shape: [usize; 2],
        work: impl FnOnce(&mut Channel<'_>, &mut [T]) -> triplet_api::Result<OwnedResult<T>> + Send,
    ) -> PyResult<NativeResult> {
        let out = self.gradient.then(|| empty_matrix::<T>(py, shape)).transpose()?;
        let mut writing = out.as_ref().map(PyArrayMethods::readwrite);
        let destination = writing.as_mut().map_or(Ok(&mut [][..]), as_mut_slice)?;
        let mut exchange = Channel::of(self.rank);
        let result = py.detach(|| catch_panic(|| work(&mut exchange, destination)));
        let result = exchange.finish(result)?;
        drop(writing);
        result.into_python(py, out.map(|out| out.into_any().unbind()), None)
    }
}

/// The exchange of one call.
struct Channel<'a> {
    rank: &'a Rank,
    /// An exception that says nothing about ranks, such as an interrupt.
    interrupted: Option<PyErr>,
}

impl<'a> Channel<'a> {
    fn of(rank: &'a Rank) -> Self {
        Self { rank, interrupted: None }
    }

    /// The result, or the exception that ended the exchange.
    fn finish<R>(self, result: PyResult<R>) -> PyResult<R> {
        match (result, self.interrupted) {
            (Err(_), Some(interrupted)) => Err(interrupted),
            (result, _) => result,
        }
    }

    /// Calls a method of the Python object.
    fn call(
        &mut self,
        out: &mut [u8],
        ask: impl FnOnce(&Bound<'_, PyAny>) -> PyResult<Py<PyAny>>,
    ) -> Result<(), ExchangeError> {
        Python::attach(|py| {
            let exchange = self.rank.exchange.bind(py);
            let copied = ask(exchange).and_then(|answer| {
                let answer = answer.bind(py).extract::<PyReadonlyArray1<'_, u8>>()?;
                let bytes = slice(answer.as_slice())?;
                if bytes.len() != out.len() {
                    let message = format!("the exchange gave {} bytes instead of {}", bytes.len(), out.len());
                    return Err(PyValueError::new_err(message));
                }
                out.copy_from_slice(bytes);
                Ok(())
            });
            copied.map_err(|error| {
                let ranks = error.value(py).getattr("ranks").and_then(|ranks| ranks.extract::<Vec<usize>>());
                let reason = error.value(py).to_string();
                if ranks.is_err() {
                    self.interrupted = Some(error);
                }
                ExchangeError { ranks: ranks.unwrap_or_default(), reason }
            })
        })
    }
}

impl Exchange for Channel<'_> {
    fn rank(&self) -> usize {
        self.rank.rank
    }

    fn ranks(&self) -> usize {
        self.rank.ranks
    }

    fn all_gather(
        &mut self,
        stage: Stage,
        own: &[u8],
        lengths: &[usize],
        all: &mut [u8],
    ) -> Result<(), ExchangeError> {
        self.call(all, |exchange| {
            let own = PyByteArray::new(exchange.py(), own);
            Ok(exchange.call_method1("all_gather", (stage.name(), own, lengths))?.unbind())
        })
    }

    fn all_to_all(
        &mut self,
        stage: Stage,
        (parts, lengths): (&[u8], &[usize]),
        (received, expected): (&mut [u8], &[usize]),
    ) -> Result<(), ExchangeError> {
        self.call(received, |exchange| {
            let parts = PyByteArray::new(exchange.py(), parts);
            Ok(exchange.call_method1("all_to_all", (stage.name(), parts, lengths, expected))?.unbind())
        })
    }
}
