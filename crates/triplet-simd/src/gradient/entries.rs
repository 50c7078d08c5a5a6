//! The terms of gradient rows, as the chain reads them.

use crate::{inlined::zip, memory::reserve_exact};
use core::ops::Range;
use triplet_core::{Distance, Real};

/// Terms of some rows. What the vectors hold beyond the terms is left from other rows.
#[derive(Debug, Default)]
pub(crate) struct Entries<T> {
    rows: Vec<u32>,
    coefficients: Vec<T>,
    strengths: Vec<f64>,
    len: usize,
}

/// Consecutive terms, to be written.
pub(crate) struct Appended<'a, T> {
    /// The other row `m` of each, by original index.
    pub(crate) rows: &'a mut [u32],
    /// The coefficient `c_rm`; until [`Entries::finish`] the ranking value of the pair, where coefficients
    /// depend on it.
    pub(crate) coefficients: &'a mut [T],
    /// What multiplies the derivative of the pair's distance then.
    pub(crate) strengths: &'a mut [f64],
}

impl<T: Real> Entries<T> {
    /// Forgets all.
    pub(crate) fn clear(&mut self) {
        self.len = 0;
    }

    /// Makes room for so many, and no more; forgets those that there are.
    pub(crate) fn reserve(&mut self, terms: usize) {
        reserve_exact(&mut self.rows, terms);
        reserve_exact(&mut self.coefficients, terms);
        reserve_exact(&mut self.strengths, terms);
        self.len = 0;
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Appends so many terms.
    #[inline]
    pub(crate) fn append(&mut self, terms: usize) -> Appended<'_, T> {
        let new = self.len..self.len + terms;
        self.len = new.end;
        if self.rows.len() < new.end {
            self.rows.resize(new.end, 0);
            self.coefficients.resize(new.end, T::ZERO);
            self.strengths.resize(new.end, 0.0);
        }
        Appended {
            rows: &mut self.rows[new.clone()],
            coefficients: &mut self.coefficients[new.clone()],
            strengths: &mut self.strengths[new],
        }
    }

    /// Keeps so many of the terms there are.
    pub(crate) fn truncate(&mut self, terms: usize) {
        debug_assert!(terms <= self.len);
        self.len = terms;
    }

    /// Makes coefficients of ranking values, all at once so that roots and divisions are vectors.
    #[inline(always)]
    pub(crate) fn finish(&mut self, distance: Distance) {
        let Self { coefficients, strengths, len, .. } = self;
        for (value, &strength) in zip(&mut coefficients[..*len], &strengths[..*len]) {
            *value = T::from_f64(strength * distance.derivative(*value));
        }
    }

    /// The other rows of some terms, and their coefficients.
    pub(crate) fn of(&self, terms: Range<usize>) -> (&[u32], &[T]) {
        (&self.rows[terms.clone()], &self.coefficients[terms])
    }
}
