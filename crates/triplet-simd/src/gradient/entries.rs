//! The terms of gradient rows, as the chain reads them.

use crate::inlined::zip;
use triplet_core::{Distance, Real};

/// Terms of some rows: the other row `m` of each, by original index, and the coefficient `c_rm`.
#[derive(Debug, Default)]
pub(crate) struct Entries<T> {
    pub(crate) rows: Vec<u32>,
    pub(crate) coefficients: Vec<T>,
    /// Where coefficients depend on distances: what multiplies the derivative of each.
    strengths: Vec<f64>,
}

impl<T: Real> Entries<T> {
    /// Forgets all.
    pub(crate) fn clear(&mut self) {
        self.rows.clear();
        self.coefficients.clear();
        self.strengths.clear();
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Appends so many terms: their rows and coefficients, to be written.
    pub(crate) fn append(&mut self, terms: usize) -> (&mut [u32], &mut [T]) {
        let first = self.rows.len();
        self.rows.resize(first + terms, 0);
        self.coefficients.resize(first + terms, T::ZERO);
        (&mut self.rows[first..], &mut self.coefficients[first..])
    }

    /// The same for terms without coefficients yet: the rows, the ranking values of the pairs in their
    /// place, and what multiplies the derivatives of the distances. [`Entries::finish`] follows.
    pub(crate) fn append_unfinished(&mut self, terms: usize) -> (&mut [u32], &mut [T], &mut [f64]) {
        let first = self.rows.len();
        self.strengths.resize(first + terms, 0.0);
        let Self { rows, coefficients, strengths } = self;
        rows.resize(first + terms, 0);
        coefficients.resize(first + terms, T::ZERO);
        (&mut rows[first..], &mut coefficients[first..], &mut strengths[first..])
    }

    /// Makes coefficients of ranking values, all at once so that roots and divisions are vectors.
    #[inline(always)]
    pub(crate) fn finish(&mut self, distance: Distance) {
        for (value, &strength) in zip(&mut self.coefficients, &self.strengths) {
            *value = T::from_f64(strength * distance.derivative(*value));
        }
    }
}
