//! The losses: what is computed, in one call.

use crate::{
    Config, Evaluation, Reduction, Result, Weights, Workspace,
    run::{Gradient, run},
};
use triplet_core::{Batch, Distance, Identity, Objective, Rule};
use triplet_simd::Element;

/// Everything that defines a loss.
///
/// ```
/// use triplet_api::{Batch, Loss, LossSpec, TripletHardLoss, Workspace};
/// let batch = Batch::new(&[0.0_f32, 1.0, 1.5, 3.0], 1, &[0, 0, 1, 2])?;
/// let spec: LossSpec = TripletHardLoss { margin: 0.5, ..Default::default() }.spec();
///
/// // A definition is itself a loss.
/// let mut workspace = Workspace::default();
/// let result = spec.evaluate(&batch, &mut workspace)?.loss();
/// assert_eq!(result, TripletHardLoss { margin: 0.5, ..Default::default() }.evaluate(&batch, &mut workspace)?.loss());
/// # Ok::<(), triplet_api::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LossSpec {
    /// Distance, rule and margin.
    pub objective: Objective,
    /// How rows are summed.
    pub reduction: Reduction,
    /// Whether a batch without a positive pair is an error instead of loss 0.
    pub require_positives: bool,
}

/// What comes with a batch.
///
/// ```
/// use triplet_api::{Batch, Distance, Inputs, Loss, TripletSemiHardLoss, Weights, Workspace};
/// let batch = Batch::new(&[0.0_f32, 1.0, 1.5, 3.0], 1, &[0, 0, 1, 2])?;
/// let loss = TripletSemiHardLoss { distance: Distance::L2, ..Default::default() };
/// let mut workspace = Workspace::default();
///
/// // The first row counts twice, and the caller's objective is twice the loss.
/// let inputs = Inputs { weights: Weights::PerSample(&[2.0, 1.0, 1.0, 1.0]), upstream: Some(&[2.0]) };
/// let result = loss.evaluate_with(&batch, inputs, &mut workspace)?;
/// assert_eq!(result.loss(), 0.5); // of the weighted rows, without `upstream`
/// assert_eq!(result.gradient()[1..], [4.0, -2.0, -1.0]); // the first is -1, but for rounding
/// # Ok::<(), triplet_api::Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct Inputs<'a> {
    /// Factors on the rows' losses.
    pub weights: Weights<'a>,
    /// Derivative of the caller's objective with respect to the reduced loss: one
    /// value, or `[B]` with [`Reduction::None`]. `None` stands for ones.
    pub upstream: Option<&'a [f64]>,
}

/// What anchors are compared with, where that is not their own batch; see the example of
/// [`Loss::evaluate_against`].
#[derive(Debug, Clone, Copy)]
pub struct Candidates<'a, T: Element> {
    /// Rows `[N, D]` and labels.
    pub batch: &'a Batch<'a, T>,
    /// Which of them is the anchor itself, and so neither its positive nor its negative.
    pub identity: Identity<'a>,
    /// Whether the gradient to them is wanted too: [`Evaluation::gradient_to_candidates`]. Only with
    /// [`Loss::evaluate_against`].
    pub gradient: bool,
}

impl<'a, T: Element> Candidates<'a, T> {
    /// Rows that are constants.
    #[must_use]
    pub fn new(batch: &'a Batch<'a, T>, identity: Identity<'a>) -> Self {
        Self { batch, identity, gradient: false }
    }

    /// Rows whose gradient is wanted.
    #[must_use]
    pub fn with_gradient(self) -> Self {
        Self { gradient: true, ..self }
    }
}

/// A triplet loss.
///
/// ```
/// use triplet_api::{Batch, Distance, Inputs, Loss, TripletSemiHardLoss, Weights, Workspace};
/// let batch = Batch::new(&[0.0_f32, 1.0, 1.5, 3.0], 1, &[0, 0, 1, 2])?;
/// let loss = TripletSemiHardLoss { distance: Distance::L2, ..Default::default() };
/// let mut workspace = Workspace::default();
///
/// // Loss and gradient, in the workspace's memory or in the caller's.
/// assert_eq!(loss.evaluate(&batch, &mut workspace)?.gradient(), [-0.5, 1.5, -0.5, -0.5]);
/// let mut gradient = [0.0; 4];
/// let result = loss.evaluate_into(&batch, Inputs::default(), &mut gradient, &mut workspace)?;
/// assert_eq!(result.gradient(), [-0.5, 1.5, -0.5, -0.5]);
///
/// // The loss alone, for validation.
/// let result = loss.forward(&batch, Weights::None, &mut workspace)?;
/// assert_eq!((result.loss(), result.gradient()), (0.25, &[][..]));
/// # Ok::<(), triplet_api::Error>(())
/// ```
pub trait Loss {
    /// What it computes.
    fn spec(&self) -> LossSpec;

