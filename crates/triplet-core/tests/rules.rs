//! Edges of rules: thresholds at a bound of zero, the derivative of the soft margin.

use triplet_core::{Distance, Real, Rule};

#[test]
fn the_literal_threshold_at_a_bound_of_zero_leaves_distance_zero_out() {
    for distance in Distance::ALL {
        // The bound is the distance of the positive plus the margin: exactly zero here, and the
        // rule asks for distances above it.
        for (positive, margin) in
            [(0.0_f32, 0.0), (0.0, -0.0), (1.0, -1.0), (0.25, -distance.of_ranking_value(0.25))]
        {
            let threshold = Rule::SemiHardLiteral.threshold(positive, distance, margin);
            assert_eq!(threshold, 1, "{distance:?}: {positive} and {margin}");
            let threshold = Rule::SemiHardLiteral.threshold(f64::from(positive), distance, f64::from(margin));
            assert_eq!(threshold, 1, "{distance:?} in f64: {positive} and {margin}");
        }
        // Below zero every distance is above the bound.
        let below = -f32::from_key(1);
        assert_eq!(Rule::SemiHardLiteral.threshold(0.0, distance, below), 0, "{distance:?}");
    }
}

/// The logistic function, to 16 digits: it is the derivative of `log1p(exp(z))`.
const LOGISTIC: [(f64, f64); 7] = [
    (-20.0, 2.061_153_618_190_203_7e-9),
    (-5.0, 6.692_850_924_284_855_4e-3),
    (-1.0, 0.268_941_421_369_995_1),
    (-0.125, 0.468_790_626_626_243_77),
    (0.0, 0.5),
    (1.0, 0.731_058_578_630_004_9),
    (5.0, 0.993_307_149_075_715_2),
];

#[test]
fn the_derivative_of_the_soft_margin_is_the_logistic_function_on_both_sides_of_zero() {
    for (z, logistic) in LOGISTIC {
        // Either distance may be the larger one; the margin plays no part.
        for (positive, negative) in [(z.max(0.0), (-z).max(0.0)), (z + 32.0, 32.0)] {
            let term = Rule::HardSoft.term(7.0_f64, positive, negative);
            // The exponential, a sum and a quotient: each rounds once.
            let off = (term.derivative - logistic).abs();
            assert!(off <= 4.0 * f64::EPSILON * logistic, "{z}: {} instead of {logistic}", term.derivative);
            // The value is minus the logarithm of the logistic function of -z.
            let value = -(1.0 - logistic).ln();
            // The subtraction from 1 loses what its result is smaller by.
            let off = (term.value - value).abs();
            assert!(off <= 4.0 * f64::EPSILON / (1.0 - logistic), "{z}: {} instead of {value}", term.value);
        }
    }
}

#[test]
fn of_equal_distances_the_lower_row_comes_first_both_near_and_far() {
    use triplet_core::rule::{farther, nearer};
    assert!(nearer((1_u32, 9), (2, 0)) && !nearer((2_u32, 0), (1, 9)));
    assert!(nearer((1_u32, 3), (1, 4)) && !nearer((1_u32, 4), (1, 3)) && !nearer((1_u32, 3), (1, 3)));
    assert!(farther((2_u32, 9), (1, 0)) && !farther((1_u32, 0), (2, 9)));
    assert!(farther((1_u32, 3), (1, 4)) && !farther((1_u32, 4), (1, 3)) && !farther((1_u32, 3), (1, 3)));
}

#[test]
fn what_stands_in_for_a_missing_negative() {
    let stand_in =
        Rule::ALL.map(|rule| (rule.missing_negative(2.5_f32), rule.differentiates_missing_negative()));
    let expected = Rule::ALL.map(|rule| if rule.one_per_anchor() { (2.5, false) } else { (0.0, true) });
    assert_eq!(stand_in, expected);
    assert!(!Rule::SemiHard.one_per_anchor() && Rule::Hard.one_per_anchor());
}

#[test]
fn no_distance_is_above_a_bound_that_overflows() {
    for distance in [Distance::SquaredL2, Distance::Angular] {
        let threshold = Rule::SemiHardLiteral.threshold(3e38_f32, distance, 3e38);
        assert_eq!(threshold, f32::INFINITY.to_bits(), "{distance:?}");
    }
}

#[test]
fn only_the_soft_margin_has_derivatives_between_0_and_1() {
    for rule in Rule::ALL {
        assert_eq!(rule.has_unit_derivatives(), rule.term(0.0_f64, 1.0, 1.0).derivative == 1.0, "{rule:?}");
    }
}
