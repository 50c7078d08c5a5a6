//! How far the distance of a pair in words may be from the one that is defined: docs/numerics.md, "Screening".

use triplet_core::{Distance, Real};

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

/// Largest norm of a row in whole numbers: the sum of two squares stays below 2^32, with room for errors.
const NORM: f64 = 46_000.0;
/// The largest component.
const COMPONENT: f64 = 32_767.0;
/// The largest error that rows are screened with, and how far their norms may be from those of the sums: with
/// [`NORM`], no distance in words reaches [`u16::MAX`].
const MOST_ERROR: f64 = (1 << 23) as f64;
/// Roundings of constants and of windows themselves.
const ROUNDINGS: f64 = 4.0;
/// One word, of a distance.
const WORD: f64 = 65_536.0;

/// The largest sums of some rows, and errors.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Most {
    square: f64,
    centred: f64,
    largest: f64,
    lost: f64,
    /// Of the distances in words.
    error: f64,
    /// By which norms differ from those of the sums.
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

    fn and(self, other: Self) -> Self {
        Self {
            square: self.square.max(other.square),
            centred: self.centred.max(other.centred),
            largest: self.largest.max(other.largest),
            lost: self.lost.max(other.lost),
            error: self.error.max(other.error),
            excess: self.excess.max(other.excess),
        }
    }

    /// Of all panels.
    pub(super) fn of_all(panels: &[Self]) -> Self {
        panels.iter().fold(Self::default(), |most, &panel| most.and(panel))
    }

    /// What rows are multiplied by; none where there is nothing to screen.
    pub(super) fn factor(&self, width: usize) -> Option<f64> {
        // Rounding moves a component by half, and a row by half a unit in each.
        let of_norms = (NORM - (width as f64).sqrt()) / self.centred.sqrt();
        let factor = of_norms.min((COMPONENT - 1.0) / self.largest);
        (factor.is_finite() && factor > 0.0).then_some(factor)
    }
}

/// Distances as 32-bit numbers: `factor * distance + offset`, with an error for each row.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Scale {
    factor: f64,
    offset: f64,
}

impl Scale {
    /// The number of a distance, without its rounding.
    #[cfg(test)]
    pub(super) fn number(self, distance: f64) -> f64 {
        distance * self.factor + self.offset
    }

    /// The first word that a distance may have, or the last below it.
    #[inline(always)]
    pub(super) fn lowest(self, distance: f64, error: f64) -> u16 {
        word(distance * self.factor + (self.offset - error))
    }

    /// The last word that a distance may have, or the first above it.
    #[inline(always)]
    pub(super) fn highest(self, distance: f64, error: f64) -> u16 {
        word(distance * self.factor + (self.offset + error))
    }
}

/// The upper half, within what a word can be.
#[inline(always)]
fn word(number: f64) -> u16 {
    (number * (1.0 / WORD)).clamp(0.0, f64::from(u16::MAX)) as u16
}

/// What the errors of all rows have in common.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bound {
    most: Most,
    factor: f64,
    distance: Distance,
    /// Half the distance from 1 to the next number.
    unit: f64,
    /// The error of a chain, relative to the product of the norms.
    chain: f64,
    /// Of sums in f64, and what underflows in a chain.
    in_f64: f64,
}

impl Bound {
    /// For rows of which these are the largest sums; none where a chain has no bound to speak of.
    pub(super) fn new<T: Real>(most: Most, width: usize, factor: f64, distance: Distance) -> Option<Self> {
        let unit = T::EPSILON / 2.0;
        let chain = (width as f64 * unit) / (1.0 - width as f64 * unit);
        let in_f64 = width as f64 * (16.0 * (2.0_f64).powi(-50) * most.square + 1e-37);
        (0.0..=0.01).contains(&chain).then_some(Self { most, factor, distance, unit, chain, in_f64 })
    }

    /// Writes the error of each row's distances, and what the row adds to them but for the offset; the largest.
    pub(super) fn apply<T: Real>(
        &self,
        rows: &[RowSums],
        norms: &[T],
        errors: &mut [f64],
        constants: &mut [u32],
    ) -> Most {
        let Self { most, factor, distance, unit, chain, in_f64 } = *self;
        let squared = factor * factor;
        let (most_norm, most_centred, most_lost) =
            (most.square.sqrt(), most.centred.sqrt(), most.lost.sqrt());
        let mut largest = Most::default();
        for ((row, norm), (error, constant)) in rows.iter().zip(norms).zip(errors.iter_mut().zip(constants)) {
            let product = row.square.sqrt() * most_norm;
            // Of the chain, and of the sum of norms and the difference; the norms' own are known.
            let float = chain * product + unit * (row.square + most.square + 2.0 * product) * 2.0;
            let rounding = row.rounded.sqrt() * most_lost + row.lost.sqrt() * (factor * most_centred);
            // A distance is not below zero: what lies there is moved by no more than its own error.
            *error = (rounding + squared * (2.0 * float + in_f64)) * (1.0 + 1e-9) + ROUNDINGS;
            // Unit rows have norm one, but not those of next to no length.
            let norm = if half(distance) < 1.0 { norm.to_f64() } else { 1.0 };
            let excess = norm - row.square;
            largest.error = error.max(largest.error);
            largest.excess = (squared * excess.abs()).max(largest.excess);
            *constant = (((row.centred + excess) * 0.5 * squared).floor() as i64) as u32;
        }
        largest
    }

    /// The scale, and what is added to each row's constant so that no number is below zero; none if the
    /// errors leave nothing to decide.
    pub(super) fn scale(&self, largest: Most) -> Option<(Scale, u32)> {
        let leaves_anything = largest.error + largest.excess <= MOST_ERROR;
        let offset = largest.error.ceil();
        let factor = self.factor * self.factor * half(self.distance);
        leaves_anything.then_some((Scale { factor, offset: 2.0 * offset }, offset as u32))
    }
}

/// What a distance is multiplied by to be the sum of two halved norms less a product.
fn half(distance: Distance) -> f64 {
    match distance {
        Distance::SquaredL2 | Distance::L2 => 0.5,
        Distance::Angular => 1.0,
    }
}