    /// Its configuration, with the names of TFA 0.23.
    fn config(&self) -> Config;

    /// Loss, gradient, triplets and statistics.
    ///
    /// # Errors
    /// A margin, loss or gradient that the element type cannot hold; an allocation that the system
    /// refuses; see [`crate::Error`].
    fn evaluate<'a, T: Element>(
        &self,
        batch: &'a Batch<'_, T>,
        workspace: &'a mut Workspace<T>,
    ) -> Result<Evaluation<'a, T>> {
        self.evaluate_with(batch, Inputs::default(), workspace)
    }

    /// As [`Loss::evaluate`], with weights and an upstream gradient.
    ///
    /// # Errors
    /// Also weights or an upstream gradient of a wrong shape or value.
    fn evaluate_with<'a, T: Element>(
        &self,
        batch: &'a Batch<'_, T>,
        inputs: Inputs<'_>,
        workspace: &'a mut Workspace<T>,
    ) -> Result<Evaluation<'a, T>> {
        run(self.spec(), (batch, None), inputs, workspace.parts(), Gradient::Workspace)
    }

    /// As [`Loss::evaluate_with`], with the gradient `[B, D]` written to the caller's
    /// memory instead of the workspace's.
    ///
    /// # Errors
    /// Also a gradient of another length than the embeddings.
    fn evaluate_into<'a, T: Element>(
        &self,
        batch: &'a Batch<'_, T>,
        inputs: Inputs<'_>,
        gradient: &'a mut [T],
        workspace: &'a mut Workspace<T>,
    ) -> Result<Evaluation<'a, T>> {
        run(self.spec(), (batch, None), inputs, workspace.parts(), Gradient::Into(gradient))
    }

    /// Loss, triplets and statistics, without the gradient: less work.
    ///
    /// # Errors
    /// As [`Loss::evaluate_with`].
    fn forward<'a, T: Element>(
        &self,
        batch: &'a Batch<'_, T>,
        weights: Weights<'_>,
        workspace: &'a mut Workspace<T>,
    ) -> Result<Evaluation<'a, T>> {
        run(self.spec(), (batch, None), Inputs { weights, upstream: None }, workspace.parts(), Gradient::Skip)
    }

    /// As [`Loss::evaluate_with`], of anchors against other candidates: a reference set, a memory bank, the rows of
    /// other processes. Positives and negatives are candidates; the gradient `[M, D]` is that to the
    /// anchors, and weights and losses are the anchors'. Cutting the anchors up changes no triplet.
    ///
    /// ```
    /// use triplet_api::{Batch, Candidates, Identity, Inputs, Loss, TripletSemiHardLoss, Workspace};
    /// let anchors = Batch::new(&[0.0_f32, 1.0], 1, &[7, 8])?;
    /// let known = Batch::new(&[0.5_f32, 2.0, 1.0], 1, &[7, 8, 9])?;
    /// let candidates = Candidates::new(&known, Identity::Disjoint).with_gradient();
    /// let mut workspace = Workspace::default();
    /// let loss = TripletSemiHardLoss::default();
    /// let result = loss.evaluate_against(&anchors, candidates, Inputs::default(), &mut workspace)?;
    /// // Anchor 0 at 0.25 from its positive takes the candidate at 1; anchor 1 at 1 has none beyond, and takes
    /// // the farthest, at 0.25: (1 + 0.25 - 1 + 1 + 1 - 0.25) / 2.
    /// assert_eq!((result.loss(), result.gradient()), (1.0, &[0.5, -1.5][..]));
    /// assert_eq!(result.gradient_to_candidates(), [1.0, 1.0, -1.0]);
    /// # Ok::<(), triplet_api::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Loss::evaluate_with`]; sides of different widths, ids that are not one a row, and the Gram
    /// backend, which compares the rows of one batch only.
    fn evaluate_against<'a, T: Element>(
        &self,
        anchors: &'a Batch<'_, T>,
        candidates: Candidates<'a, T>,
        inputs: Inputs<'_>,
        workspace: &'a mut Workspace<T>,
    ) -> Result<Evaluation<'a, T>> {
        run(self.spec(), (anchors, Some(candidates)), inputs, workspace.parts(), Gradient::Workspace)
    }

    /// [`Loss::evaluate_against`] without the gradient: less work.
    ///
    /// # Errors
    /// As [`Loss::evaluate_against`].
    fn forward_against<'a, T: Element>(
        &self,
        anchors: &'a Batch<'_, T>,
        candidates: Candidates<'a, T>,
        weights: Weights<'_>,
        workspace: &'a mut Workspace<T>,
    ) -> Result<Evaluation<'a, T>> {
        let inputs = Inputs { weights, upstream: None };
        run(self.spec(), (anchors, Some(candidates)), inputs, workspace.parts(), Gradient::Skip)
    }
}

