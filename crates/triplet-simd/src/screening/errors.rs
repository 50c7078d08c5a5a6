//! What each row's bound is, and what it adds to its distances.

use super::{
    bound::{Bound, ROUNDINGS, RowSums, half},
    quantise::lower_bits,
};
use crate::lanes::{Kernel, Lanes};
use triplet_core::{Distance, Real};

/// Writes the errors of the distances of some rows; the largest.
pub(super) struct Errors<'a> {
    pub(super) bound: Bound,
    pub(super) rows: &'a [RowSums],
    pub(super) errors: &'a mut [f64],
}

impl<T: Real> Kernel<T> for Errors<'_> {
    type Output = f64;
    #[inline(always)]
    fn run<L: Lanes<Real = T>>(self, _: L) -> f64 {
        let Bound { most, factor, unit, chain, in_f64, .. } = self.bound;
        let squared = factor * factor;
        let (most_norm, most_centred, most_lost) =
            (most.square.sqrt(), most.centred.sqrt(), most.lost.sqrt());
        let mut largest = 0.0;
        for (row, error) in self.rows.iter().zip(self.errors) {
            let product = row.square.sqrt() * most_norm;
            // Of the chain, and of the sum of norms and the difference; the norms' own are known.
            let float = chain * product + unit * (row.square + most.square + 2.0 * product) * 2.0;
            let rounding = row.rounded.sqrt() * most_lost + row.lost.sqrt() * (factor * most_centred);
            // A distance is not below zero: what lies there is moved by no more than its own error.
            *error = (rounding + squared * (2.0 * float + in_f64)) * (1.0 + 1e-9) + ROUNDINGS;
            largest = if *error > largest { *error } else { largest };
        }
        largest
    }
}

/// Writes what each row adds to its distances, given the computed norms and how words are made; by how much norms
/// differ at most from those of the sums.
pub(super) struct Constants<'a, T> {
    pub(super) rows: &'a [RowSums],
    pub(super) norms: &'a [T],
    pub(super) factor: f64,
    pub(super) distance: Distance,
    pub(super) constants: &'a mut [u32],
}

impl<T: Real> Kernel<T> for Constants<'_, T> {
    type Output = f64;
    #[inline(always)]
    fn run<L: Lanes<Real = T>>(self, _: L) -> f64 {
        let squared = self.factor * self.factor;
        let unit_rows = half(self.distance) == 1.0;
        let mut largest = 0.0;
        for ((row, norm), constant) in self.rows.iter().zip(self.norms).zip(self.constants) {
            // Unit rows have norm one, but not those of next to no length.
            let norm = if unit_rows { 1.0 } else { norm.to_f64() };
            let excess = norm - row.square;
            let size = squared * excess.abs();
            largest = if size > largest { size } else { largest };
            *constant = lower_bits(((row.centred + excess) * 0.5 * squared).floor());
        }
        largest
    }
}
