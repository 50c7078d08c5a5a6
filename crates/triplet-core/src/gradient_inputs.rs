//! What a gradient is computed from.

use crate::{Distance, Problem, Real, Triplets};

/// What every gradient component is multiplied by.
///
/// ```
/// use triplet_core::{Distance, GradientScale};
/// // The mean over 4 positive pairs; the derivative of a squared distance has a factor 2.
/// let scale = GradientScale::<f32>::new(Distance::SquaredL2, 4.0, 1.0, None);
/// assert_eq!(scale.scale, 0.5);
/// // Without triplets the gradient is 0.
/// assert_eq!(GradientScale::<f32>::new(Distance::L2, 0.0, 1.0, None).scale, 0.0);
/// ```
#[derive(Debug, Clone, Copy)]
pub struct GradientScale<'a, T> {
    /// A factor an anchor, by original row; without them every factor is 1.
    pub weights: Option<&'a [f64]>,
    /// The factor of the whole batch: see [`GradientScale::new`].
    pub scale: T,
}

impl<'a, T: Real> GradientScale<'a, T> {
    /// `normalizer` is what the reduction divides the summed terms by, `upstream` the derivative
    /// of the caller's objective with respect to the reduced loss. Computed in f64, rounded once.
    #[must_use]
    pub fn new(distance: Distance, normalizer: f64, upstream: f64, weights: Option<&'a [f64]>) -> Self {
        let scale = match normalizer {
            0.0 => T::ZERO,
            _ => T::from_f64(distance.derivative_scale() / normalizer * upstream),
        };
        Self { weights, scale }
    }
}

/// Mined triplets and factors.
///
/// ```
/// use triplet_core::{
///     Batch, Distance, Engine, GradientInputs, GradientScale, Objective, Problem, ProblemBuffers, Rule,
///     Scalar, Triplets,
/// };
/// let batch = Batch::new(&[0.0_f32, 1.0, 1.5, 3.0], 1, &[0, 0, 1, 2])?;
/// let objective = Objective { distance: Distance::SquaredL2, rule: Rule::SemiHard, margin: 2.0 };
/// let mut buffers = ProblemBuffers::default();
/// let problem = Problem::new(&batch, objective, &mut buffers)?;
/// let mut triplets = Triplets::default();
/// Scalar.mine(&problem, &mut triplets)?;
///
/// // The terms of row 0 as anchor count twice.
/// let weights = [2.0, 1.0, 1.0, 1.0];
/// let scale = GradientScale::new(problem.distance(), problem.normalizer(), 1.0, Some(&weights));
/// let mut gradient = [0.0; 4];
/// Scalar.gradient(GradientInputs { problem: &problem, triplets: &triplets, scale }, &mut gradient)?;
/// // Of 2 + d_01 - d_02 alone: 2 + 1 - 4 of anchor 1 is below zero.
/// assert_eq!(gradient, [1.0, 2.0, -3.0, 0.0]);
/// # Ok::<(), triplet_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct GradientInputs<'a, T: Real> {
    /// The problem.
    pub problem: &'a Problem<'a, T>,
    /// Its triplets.
    pub triplets: &'a Triplets<T>,
    /// The factors.
    pub scale: GradientScale<'a, T>,
}

impl<T: Real> GradientInputs<'_, T> {
    /// Whether the derivative needs distances that the triplets do not keep.
    #[must_use]
    pub fn lacks_distances(&self) -> bool {
        self.problem.distance().needs_pair_distance() && !self.triplets.keeps_distances()
    }
}