/// A loss given by its definition alone.
impl Loss for LossSpec {
    fn spec(&self) -> LossSpec {
        *self
    }

    fn config(&self) -> Config {
        let class_name = match self.objective.rule {
            Rule::SemiHard | Rule::SemiHardLiteral => "TripletSemiHardLoss",
            Rule::Hard | Rule::HardSoft => "TripletHardLoss",
        };
        Config::of(*self, class_name)
    }
}

/// TFA's `TripletSemiHardLoss`: for every anchor and positive the nearest negative
/// that is farther than the positive; see [`Rule::SemiHard`].
///
/// The defaults are those of the original: margin 1, squared Euclidean distance
/// (TFA from 0.11 on defaults to Euclidean: set [`Distance::L2`]), mean.
///
/// ```
/// use triplet_api::{Batch, Distance, Loss, TripletSemiHardLoss, Workspace};
/// let batch = Batch::new(&[0.0_f32, 1.0, 1.5, 3.0], 1, &[0, 0, 1, 2])?;
/// let loss = TripletSemiHardLoss { margin: 2.0, distance: Distance::L2, ..Default::default() };
/// // Anchor 0: 2 + 1 - 1.5; anchor 1: 2 + 1 - 2; the mean over two positive pairs.
/// assert_eq!(loss.evaluate(&batch, &mut Workspace::default())?.loss(), 1.25);
///
/// let loss = TripletSemiHardLoss { require_positives: true, ..loss };
/// let batch = Batch::new(&[0.0_f32, 1.0], 1, &[0, 1])?;
/// assert!(loss.evaluate(&batch, &mut Workspace::default()).is_err());
/// # Ok::<(), triplet_api::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TripletSemiHardLoss {
    /// The margin, in units of the distance.
    pub margin: f64,
    /// The distance.
    pub distance: Distance,
    /// The sentence on TFA's API page instead of what its code does: negatives
    /// beyond positive plus margin. See [`Rule::SemiHardLiteral`].
    pub literal: bool,
    /// How rows are summed.
    pub reduction: Reduction,
    /// Whether a batch without a positive pair is an error instead of loss 0.
    pub require_positives: bool,
}

impl Default for TripletSemiHardLoss {
    fn default() -> Self {
        Self {
            margin: 1.0,
            distance: Distance::SquaredL2,
            literal: false,
            reduction: Reduction::Mean,
            require_positives: false,
        }
    }
}

impl Loss for TripletSemiHardLoss {
    fn spec(&self) -> LossSpec {
        let rule = if self.literal { Rule::SemiHardLiteral } else { Rule::SemiHard };
        LossSpec {
            objective: Objective { distance: self.distance, rule, margin: self.margin },
            reduction: self.reduction,
            require_positives: self.require_positives,
        }
    }

    fn config(&self) -> Config {
        Config::of(self.spec(), "TripletSemiHardLoss")
    }
}

/// TFA's `TripletHardLoss`: per anchor the farthest positive and the nearest
/// negative, mean over all anchors; see [`Rule::Hard`].
///
/// ```
/// use triplet_api::{Batch, Distance, Loss, TripletHardLoss, Workspace};
/// let batch = Batch::new(&[0.0_f32, 1.0, 1.5, 3.0], 1, &[0, 0, 1, 2])?;
/// let loss = TripletHardLoss { distance: Distance::L2, ..Default::default() };
/// // 1 + 1 - 1.5 and 1 + 1 - 0.5; without a positive, 1 + 0 - 0.5 and max(1 + 0 - 1.5, 0): over 4 rows.
/// assert_eq!(loss.evaluate(&batch, &mut Workspace::default())?.loss(), 0.625);
/// # Ok::<(), triplet_api::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TripletHardLoss {
    /// The margin, in units of the distance; the soft margin has none.
    pub margin: f64,
    /// `log1p(exp(d_pos - d_neg))` instead of the hinge.
    pub soft: bool,
    /// The distance.
    pub distance: Distance,
    /// How rows are summed.
    pub reduction: Reduction,
    /// Whether a batch without a positive pair is an error.
    pub require_positives: bool,
}

impl Default for TripletHardLoss {
    fn default() -> Self {
        Self {
            margin: 1.0,
            soft: false,
            distance: Distance::SquaredL2,
            reduction: Reduction::Mean,
            require_positives: false,
        }
    }
}

impl Loss for TripletHardLoss {
    fn spec(&self) -> LossSpec {
        let rule = if self.soft { Rule::HardSoft } else { Rule::Hard };
        LossSpec {
            objective: Objective { distance: self.distance, rule, margin: self.margin },
            reduction: self.reduction,
            require_positives: self.require_positives,
        }
    }

    fn config(&self) -> Config {
        Config::of(self.spec(), "TripletHardLoss")
    }
}
