//! One call of a rank: as [`crate::call`], with what other ranks send.

use super::{All, Channel, Rank, lock};
use crate::{
    against::{Against, Argument},
    arrays::{Values, empty_matrix, slice},
    call::as_mut_slice,
    engine::{Engine, Pool},
    errors::catch_panic,
    native_result::{NativeResult, OutputOptions, OwnedResult},
};
use numpy::{Element, PyArrayMethods};
use pyo3::prelude::*;
use std::sync::Mutex;
use triplet_api::{
    Batch, Element as EngineElement, LossSpec, Workspaces,
    ranks::{Gathered, Ranks, Shard},
};

/// Rows `[B, D]` with their shape, labels, weights and starts, and whether any rank asks for the gradient.
type Rows<'a, T> = (&'a [T], [usize; 2], &'a [i64], Option<&'a [f64]>, &'a [usize], bool);

/// What is asked of this rank.
pub(super) struct RankCall<'a> {
    pub(super) rank: &'a Rank,
    pub(super) engine: &'a Engine,
    pub(super) spec: LossSpec,
    pub(super) gradient: bool,
}

impl RankCall<'_> {
    pub(super) fn evaluate<T: EngineElement + Element>(
        &self,
        py: Python<'_>,
        shard: Shard<'_, T>,
        ranks: &Mutex<Ranks<T>>,
        workspaces: &Workspaces<T>,
    ) -> PyResult<NativeResult> {
        let shape = [shard.labels.len(), shard.width];
        self.in_new_array(py, shape, |exchange, out| {
            let mut ranks = lock(ranks);
            let gathered = ranks.gather(&self.spec, shard, exchange)?;
            self.compute(&gathered, None, exchange, workspaces, out)
        })
    }

    /// The loss of gathered rows; an error says whether the other ranks have heard of it.
    pub(super) fn gathered(
        &self,
        py: Python<'_>,
        pool: &Pool,
        (labels, embeddings, weights, starts, any): &All<'_>,
        against: Option<&Argument<'_>>,
    ) -> Result<NativeResult, (PyErr, bool)> {
        let before = |error: PyErr| (error, false);
        let weights =
            weights.as_ref().map(|weights| slice(weights.as_slice())).transpose().map_err(before)?;
        let labels = slice(labels.as_slice()).map_err(before)?;
        let (shape, starts) = (embeddings.shape(), &starts[..]);
        let against = against.map(Against::borrow).transpose().map_err(before)?;
        let others = against.as_ref();
        match embeddings.values().map_err(before)? {
            Values::Float32(x) => {
                let others =
                    others.map(|others| Ok((others, others.single()?))).transpose().map_err(before)?;
                self.evaluate_gathered(py, (&x, shape, labels, weights, starts, *any), others, &pool.single)
            }
            Values::Float64(x) => {
                let others =
                    others.map(|others| Ok((others, others.double()?))).transpose().map_err(before)?;
                self.evaluate_gathered(py, (x, shape, labels, weights, starts, *any), others, &pool.double)
            }
        }
    }

    fn evaluate_gathered<T: EngineElement + Element>(
        &self,
        py: Python<'_>,
        (rows, shape, labels, weights, starts, any): Rows<'_, T>,
        against: Option<(&Against<'_>, &[T])>,
        workspaces: &Workspaces<T>,
    ) -> Result<NativeResult, (PyErr, bool)> {
        let rank = self.rank.rank;
        let own = starts.get(rank + 1).map_or(0, |end| end.saturating_sub(starts[rank]));
        let candidates = against.map(|(against, rows)| against.batch(py, rows)).transpose();
        let candidates = candidates.map_err(|error| (error, false))?;
        self.in_new_array(py, [own, shape[1]], |exchange, out| {
            let batch = Batch::new(rows, shape[1].max(1), labels)?;
            let gathered = Gathered::from_parts(batch, weights, starts, rank, any)?;
            let candidates = against.zip(candidates.as_ref());
            let candidates = candidates.map(|((against, _), batch)| against.candidates(batch));
            self.compute(&gathered, candidates, exchange, workspaces, out)
        })
        .map_err(|error| (error, true))
    }

    fn compute<T: EngineElement + Element>(
        &self,
        gathered: &Gathered<'_, T>,
        candidates: Option<triplet_api::Candidates<'_, T>>,
        exchange: &mut Channel<'_>,
        workspaces: &Workspaces<T>,
        out: &mut [T],
    ) -> triplet_api::Result<OwnedResult<T>> {
        let own = gathered.own();
        let width = gathered.batch().width();
        let (spec, gradient) = (&self.spec, self.gradient);
        workspaces.with(|workspace| {
            workspace.set_limits(self.engine.limits());
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
    fn in_new_array<T: EngineElement + Element>(
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
