//! Gradients that the element type cannot hold.

use crate::{Error, Inputs, Result, Weights};
use triplet_core::{Distance, Problem, real::Key};
use triplet_simd::Element;

/// Whether no gradient can overflow, so that it need not be checked.
///
/// Each of the `T` triplets adds at most `2 w` to the coefficients of a row, each
/// multiplies a difference of at most twice the largest component, or a unit row; the
/// way back through a normalisation multiplies by at most 1e6, and again by 2. L2 divides by at
/// least the root of the smallest ranking value there is.
pub(crate) fn surely_finite<T: Element>(
    problem: &Problem<'_, T>,
    largest: T,
    scale: T,
    inputs: Inputs<'_>,
) -> bool {
    let most = |values: &[f64]| values.iter().fold(1.0_f64, |m, v| m.max(v.abs()));
    let weight = match inputs.weights {
        Weights::PerSample(weights) => most(weights),
        Weights::None | Weights::Scalar(_) => 1.0,
    };
    let strongest = weight * inputs.upstream.map_or(1.0, most);
    let coefficients = 2.0 * problem.slots().count() as f64 * strongest;
    let step = match problem.distance() {
        Distance::SquaredL2 => 2.0 * largest.to_f64(),
        Distance::Angular => 2e6,
        Distance::L2 => 2.0 * largest.to_f64() / T::from_key(T::Key::ZERO.next()).to_f64().sqrt(),
    };
    let sum = coefficients * step.max(1.0);
    sum < T::MAX_FINITE / 4.0 && sum * scale.to_f64().abs() < T::MAX_FINITE / 4.0
}

/// Refuses a gradient that is not finite, by its first such row.
pub(crate) fn check_gradient<T: Element>(gradient: &[T], width: usize) -> Result<()> {
    // A plain maximum over bits, which vectorises; the row is looked for on failure.
    let top = gradient.iter().fold(T::Key::ZERO, |top, g| top.max(g.abs().key()));
    if top < T::Key::END {
        return Ok(());
    }
    let index = gradient.iter().position(|g| !g.is_finite()).unwrap_or(0);
    Err(Error::GradientOverflow { row: index / width })
}

#[cfg(test)]
mod tests {
    use super::*;
    use triplet_core::{Batch, Objective, ProblemBuffers, Rule};

    /// Three rows of one class: six triplets.
    fn fits(distance: Distance, largest: f32, scale: f32, inputs: Inputs<'_>) -> bool {
        let batch = Batch::new(&[1.0_f32, 2.0, 3.0], 1, &[7; 3]).unwrap();
        let objective = Objective { distance, rule: Rule::SemiHard, margin: 1.0 };
        let mut buffers = ProblemBuffers::default();
        surely_finite(&Problem::new(&batch, objective, &mut buffers).unwrap(), largest, scale, inputs)
    }

    fn weighted(distance: Distance, weight: f64, largest: f32, scale: f32) -> bool {
        let weights = [0.0, weight, 1.0];
        fits(distance, largest, scale, Inputs { weights: Weights::PerSample(&weights), upstream: None })
    }

    #[test]
    fn the_bound_is_12_weights_times_twice_the_largest_component() {
        let power = |exponent: i32| f64::from(exponent).exp2();
        let fits = |weight, scale| weighted(Distance::SquaredL2, weight, 8.0, scale);
        // 12 * 16 * 2^118 is three quarters of 2^126, about a quarter of the largest float.
        let weight = power(118);
        assert!(fits(weight, 1.0));
        assert!(!fits(1.5 * weight, 1.0));
        // Neither before the scale nor after it.
        assert!(!fits(1.5 * weight, 0.25));
        assert!(fits(weight, 1.25) && !fits(weight, 2.0) && !fits(weight, -2.0));
        // A quarter of the largest float is 192 * 5592405 * 2^96.
        let weight = 5_592_405.0 * power(96);
        assert_eq!(192.0 * weight, f64::from(f32::MAX) / 4.0);
        assert!(!fits(weight, 0.5));
        assert!(!fits(weight / 2.0, 2.0));
        assert!(fits(weight / 2.0, 1.0));
        // Components below a half count as a half.
        assert!(weighted(Distance::SquaredL2, power(122), 1e-30, 1.0));
        assert!(!weighted(Distance::SquaredL2, power(123), 1e-30, 1.0));
    }

    #[test]
    fn upstream_gradients_multiply_the_weights() {
        let power = |exponent: i32| f64::from(exponent).exp2();
        let weights = [1.5 * power(59), 0.0, 1.0];
        let fits = |upstream: f64| {
            let upstream = [0.0, upstream, 1.0];
            let inputs = Inputs { weights: Weights::PerSample(&weights), upstream: Some(&upstream) };
            fits(Distance::SquaredL2, 8.0, 1.0, inputs)
        };
        assert!(fits(power(58)) && fits(-power(58)));
        assert!(!fits(power(59)) && !fits(-power(59)));
    }

    #[test]
    fn a_normalisation_multiplies_by_two_million_and_l2_divides_by_the_least_distance() {
        // 12 * 2e6 * 2^101 is 0.7 of 2^126.
        let weight = f64::exp2(101.0);
        assert!(weighted(Distance::Angular, weight, 1e30, 1.0));
        assert!(!weighted(Distance::Angular, 1.5 * weight, 1e-30, 1.0));
        // The least distance is 2^-74.5: 24 * 2^46 * 2^74.5 is 0.53 of 2^126.
        assert!(weighted(Distance::L2, f64::exp2(46.0), 1.0, 1.0));
        assert!(!weighted(Distance::L2, f64::exp2(47.0), 1.0, 1.0));
        assert!(fits(Distance::SquaredL2, 1.0, 1.0, Inputs::default()));
    }

    #[test]
    fn the_first_row_that_is_not_finite_is_named() {
        assert_eq!(check_gradient(&[0.0_f32, -1.0, f32::MAX, f32::MIN], 2), Ok(()));
        for value in [f32::INFINITY, f32::NEG_INFINITY, f32::NAN] {
            let gradient = [0.0, 1.0, 2.0, 3.0, 4.0, value, value, 0.0];
            assert_eq!(check_gradient(&gradient, 2), Err(Error::GradientOverflow { row: 2 }), "{value}");
        }
    }
}
