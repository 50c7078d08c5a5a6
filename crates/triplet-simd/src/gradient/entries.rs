//! The terms of gradient rows, as the chain reads them.

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

    /// Appends a term.
    #[inline(always)]
    pub(crate) fn push(&mut self, row: u32, coefficient: f64) {
        self.rows.push(row);
        self.coefficients.push(T::from_f64(coefficient));
    }

    /// Appends a term with the ranking value of its pair instead of the coefficient: all of them,
    /// or none, and [`Entries::finish`] follows.
    #[inline(always)]
    pub(crate) fn push_unfinished(&mut self, row: u32, strength: f64, ranking_value: T) {
        self.rows.push(row);
        self.coefficients.push(ranking_value);
        self.strengths.push(strength);
    }

    /// Makes coefficients of ranking values, all at once so that roots and divisions are vectors.
    #[inline(always)]
    pub(crate) fn finish(&mut self, distance: Distance) {
        for (value, &strength) in self.coefficients.iter_mut().zip(&self.strengths) {
            *value = T::from_f64(strength * distance.derivative(*value));
        }
    }
}
