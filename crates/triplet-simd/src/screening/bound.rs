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

/// What rows are multiplied by, given the sums of all of them that need no rounding; none where there is nothing
/// to screen.
pub(super) fn factor(rows: &[RowSums], width: usize) -> Option<f64> {
    let norm = rows.iter().fold(0.0, |most, row| row.centred.max(most)).sqrt();
    let component = rows.iter().fold(0.0, |most, row| row.largest.max(most));
    // Rounding moves a component by half, and a row by half a unit in each.
    let factor = ((NORM - (width as f64).sqrt()) / norm).min((COMPONENT - 1.0) / component);
    (factor.is_finite() && factor > 0.0).then_some(factor)
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

/// Writes the error of each row's distances and what it adds to them; the scale, if the errors leave anything to
/// decide.
pub(super) fn apply<T: Real>(
    rows: &[RowSums],
    width: usize,
    factor: f64,
    distance: Distance,
    norms: &[T],
    errors: &mut [f64],
    constants: &mut [u32],
) -> Option<Scale> {
    let most = |of: fn(&RowSums) -> f64| rows.iter().fold(0.0, |most, row| of(row).max(most)).sqrt();
    let (most_norm, most_centred, most_lost) =
        (most(|row| row.square), most(|row| row.centred), most(|row| row.lost));
    let unit = T::EPSILON / 2.0;
    let chain = (width as f64 * unit) / (1.0 - width as f64 * unit);
    // Far beyond, it would be no bound.
    if !(0.0..=0.01).contains(&chain) {
        return None;
    }
    let squared = factor * factor;
    // Sums in f64, and what underflows in a chain.
    let in_f64 = width as f64 * (16.0 * (2.0_f64).powi(-50) * most_norm * most_norm + 1e-37);
    let (half, own_norms) = match distance {
        Distance::SquaredL2 | Distance::L2 => (0.5, true),
        Distance::Angular => (1.0, false),
    };
    let (mut most_error, mut most_excess) = (0.0_f64, 0.0_f64);
    let all = rows.iter().zip(norms).zip(errors.iter_mut().zip(constants.iter_mut()));
    for ((row, norm), (error, constant)) in all {
        let product = row.square.sqrt() * most_norm;
        // Of the chain, and of the sum of norms and the difference; the norms' own are known.
        let float = chain * product + unit * (row.square + most_norm * most_norm + 2.0 * product) * 2.0;
        let rounding = row.rounded.sqrt() * most_lost + row.lost.sqrt() * (factor * most_centred);
        // A distance is not below zero: what lies there is moved by no more than its own error.
        *error = (rounding + squared * (2.0 * float + in_f64)) * (1.0 + 1e-9) + ROUNDINGS;
        // Unit rows have norm one, but not those of next to no length.
        let excess = if own_norms { norm.to_f64() } else { 1.0 } - row.square;
        most_error = error.max(most_error);
        most_excess = (squared * excess.abs()).max(most_excess);
        *constant = (((row.centred + excess) * 0.5 * squared).floor() as i64) as u32;
    }
    // Not where either is not a number.
    let leaves_anything = most_error + most_excess <= MOST_ERROR;
    if !leaves_anything {
        return None;
    }
    // No number is below zero then.
    let offset = most_error.ceil();
    constants.iter_mut().for_each(|constant| *constant = constant.wrapping_add(offset as u32));
    Some(Scale { factor: squared * half, offset: 2.0 * offset })
}
