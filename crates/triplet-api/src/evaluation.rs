//! What one call gives.

use crate::{Error, Reduction, Result};
use triplet_core::{ExecutionInfo, Problem, Real, Statistics, Triplet, TripletRows, Triplets};

/// Loss, gradient, triplets and statistics of one batch; borrows the workspace.
///
/// ```
/// use triplet_api::{Batch, Distance, Loss, Reduction, TripletSemiHardLoss, Workspace};
/// let batch = Batch::new(&[0.0_f32, 1.0, 1.5, 3.0], 1, &[0, 0, 1, 2])?;
/// let loss = TripletSemiHardLoss {
///     distance: Distance::L2,
///     reduction: Reduction::None,
///     ..Default::default()
/// };
/// let mut workspace = Workspace::default();
/// let result = loss.evaluate(&batch, &mut workspace)?;
///
/// // One loss a row; their mean is what the reduction `Mean` gives.
/// assert_eq!(result.losses(), Some(&[1.0, 0.0, 0.0, 0.0][..]));
/// assert_eq!(result.loss(), 0.25);
/// assert_eq!(result.gradient().len(), 4);
///
/// let triplets: Vec<_> = result.triplets()?.map(|t| (t.anchor, t.positive, t.negative)).collect();
/// assert_eq!(triplets, [(0, Some(1), Some(2)), (1, Some(0), Some(3))]);
/// assert_eq!(result.mined().negatives, [2, 3]);
/// assert_eq!(result.sample_distances(100)?, (vec![1.0, 1.0], vec![1.5, 2.0]));
/// assert_eq!(result.statistics().triplets, 2);
/// println!("computed by {}", result.executed());
/// # Ok::<(), triplet_api::Error>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Evaluation<'a, T: Real> {
    pub(crate) reduction: Reduction,
    pub(crate) loss: T,
    pub(crate) losses: &'a [T],
    pub(crate) gradient: &'a [T],
    pub(crate) to_candidates: &'a [T],
    pub(crate) statistics: Statistics,
    pub(crate) executed: ExecutionInfo,
    pub(crate) problem: Problem<'a, T>,
    pub(crate) mined: &'a Triplets<T>,
    /// Bytes that the call might take.
    pub(crate) allowed: usize,
}

impl<'a, T: Real> Evaluation<'a, T> {
    /// The reduced loss. With [`Reduction::None`] the mean of [`Evaluation::losses`],
    /// rounded once from f64, for a line that reports progress.
    #[must_use]
    pub fn loss(&self) -> T {
        self.loss
    }

    /// The loss of each row as anchor, shape `[B]`; only with [`Reduction::None`].
    #[must_use]
    pub fn losses(&self) -> Option<&'a [T]> {
        self.reduction.keeps_rows().then_some(self.losses)
    }

    /// The gradient of the reduced loss with respect to the embeddings, `[B, D]`
    /// row-major; empty for [`crate::Loss::forward`], which computes the loss only.
    #[must_use]
    pub fn gradient(&self) -> &'a [T] {
        self.gradient
    }

    /// The gradient with respect to the candidates, `[N, D]` row-major; empty unless it was asked for
    /// ([`crate::Candidates::with_gradient`]).
    #[must_use]
    pub fn gradient_to_candidates(&self) -> &'a [T] {
        self.to_candidates
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

    /// Whether the triplets were kept. They are unless [`crate::MemoryLimits::bytes`] are fewer than they need:
    /// then loss, gradient and statistics are all there is.
    #[must_use]
    pub fn keeps_triplets(&self) -> bool {
        self.mined.keeps_triplets()
    }

    fn kept(&self) -> Result<&'a Triplets<T>> {
        if self.keeps_triplets() {
            Ok(self.mined)
        } else {
            Err(Error::TripletsNotKept { allowed: self.allowed })
        }
    }

    /// The mined triplets by ascending anchor, then positive.
    ///
    /// # Errors
    /// [`Error::TripletsNotKept`].
    pub fn triplets(&self) -> Result<impl Iterator<Item = Triplet<T>> + '_> {
        Ok(self.kept()?.triplets(&self.problem))
    }

    /// Their rows alone, which takes less time where distances were not kept.
    ///
    /// # Errors
    /// [`Error::TripletsNotKept`].
    pub fn triplet_rows(&self) -> Result<impl Iterator<Item = TripletRows> + '_> {
        Ok(self.kept()?.rows(&self.problem))
    }

    /// Distances of anchors and positives, and of anchors and chosen negatives: of all
    /// triplets, or of every k-th where there are more than `most`.
    ///
    /// # Errors
    /// [`Error::TripletsNotKept`].
    pub fn sample_distances(&self, most: usize) -> Result<(Vec<T>, Vec<T>)> {
        Ok(self.kept()?.sample_distances(&self.problem, most))
    }

    /// The mined triplets as the engine left them, for bit-for-bit comparison; sums and counts alone, where
    /// they were not kept.
    #[must_use]
    pub fn mined(&self) -> &'a Triplets<T> {
        self.mined
    }
}
