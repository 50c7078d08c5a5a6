//! What one call gives.

use crate::Reduction;
use triplet_core::{ExecutionInfo, Problem, Real, Statistics, Triplet, Triplets};

/// Loss, gradient, triplets and statistics of one batch; borrows the workspace.
#[derive(Debug, Clone, Copy)]
pub struct Evaluation<'a, T: Real> {
    pub(crate) reduction: Reduction,
    pub(crate) loss: T,
    pub(crate) losses: &'a [T],
    pub(crate) gradient: &'a [T],
    pub(crate) statistics: Statistics,
    pub(crate) executed: ExecutionInfo,
    pub(crate) problem: Problem<'a, T>,
    pub(crate) mined: &'a Triplets<T>,
}

impl<'a, T: Real> Evaluation<'a, T> {
    /// The reduced loss. With [`Reduction::None`] the mean of [`Evaluation::losses`],
    /// rounded once from f64: what a progress line wants to show.
    #[must_use]
    pub fn loss(&self) -> T {
        self.loss
    }

    /// The loss of each row as anchor, shape `[B]`; only with [`Reduction::None`].
    #[must_use]
    pub fn losses(&self) -> Option<&'a [T]> {
        (self.reduction == Reduction::None).then_some(self.losses)
    }

    /// The gradient of the reduced loss with respect to the embeddings, `[B, D]`
    /// row-major; empty for a call that asked for the loss only.
    #[must_use]
    pub fn gradient(&self) -> &'a [T] {
        self.gradient
    }

    /// Counts over the batch.
    #[must_use]
    pub fn statistics(&self) -> Statistics {
        self.statistics
    }

    /// What really ran.
    #[must_use]
    pub fn executed(&self) -> ExecutionInfo {
        self.executed
    }

    /// The mined triplets by ascending anchor, then positive.
    pub fn triplets(&self) -> impl Iterator<Item = Triplet<T>> + '_ {
        self.mined.triplets(&self.problem)
    }

    /// Distances of anchors and positives, and of anchors and chosen negatives: of all
    /// triplets, or of every k-th where there are more than `most`.
    #[must_use]
    pub fn sample_distances(&self, most: usize) -> (Vec<T>, Vec<T>) {
        self.mined.sample_distances(&self.problem, most)
    }

    /// The mined triplets as the engine left them, for bit-for-bit comparison.
    #[must_use]
    pub fn mined(&self) -> &'a Triplets<T> {
        self.mined
    }
}
