//! The distances, as fixed chains of correctly rounded operations.

use crate::Real;

crate::named_enum! {
    /// How far apart two rows are.
    ///
    /// | name | definition | source |
    /// |---|---|---|
    /// | `squared-l2` | `max(0, (n_i + n_j) - 2 g_ij)` | FaceNet; TFA up to 0.9 |
    /// | `l2` | its square root; gradient 0 at distance 0 | TFA 0.11 and later, default |
    /// | `angular` | `max(0, 1 - g_ij)` of the normalised rows | TFA 0.10 and later |
    ///
    /// ```
    /// use triplet_core::{Distance, distance::inner};
    /// let (x, y) = ([0.0_f32, 1.0], [3.0, 5.0]);
    /// let ranked = Distance::L2.ranking_value(inner(&x, &y), inner(&x, &x), inner(&y, &y));
    /// assert_eq!(ranked, 25.0); // L2 is ranked by its square
    /// assert_eq!(Distance::L2.of_ranking_value(ranked), 5.0);
    /// assert_eq!("squared-l2".parse(), Ok(Distance::SquaredL2));
    /// ```
    #[derive(Default)]
    pub enum Distance: "distance" {
        /// Squared Euclidean distance.
        #[default]
        SquaredL2 = "squared-l2",
        /// Euclidean distance. Ranked by squares, since the root is monotone.
        L2 = "l2",
        /// One minus the cosine.
        Angular = "angular",
    }
}

/// What a pair `(r, m)` adds to the gradient of row `r`, before its coefficient.
///
/// ```
/// use triplet_core::{Distance, distance::GradientStep};
/// // d |x_r - x_m| / d x_r = (x_r - x_m) / d, here with d = 5, ranked by 25.
/// assert_eq!(Distance::L2.gradient_step(), GradientStep::Difference);
/// assert_eq!(Distance::L2.derivative(25.0_f32), 0.2);
/// assert_eq!(Distance::Angular.gradient_step(), GradientStep::UnitRow);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GradientStep {
    /// `x_r - x_m`.
    Difference,
    /// `u_m`, of unit rows: the distance falls as `u_r . u_m` grows, so the sum is negated, and
    /// taken back through the normalisation of row `r`.
    UnitRow,
}

impl Distance {
    /// Whether rows are brought to unit length before they are compared.
    #[must_use]
    pub fn needs_unit_rows(self) -> bool {
        match self {
            Self::SquaredL2 | Self::L2 => false,
            Self::Angular => true,
        }
    }

    /// Whether the derivative of a pair's distance depends on that distance.
    #[must_use]
    pub fn needs_pair_distance(self) -> bool {
        match self {
            Self::SquaredL2 | Self::Angular => false,
            Self::L2 => true,
        }
    }

    /// What a pair adds to the gradient of a row.
    #[inline(always)]
    #[must_use]
    pub fn gradient_step(self) -> GradientStep {
        match self {
            Self::SquaredL2 | Self::L2 => GradientStep::Difference,
            Self::Angular => GradientStep::UnitRow,
        }
    }

    /// The score of two equal rows, from which distances are taken away: 1, the cosine, for angular, else 0.
    #[must_use]
    pub fn best_score(self) -> f64 {
        match self {
            Self::SquaredL2 | Self::L2 => 0.0,
            Self::Angular => 1.0,
        }
    }

    /// The value that candidates are *ranked* by: the square for L2, the distance itself
    /// otherwise.
    ///
    /// `g` is the inner product of the two rows, `n_i` and `n_j` their squared norms.
    #[inline(always)]
    #[must_use]
    pub fn ranking_value<T: Real>(self, g: T, n_i: T, n_j: T) -> T {
        match self {
            // `g + g` is exact.
            Self::SquaredL2 | Self::L2 => ((n_i + n_j) - (g + g)).max0(),
            Self::Angular => (T::ONE - g).max0(),
        }
    }

    /// The distance that has a ranking value: what enters the loss.
    #[inline(always)]
    #[must_use]
    pub fn of_ranking_value<T: Real>(self, value: T) -> T {
        match self {
            Self::L2 => value.sqrt(),
            Self::SquaredL2 | Self::Angular => value,
        }
    }

