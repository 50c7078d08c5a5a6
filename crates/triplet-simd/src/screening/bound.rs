//! How far the distance of a pair in words may be from the one that is defined: docs/numerics.md, "Screening".

use super::quantise::lower_bits;
use triplet_core::{Distance, Real, real::Key};

/// What is known of a row `x` after centring, `y = x - c`, and rounding, `q = round(s y)`.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct RowSums {
    /// `|x|^2`.
    pub(super) square: f64,
    /// `|y|^2`.
    pub(super) centred: f64,
    /// The largest component of `y`, in magnitude.
    pub(super) largest: f64,
    /// `|q|^2`.
    pub(super) rounded: f64,
    /// `|s y - q|^2`.
    pub(super) lost: f64,
}

/// Largest norm of a row in whole numbers with which the words of all distances are different: the sum of two
/// squares is below 2^32.
const COARSE_NORM: f64 = 46_000.0;
/// The largest otherwise: the distances of a usual batch do not go round more than once, and windows are narrower.
const FINE_NORM: f64 = 160_000.0;
/// The largest component.
const COMPONENT: f64 = 32_767.0;
/// The largest error that rows are screened with: a window takes up one word in 64 then.
const MOST_ERROR: f64 = (1 << 25) as f64;
/// How far norms may be from those of the sums.
const MOST_EXCESS: f64 = (1 << 23) as f64;
/// Roundings of constants and of windows themselves.
pub(super) const ROUNDINGS: f64 = 4.0;
/// One word, of a distance.
const WORD: f64 = 65_536.0;

/// The largest sums of some rows.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Most {
    pub(super) square: f64,
    pub(super) centred: f64,
    largest: f64,
    pub(super) lost: f64,
    /// By which norms differ from those of the sums, in whole numbers.
    excess: f64,
}

impl Most {
    /// Of some rows.
    pub(super) fn of(rows: &[RowSums]) -> Self {
        rows.iter().fold(Self::default(), |most, row| {
            let RowSums { square, centred, largest, lost, .. } = *row;
            most.and(Self { square, centred, largest, lost, ..Self::default() })
        })
    }

    /// The same, and by how much norms differ at most.
    pub(super) fn with_excess(self, excess: f64) -> Self {
        Self { excess, ..self }
    }

    /// Of these and of others.
    pub(super) fn and(self, other: Self) -> Self {
        Self {
            square: self.square.max(other.square),
            centred: self.centred.max(other.centred),
            largest: self.largest.max(other.largest),
            lost: self.lost.max(other.lost),
            excess: self.excess.max(other.excess),
        }
    }

    /// Of all panels.
    pub(super) fn of_all(panels: &[Self]) -> Self {
        panels.iter().fold(Self::default(), |most, &panel| most.and(panel))
    }

    /// What rows are multiplied by; none where there is nothing to screen. `fine`: whether words may be those of
    /// several distances.
    pub(super) fn factor(&self, width: usize, fine: bool) -> Option<f64> {
        let norm = if fine { FINE_NORM } else { COARSE_NORM };
        // Rounding moves a component by half, and a row by half a unit in each.
        let of_norms = (norm - (width as f64).sqrt()) / self.centred.sqrt();
        let factor = of_norms.min((COMPONENT - 1.0) / self.largest);
        (factor.is_finite() && factor > 0.0).then_some(factor)
    }
}

/// Distances as whole numbers: `factor * distance`, with an error for each row. Words are their upper halves modulo 2^16.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Scale {
    factor: f64,
    /// No number is larger.
    top: f64,
}

impl Scale {
    /// The number of a distance, without its rounding.
    #[cfg(test)]
    pub(super) fn number(self, distance: f64) -> f64 {
        distance * self.factor
    }

    /// The upper halves of the numbers of the distances from one on, the first and the last: of the largest there can be,
    /// if no other is given.
    #[inline(always)]
    pub(super) fn span(self, from: f64, to: Option<f64>, error: f64) -> (f64, f64) {
        let first = upper_half(from * self.factor - error);
        (first, upper_half(to.map_or(self.top, |to| to * self.factor + error)))
    }

    /// The same in words: the first, and by how many the last comes after that. All words, if there are more.
    #[inline(always)]
    pub(super) fn window(self, from: f64, to: Option<f64>, error: f64) -> (u16, u16) {
        in_words(self.span(from, to, error))
    }
}

/// A span in words, modulo 2^16: the first, and by how many the last comes after that.
#[inline(always)]
pub(super) fn in_words((first, last): (f64, f64)) -> (u16, u16) {
    let width = (last - first).clamp(0.0, f64::from(u16::MAX));
    (lower_bits(first) as u16, lower_bits(width) as u16)
}

/// The upper half of a number.
#[inline(always)]
fn upper_half(number: f64) -> f64 {
    (number * (1.0 / WORD)).floor()
}

/// What the errors of all rows have in common.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bound {
    pub(super) most: Most,
    pub(super) factor: f64,
    distance: Distance,
    /// Half the distance from 1 to the next number.
    pub(super) unit: f64,
    /// The error of a chain, relative to the product of the norms.
    pub(super) chain: f64,
    /// Of sums in f64, and what underflows in a chain.
    pub(super) in_f64: f64,
}

impl Bound {
    /// For rows of which these are the largest sums; none where a chain has no bound to speak of.
    pub(super) fn new<T: Real>(most: Most, width: usize, factor: f64, distance: Distance) -> Option<Self> {
        let unit = T::EPSILON / 2.0;
        let chain = (width as f64 * unit) / (1.0 - width as f64 * unit);
        let in_f64 = width as f64 * (16.0 * (2.0_f64).powi(-50) * most.square + 1e-37);
        (0.0..=0.01).contains(&chain).then_some(Self { most, factor, distance, unit, chain, in_f64 })
    }

    /// The scale, given the largest error; none if the errors leave nothing to decide.
    pub(super) fn scale(&self, largest: f64) -> Option<Scale> {
        let Self { most, factor, distance, .. } = *self;
        let squared = factor * factor;
        let top = 2.0 * squared * most.centred + most.excess + largest;
        (largest <= MOST_ERROR && most.excess <= MOST_EXCESS)
            .then_some(Scale { factor: squared * half(distance), top: top * (1.0 + 1e-9) })
    }
}

/// Whether words may be those of several distances, given the mean of rows from their centre. Not where many thresholds
/// are far beyond the mean distance: anchors that find nothing beyond a threshold look for their farthest candidate, and
/// no word is beyond another then. Nor where some are well below it, as after training: the window from a threshold to the
/// nearest candidate would have most of the words.
pub(super) fn may_be_fine<T: Real>(thresholds: &[T::Key], centred: f64, distance: Distance) -> bool {
    let [far, near] = [FAR, NEAR].map(|times| T::from_f64(times * centred / half(distance)).key());
    let count = |is: &dyn Fn(T::Key) -> bool| thresholds.iter().filter(|&&key| is(key)).count();
    count(&|key| key > far && key != Key::UNREACHABLE) <= thresholds.len() / FEW
        && count(&|key| key < near) <= thresholds.len() / SOME
}

/// Times the mean distance (measured: distances in 128 dimensions at random are 0.8 to 1.2 of it).
const FAR: f64 = 1.6;
const NEAR: f64 = 0.8;
/// One in so many is more than some.
const SOME: usize = 8;
/// One in so many is not many.
const FEW: usize = 500;

/// What a distance is multiplied by to be the sum of two halved norms less a product.
pub(super) fn half(distance: Distance) -> f64 {
    match distance {
        Distance::SquaredL2 | Distance::L2 => 0.5,
        Distance::Angular => 1.0,
    }
}
