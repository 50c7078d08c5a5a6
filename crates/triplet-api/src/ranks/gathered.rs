//! The second half: loss and gradient of gathered rows.

use super::{Exchange, RankError, Stage, engine::RankedEngine, own_side::OwnSide};
use crate::{
    Candidates, Error, Evaluation, Inputs, Loss, LossSpec, Result, Weights, Workspace,
    run::{Gradient, run},
};
use core::ops::Range;
use triplet_core::{Batch, Real};
use triplet_simd::Element;

/// The rows of all ranks.
#[derive(Debug)]
pub struct Gathered<'a, T: Real> {
    pub(super) batch: Batch<'a, T>,
    pub(super) weights: Option<&'a [f64]>,
    pub(super) marks: Option<&'a [bool]>,
    pub(super) starts: &'a [usize],
    pub(super) rank: usize,
    /// Whether any rank asks for the gradient: all take part in its exchange then.
    pub(super) gradient: bool,
}

impl<'a, T: Element> Gathered<'a, T> {
    /// Rows that were gathered in another way: the batch is the same on every rank, and rank `r` has the rows
    /// `starts[r]..starts[r + 1]`. `gradient`, the same on every rank, says whether any asks for the gradient.
    ///
    /// # Errors
    /// Starts that do not ascend from 0 to the rows of the batch, one a rank and the end; weights that are refused.
    pub fn from_parts(
        batch: Batch<'a, T>,
        weights: Option<&'a [f64]>,
        starts: &'a [usize],
        rank: usize,
        gradient: bool,
    ) -> Result<Self> {
        let ends = [starts.first(), starts.last()] == [Some(&0), Some(&batch.rows())];
        if !ends || !starts.is_sorted() || starts.len() < rank + 2 {
            return Err(Error::RankStarts { starts: starts.to_vec(), rows: batch.rows() });
        }
        if let Some(weights) = weights {
            Weights::PerSample(weights).check(batch.rows())?;
        }
        Ok(Self { batch, weights, marks: None, starts, rank, gradient })
    }

    /// The rows `[B, D]` and labels of all ranks, by ascending rank.
    #[must_use]
    pub fn batch(&self) -> &Batch<'a, T> {
        &self.batch
    }

    /// The weights of all rows, where there are any.
    #[must_use]
    pub fn weights(&self) -> Option<&'a [f64]> {
        self.weights
    }

    /// The marks of all rows, where there are any.
    #[must_use]
    pub fn marks(&self) -> Option<&'a [bool]> {
        self.marks
    }

    /// Where the rows of each rank start, and the end.
    #[must_use]
    pub fn starts(&self) -> &'a [usize] {
        self.starts
    }

    /// Which rows are this rank's own.
    #[must_use]
    pub fn own(&self) -> Range<usize> {
        self.starts[self.rank]..self.starts[self.rank + 1]
    }

    /// A matrix `[B, D]`, given the rows that each rank has of it: of the gradient, for example.
    ///
    /// # Errors
    /// Ranks that do not answer.
    pub fn join(&self, own: &[T], exchange: &mut dyn Exchange) -> Result<Vec<T>> {
        let width = self.batch.width();
        let ends = self.starts.windows(2).map(|pair| pair[1] - pair[0]);
        let lengths: Vec<usize> = ends.map(|rows| rows * width * size_of::<T>()).collect();
        let (mut bytes, mut joined) = (Vec::new(), Vec::new());
        T::write_le(own, &mut bytes);
        let mut all = vec![0; lengths.iter().sum()];
        let stage = Stage::Joined;
        exchange.all_gather(stage, &bytes, &lengths, &mut all).map_err(RankError::lost(stage))?;
        T::read_le(&all, &mut joined);
        Ok(joined)
    }

    /// Loss, statistics and triplets of the whole batch, on every rank. Of the gradient `[B, D]`, this rank's own rows
    /// are filled in, and the others are zero.
    ///
    /// # Errors
    /// As [`Loss::evaluate_with`]; [`RankError`].
    pub fn evaluate<'e>(
        &'e self,
        loss: &impl Loss,
        exchange: &mut dyn Exchange,
        workspace: &'e mut Workspace<T>,
    ) -> Result<Evaluation<'e, T>> {
        self.run(loss.spec(), None, true, exchange, workspace)
    }

    /// [`Gathered::evaluate`] without the gradient, if no shard said that it would be asked for.
    ///
    /// # Errors
    /// As [`Gathered::evaluate`].
    pub fn forward<'e>(
        &'e self,
        loss: &impl Loss,
        exchange: &mut dyn Exchange,
        workspace: &'e mut Workspace<T>,
    ) -> Result<Evaluation<'e, T>> {
        self.run(loss.spec(), None, false, exchange, workspace)
    }

    /// The rows of all ranks against candidates that every rank has alike: a memory bank, or a reference set. Each rank
    /// searches for its own rows; ids of anchors are those of all ranks' rows. The triplets are not kept.
    ///
    /// # Errors
    /// As [`Loss::evaluate_against`]; [`RankError`]; [`Error::RankCandidates`] for candidates whose gradient is wanted, which
    /// no rank has in whole.
    pub fn evaluate_against<'e>(
        &'e self,
        loss: &impl Loss,
        candidates: Candidates<'e, T>,
        with_gradient: bool,
        exchange: &mut dyn Exchange,
        workspace: &'e mut Workspace<T>,
    ) -> Result<Evaluation<'e, T>> {
        if candidates.gradient {
            return Err(Error::RankCandidates);
        }
        self.run(loss.spec(), Some(candidates), with_gradient, exchange, workspace)
    }

    /// Whether any rank asked for the gradient.
    #[must_use]
    pub fn gradient(&self) -> bool {
        self.gradient
    }

    /// Tells the other ranks, which are about to evaluate, that this one cannot: they get [`RankError::Stopped`]. Against
    /// candidates or not, as they do.
    pub fn stop(&self, loss: &impl Loss, against: bool, exchange: &mut dyn Exchange) {
        super::engine::stop(self, loss.spec().objective, against, exchange);
    }

    fn run<'e>(
        &'e self,
        spec: LossSpec,
        candidates: Option<Candidates<'e, T>>,
        with_gradient: bool,
        exchange: &mut dyn Exchange,
        workspace: &'e mut Workspace<T>,
    ) -> Result<Evaluation<'e, T>> {
        let with_gradient = with_gradient || self.gradient;
        let weights = self.weights.map_or(Weights::None, Weights::PerSample);
        let inputs = Inputs { weights, upstream: None };
        let side = candidates.map(|candidates| OwnSide::new(self, candidates, spec.objective));
        let (engine, kept) = workspace.parts();
        let mut ranked = RankedEngine::new(engine, exchange, (self, inputs), side);
        let wanted = if with_gradient { Gradient::Workspace } else { Gradient::Skip };
        let result = run(spec, (&self.batch, candidates), inputs, (&mut ranked, kept), wanted);
        match result {
            Ok(evaluation) => Ok(evaluation),
            Err(error) => Err(ranked.report(error, self, spec.objective)),
        }
    }
}
