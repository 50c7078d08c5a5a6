//! What a gradient is made of.

use crate::{Mined, Problem, Real};

/// What every gradient component is multiplied by.
#[derive(Debug, Clone, Copy)]
pub struct Factors<'a, T> {
    /// A factor an anchor, by original row; without them every factor is 1.
    pub weights: Option<&'a [f64]>,
    /// One of the whole batch: see [`crate::gradient::scale`].
    pub scale: T,
}

/// Judged triplets and factors: what a gradient is made of.
#[derive(Debug, Clone, Copy)]
pub struct Pull<'a, T: Real> {
    /// The problem.
    pub problem: &'a Problem<'a, T>,
    /// Its triplets.
    pub mined: &'a Mined<T>,
    /// The factors.
    pub factors: Factors<'a, T>,
}
