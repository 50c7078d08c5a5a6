//! One batch whose rows several processes hold: what they send each other goes through a Python object.

mod call;
mod channel;

use crate::{
    against::Argument,
    arrays::{Embeddings, Float64Array, Values, slice},
    engine::Engine,
    errors::{catch_panic, to_exception},
    native_result::NativeResult,
    plan::Plan,
};
use call::RankCall;
use channel::Channel;
use numpy::{Element, PyArray1, PyArrayMethods, PyReadonlyArray1};
use pyo3::{exceptions::PyValueError, prelude::*};
use std::sync::{Mutex, MutexGuard, PoisonError};
use triplet_api::{
    Batch, CoreError, Element as EngineElement, LossSpec,
    ranks::{Gathered, Kind, Ranks, Shard},
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

/// What `gather` gives.
type AllOut = (Py<PyAny>, Py<PyAny>, Option<Py<PyAny>>, Option<Py<PyAny>>, Vec<usize>, bool);

/// All ranks' rows: labels `[B]`, embeddings `[B, D]`, weights `[B]`, where each rank's rows start, and the end, and whether
/// any rank asks for the gradient.
type All<'py> =
    (PyReadonlyArray1<'py, i64>, Embeddings<'py>, Option<PyReadonlyArray1<'py, f64>>, Vec<usize>, bool);

#[pymethods]
impl Rank {
    #[new]
    fn new(exchange: Py<PyAny>, rank: usize, ranks: usize) -> PyResult<Self> {
        if rank >= ranks {
            return Err(PyValueError::new_err(format!("rank {rank} is none of {ranks}")));
        }
        let single = Ranks::default();
        let double = Mutex::new(single.of_same_rank());
        Ok(Self { exchange, rank, ranks, single: Mutex::new(single), double })
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
                let shard = Shard { weights, gradient, ..Shard::new(&x[..], width, labels) };
                call.evaluate(py, shard, &self.single, &pool.single)
            }
            Values::Float64(x) => {
                let shard = Shard { weights, gradient, ..Shard::new(x, width, labels) };
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
        kind: &str,
        digest: u64,
        gradient: bool,
    ) -> PyResult<AllOut> {
        let weights = weights.as_ref().map(|weights| slice(weights.as_slice())).transpose()?;
        let marks = marks.as_ref().map(|marks| slice(marks.as_slice())).transpose()?;
        let kind: Kind = kind.parse().map_err(|error: CoreError| to_exception(error.into()))?;
        let labels = slice(labels.as_slice())?;
        let [_, width] = embeddings.shape();
        match embeddings.values()? {
            Values::Float32(x) => {
                let shard =
                    Shard { weights, kind, digest, gradient, marks, ..Shard::new(&x[..], width, labels) };
                self.gather_rows(py, plan.spec, shard, &self.single)
            }
            Values::Float64(x) => {
                let shard = Shard { weights, kind, digest, gradient, marks, ..Shard::new(x, width, labels) };
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
        let call = RankCall { rank: self, engine, spec: plan.spec, gradient };
        let given = against.is_some();
        let done = call.gathered(py, &engine.pool(plan.options), &all, against.as_ref());
        done.or_else(|(error, exchanged)| {
            if !exchanged {
                self.stop(py, plan, all, given)?;
            }
            Err(error)
        })
    }

    /// Tells the other ranks, which are about to evaluate what was gathered, that this one cannot.
    fn stop(&self, py: Python<'_>, plan: &Plan, all: All<'_>, against: bool) -> PyResult<()> {
        let (labels, embeddings, _, starts, gradient) = &all;
        let labels = slice(labels.as_slice())?;
        let [_, width] = embeddings.shape();
        let mut exchange = Channel::of(self);
        match embeddings.values()? {
            Values::Float32(x) => {
                self.stop_rows(py, plan.spec, (&x, width, labels, starts, *gradient), against, &mut exchange)
            }
            Values::Float64(x) => {
                self.stop_rows(py, plan.spec, (x, width, labels, starts, *gradient), against, &mut exchange)
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
    fn stop_rows<T: EngineElement>(
        &self,
        py: Python<'_>,
        spec: LossSpec,
        (rows, width, labels, starts, gradient): (&[T], usize, &[i64], &[usize], bool),
        against: bool,
        exchange: &mut Channel<'_>,
    ) -> PyResult<()> {
        py.detach(|| {
            catch_panic(|| {
                let batch = Batch::new(rows, width.max(1), labels)?;
                let gathered = Gathered::from_parts(batch, None, starts, self.rank, gradient)?;
                gathered.stop(&spec, against, exchange);
                Ok(())
            })
        })
    }

    fn gather_rows<T: EngineElement + Element>(
        &self,
        py: Python<'_>,
        spec: LossSpec,
        shard: Shard<'_, T>,
        ranks: &Mutex<Ranks<T>>,
    ) -> PyResult<AllOut> {
        let mut exchange = Channel::of(self);
        let result = py.detach(|| {
            catch_panic(|| {
                let mut ranks = lock(ranks);
                let gathered = ranks.gather(&spec, shard, &mut exchange)?;
                let batch = gathered.batch();
                let weights = gathered.weights().map(<[f64]>::to_vec);
                let marks = gathered.marks().map(<[bool]>::to_vec);
                let rows = (batch.embeddings().to_vec(), batch.labels().to_vec(), batch.width());
                Ok((rows, weights, marks, gathered.starts().to_vec(), gathered.gradient()))
            })
        });
        let ((rows, labels, width), weights, marks, starts, gradient) = exchange.finish(result)?;
        let count = labels.len();
        let rows = PyArray1::from_vec(py, rows).reshape([count, width])?.into_any().unbind();
        let labels = PyArray1::from_vec(py, labels).into_any().unbind();
        let weights = weights.map(|weights| PyArray1::from_vec(py, weights).into_any().unbind());
        let marks = marks.map(|marks| PyArray1::from_vec(py, marks).into_any().unbind());
        Ok((rows, labels, weights, marks, starts, gradient))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
