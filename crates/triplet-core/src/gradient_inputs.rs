//! What a gradient is computed from.

use crate::{Distance, Problem, Real, Triplets};

/// What every gradient component is multiplied by.
#[derive(Debug, Clone, Copy)]
pub struct GradientScale<'a, T> {
    /// A factor an anchor, by original row; without them every factor is 1.
    pub weights: Option<&'a [f64]>,
    /// One of the whole batch: see [`GradientScale::new`].
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