    /// About the ranking value of a distance: [`Distance::of_ranking_value`] backwards. Of several
    /// ranking values of one distance it is the largest, off by a few units in the last place: a
    /// threshold is searched from there, one key after the other.
    #[must_use]
    pub fn near_ranking_value<T: Real>(self, distance: T) -> T {
        match self {
            Self::L2 => distance * distance,
            Self::SquaredL2 | Self::Angular => distance,
        }
    }

    /// What the derivative of a pair's distance multiplies the [`GradientStep`] by, apart from a
    /// constant of the batch: `1/d` for L2, 0 at distance 0.
    #[inline(always)]
    #[must_use]
    pub fn derivative<T: Real>(self, ranking_value: T) -> f64 {
        match self {
            Self::SquaredL2 | Self::Angular => 1.0,
            Self::L2 if ranking_value == T::ZERO => 0.0,
            Self::L2 => 1.0 / ranking_value.sqrt().to_f64(),
        }
    }

    /// The constant of the batch that goes with [`Distance::derivative`].
    #[must_use]
    pub fn derivative_scale(self) -> f64 {
        match self {
            Self::SquaredL2 => 2.0,
            Self::L2 | Self::Angular => 1.0,
        }
    }
}

/// The inner product of two rows: one chain, ascending, one rounding a step.
///
/// ```
/// assert_eq!(triplet_core::distance::inner(&[1.0_f32, 2.0], &[3.0, 4.0]), 11.0);
/// ```
#[inline]
#[must_use]
pub fn inner<T: Real>(x: &[T], y: &[T]) -> T {
    x.iter().zip(y).fold(T::ZERO, |g, (&a, &b)| a.fma(b, g))
}

/// How one row was brought to unit length; see the example of [`normalise`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scaling {
    /// What the row was multiplied by, `1 / max(norm, 1e-6)`.
    pub inverse_norm: f64,
    /// Whether the norm was the row's own; below the floor it is a constant, and
    /// the gradient is not projected.
    pub own_norm: bool,
}

/// TFA's floor under a squared norm.
const SQUARED_NORM_FLOOR: f64 = 1e-12;

/// Writes `row / max(norm, 1e-6)` to `unit`: the norm by one f64 chain, each
/// component rounded once.
///
/// ```
/// use triplet_core::distance::normalise;
/// let mut unit = [0.0_f32; 2];
/// let scaling = normalise(&[3.0, 4.0], &mut unit);
/// assert_eq!((unit, scaling.inverse_norm, scaling.own_norm), ([0.6, 0.8], 0.2, true));
/// // A row shorter than 1e-6 is divided by that constant.
/// assert!(!normalise(&[1e-7, 0.0], &mut unit).own_norm);
/// ```
pub fn normalise<T: Real>(row: &[T], unit: &mut [T]) -> Scaling {
    let [squared] = squared_norms([row]);
    scale(row, squared, unit)
}

/// Rows whose chains run side by side: they hide each other's latency.
const ROWS: usize = 8;

/// [`normalise`] for every row of so many components.
pub(crate) fn normalise_rows<T: Real>(
    rows: &[T],
    width: usize,
    units: &mut [T],
    scalings: &mut Vec<Scaling>,
) {
    scalings.clear();
    for (rows, units) in rows.chunks(ROWS * width).zip(units.chunks_mut(ROWS * width)) {
        let mut units = units.chunks_exact_mut(width);
        if rows.len() == ROWS * width {
            let rows: [&[T]; ROWS] = core::array::from_fn(|n| &rows[n * width..][..width]);
            let scaled = rows.into_iter().zip(squared_norms(rows)).zip(units);
            scalings.extend(scaled.map(|((row, squared), unit)| scale(row, squared, unit)));
        } else {
            scalings.extend(rows.chunks_exact(width).zip(&mut units).map(|(row, unit)| normalise(row, unit)));
        }
    }
}

/// The squared norm of each row, by a chain in f64.
fn squared_norms<T: Real, const N: usize>(rows: [&[T]; N]) -> [f64; N] {
    let width = rows[0].len();
    let rows = rows.map(|row| &row[..width]);
    let mut sums = [0.0; N];
    for k in 0..width {
        for (sum, row) in sums.iter_mut().zip(rows) {
            *sum = row[k].square_onto(*sum);
        }
    }
    sums
}

fn scale<T: Real>(row: &[T], squared: f64, unit: &mut [T]) -> Scaling {
    let inverse_norm = 1.0 / squared.max(SQUARED_NORM_FLOOR).sqrt();
    for (u, &x) in unit.iter_mut().zip(row) {
        *u = T::from_f64(x.to_f64() * inverse_norm);
    }
    Scaling { inverse_norm, own_norm: squared >= SQUARED_NORM_FLOOR }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_read_back() {
        for distance in Distance::ALL {
            assert_eq!(distance.name().parse(), Ok(distance));
        }
        let error = "cosine".parse::<Distance>().unwrap_err();
        assert_eq!(error.to_string(), "unknown distance \"cosine\": choose one of squared-l2, l2, angular");
    }

    #[test]
    fn rows_side_by_side_are_normalised_as_each_alone() {
        // One group of rows and less, just so many, and more; the first is shorter than the floor.
        for (count, width) in
            [0, 1, ROWS - 1, ROWS, ROWS + 1, 2 * ROWS].into_iter().flat_map(|n| [(n, 1), (n, 5)])
        {
            let mut rows: Vec<f32> = (0..count * width).map(|i| (i * i % 17) as f32 - 6.5).collect();
            rows.iter_mut().take(width).for_each(|x| *x *= 1e-8);
            let (mut units, mut scalings) = (vec![0.0; rows.len()], vec![normalise(&[1.0], &mut [0.0])]);
            normalise_rows(&rows, width, &mut units, &mut scalings);
            let mut unit = vec![0.0; width];
            let alone: Vec<_> = rows.chunks(width).map(|row| normalise(row, &mut unit)).collect();
            assert_eq!(scalings, alone);
            for (row, found) in rows.chunks(width).zip(units.chunks(width)) {
                normalise(row, &mut unit);
                assert_eq!(found, unit);
            }
        }
    }

    fn distance(x: &[f32], y: &[f32]) -> f32 {
        Distance::SquaredL2.ranking_value(inner(x, y), inner(x, x), inner(y, y))
    }

    proptest! {
        #[test]
        fn squares_are_added_with_one_rounding(x in any::<f32>(), sum in 0f64..1e60) {
            prop_assume!(x.is_finite());
            let x64 = f64::from(x);
            prop_assert_eq!(x.square_onto(sum).to_bits(), crate::fma::fma_f64(x64, x64, sum).to_bits());
        }

        #[test]
        fn distances_are_symmetric_and_zero_on_equal_rows(
            rows in prop::collection::vec((-1e3f32..1e3, -1e3f32..1e3), 1..40),
        ) {
            let (x, y): (Vec<f32>, Vec<f32>) = rows.into_iter().unzip();
            prop_assert_eq!(distance(&x, &y).to_bits(), distance(&y, &x).to_bits());
            prop_assert_eq!(distance(&x, &x).to_bits(), 0);
        }

        #[test]
        fn a_power_of_two_scales_exactly(
            rows in prop::collection::vec((-8f32..8.0, -8f32..8.0), 1..20), e in -20i32..20,
        ) {
            let s = 2f32.powi(e);
            let (x, y): (Vec<f32>, Vec<f32>) = rows.iter().copied().unzip();
            let (sx, sy): (Vec<f32>, Vec<f32>) = rows.iter().map(|&(a, b)| (a * s, b * s)).unzip();
            // Tiny components may round in the subnormal range; leave those out.
            prop_assume!(rows.iter().all(|&(a, b)| a.abs().min(b.abs()) > 1e-3));
            prop_assert_eq!((distance(&x, &y) * s * s).to_bits(), distance(&sx, &sy).to_bits());
        }

        #[test]
        fn small_integers_are_exact(rows in prop::collection::vec((-100i32..100, -100i32..100), 1..60)) {
            let (x, y): (Vec<f32>, Vec<f32>) = rows.iter().map(|&(a, b)| (a as f32, b as f32)).unzip();
            let exact: i32 = rows.iter().map(|&(a, b)| (a - b) * (a - b)).sum();
            prop_assert_eq!(distance(&x, &y), exact as f32);
        }
    }
}
