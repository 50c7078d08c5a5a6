//! Which negative is chosen, and what a triplet costs: the semantics, in one place.
//!
//! Backends search with [`Rule::threshold`] and [`nearer`]/[`farther`] and use nothing else of a
//! rule.

use crate::{Distance, Real, real::Key};

crate::named_enum! {
    /// The rule by which triplets are mined and their terms computed.
    ///
    /// ```
    /// use triplet_core::{Distance, Real, Rule};
    /// // A semi-hard negative is strictly farther than the positive, here at distance 1.
    /// let threshold = Rule::SemiHard.threshold(1.0_f32, Distance::SquaredL2, 0.5);
    /// assert_eq!(f32::from_key(threshold), 1.0 + f32::EPSILON);
    /// // The hinge: margin + positive - negative.
    /// let term = Rule::SemiHard.term(0.5, 1.0_f32, 1.25);
    /// assert_eq!((term.value, term.derivative), (0.25, 1.0));
    /// ```
    #[derive(Default)]
    pub enum Rule: "rule" {
        /// TFA's `TripletSemiHardLoss`: for every positive `j` of an anchor `i` the
        /// nearest negative with `d_ik > d_ij`, strictly and without the margin; if
        /// none, the farthest negative. `metric_learning.py`, `triplet_semihard_loss`.
        #[default]
        SemiHard = "semi-hard",
        /// The sentence on TFA's API page, which its code never followed:
        /// `d_ik > d_ij + margin` instead.
        SemiHardLiteral = "semi-hard-literal",
        /// TFA's `TripletHardLoss`: per anchor the farthest positive and the nearest
        /// negative.
        Hard = "hard",
        /// `TripletHardLoss(soft=True)`: `log1p(exp(d_pos - d_neg))` instead of the hinge.
        HardSoft = "hard-soft",
    }
}

/// What one triplet adds to its anchor's loss, and its derivative; see the example of [`Rule`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Term<T> {
    /// The value, not negative.
    pub value: T,
    /// The derivative with respect to `d_pos - d_neg`. One at an exactly zero
    /// hinge, as in TFA: `tf.maximum` passes the gradient at equality.
    pub derivative: f64,
}

impl Rule {
    /// Whether an anchor has one triplet (its hardest) instead of one a positive.
    #[inline]
    #[must_use]
    pub fn one_per_anchor(self) -> bool {
        match self {
            Self::SemiHard | Self::SemiHardLiteral => false,
            Self::Hard | Self::HardSoft => true,
        }
    }

    /// Whether every derivative of a term is 0 or 1.
    #[inline]
    #[must_use]
    pub fn has_unit_derivatives(self) -> bool {
        match self {
            Self::SemiHard | Self::SemiHardLiteral | Self::Hard => true,
            Self::HardSoft => false,
        }
    }

    /// The smallest key a negative may have to be preferred, given the ranking value
    /// of the positive. Among those the nearest is chosen; if no negative
    /// reaches the threshold, the farthest of all is.
    #[inline]
    #[must_use]
    pub fn threshold<T: Real>(self, positive: T, distance: Distance, margin: T) -> T::Key {
        match self {
            Self::SemiHard => positive.key().next(),
            Self::SemiHardLiteral => {
                let bound = distance.of_ranking_value(positive) + margin;
                first_key_beyond(bound, distance)
            }
            Self::Hard | Self::HardSoft => T::Key::ZERO,
        }
    }

    /// The ranking value that stands in for the negative of an anchor that has none, given that
    /// of its positive: TFA's distance 0, or, with one triplet an anchor, the row's largest
    /// distance (which is the positive's).
    #[inline]
    #[must_use]
    pub fn missing_negative<T: Real>(self, positive: T) -> T {
        match self {
            Self::SemiHard | Self::SemiHardLiteral => T::ZERO,
            Self::Hard | Self::HardSoft => positive,
        }
    }

    /// Whether a triplet without a negative passes a gradient to its positive. What stands in for
    /// a hard rule's negative is the positive's own distance: the two cancel.
    #[inline]
    #[must_use]
    pub fn differentiates_missing_negative(self) -> bool {
        match self {
            Self::SemiHard | Self::SemiHardLiteral => true,
            Self::Hard | Self::HardSoft => false,
        }
    }

    /// The cost of a triplet, from the distances.
    #[inline]
    #[must_use]
    pub fn term<T: Real>(self, margin: T, positive: T, negative: T) -> Term<T> {
        match self {
            Self::SemiHard | Self::SemiHardLiteral | Self::Hard => {
                let t = (margin + positive) - negative;
                Term { value: t.max0(), derivative: if t >= T::ZERO { 1.0 } else { 0.0 } }
            }
            Self::HardSoft => softplus(positive - negative),
        }
    }
}

/// Whether a candidate replaces the nearest so far: smaller, or as small and of a
/// lower original row.
///
/// ```
/// use triplet_core::rule::nearer;
/// assert!(nearer((1_u32, 5), (2, 0)));
/// assert!(nearer((1_u32, 4), (1, 5)) && !nearer((1_u32, 5), (1, 5)));
/// ```
#[inline(always)]
#[must_use]
pub fn nearer<K: Key, R: Ord>(candidate: (K, R), best: (K, R)) -> bool {
    candidate < best
}

/// Whether a candidate replaces the farthest so far: larger, or as large and of a
/// lower original row.
///
/// ```
/// use triplet_core::rule::farther;
/// assert!(farther((2_u32, 5), (1, 0)));
/// assert!(farther((2_u32, 4), (2, 5)) && !farther((2_u32, 5), (2, 5)));
/// ```
#[inline(always)]
#[must_use]
pub fn farther<K: Key, R: Ord>(candidate: (K, R), best: (K, R)) -> bool {
    candidate.0 > best.0 || (candidate.0 == best.0 && candidate.1 < best.1)
}

/// The smallest key whose distance is strictly above `bound`.
fn first_key_beyond<T: Real>(bound: T, distance: Distance) -> T::Key {
    if bound < T::ZERO {
        return T::Key::ZERO;
    }
    let top = T::from_f64(T::MAX_FINITE);
    let above = |key: T::Key| distance.of_ranking_value(T::from_key(key)) > bound;
    let guess = distance.near_ranking_value(bound);
    let mut key = if guess <= top { guess.key() } else { T::Key::END };
    // The guess is a few units off at most: walk to the first key that is above.
    while key > T::Key::ZERO && above(key.previous()) {
        key = key.previous();
    }
    while key < T::Key::END && !above(key) {
        key = key.next();
    }
    key
}

/// `log1p(exp(z))` without overflow, and its derivative. `libm` computes the
/// exponential, so the bits do not depend on the platform's C library.
fn softplus<T: Real>(z: T) -> Term<T> {
    let z = z.to_f64();
    let tail = libm::exp(-z.abs());
    let value = z.max(0.0) + libm::log1p(tail);
    let derivative = if z >= 0.0 { 1.0 / (1.0 + tail) } else { tail / (1.0 + tail) };
    Term { value: T::from_f64(value), derivative }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_read_back() {
        for rule in Rule::ALL {
            assert_eq!(rule.name().parse(), Ok(rule));
        }
        assert!("semihard".parse::<Rule>().unwrap_err().to_string().contains("semi-hard-literal"));
    }

    #[test]
    fn the_semi_hard_threshold_is_strict_and_ignores_the_margin() {
        for distance in Distance::ALL {
            assert_eq!(Rule::SemiHard.threshold(1.0_f32, distance, 5.0), 1.0_f32.to_bits() + 1);
        }
    }

    #[test]
    fn a_rule_of_one_triplet_an_anchor_prefers_every_negative() {
        // Engines keep no farthest negative for such a rule.
        for rule in Rule::ALL.into_iter().filter(|rule| rule.one_per_anchor()) {
            for (distance, positive) in Distance::ALL.into_iter().flat_map(|d| [0.0, 1.5].map(|p| (d, p))) {
                assert_eq!(rule.threshold(positive, distance, 1e3_f32), 0, "{rule:?}");
                assert_eq!(rule.threshold(f64::from(positive), distance, 1e3), 0, "{rule:?}");
            }
        }
    }

    #[test]
    fn ties_go_to_the_lower_row() {
        for (a, b, is_nearer, is_farther) in [
            ((1_u32, 5), (2, 3), true, false),
            ((2, 3), (1, 5), false, true),
            ((1, 3), (1, 5), true, true),
            ((1, 5), (1, 3), false, false),
            ((1, 3), (1, 3), false, false),
        ] {
            assert_eq!((nearer(a, b), farther(a, b)), (is_nearer, is_farther), "{a:?} and {b:?}");
        }
    }

    #[test]
    fn a_negative_bound_admits_everything_and_a_huge_one_nothing() {
        assert_eq!(Rule::SemiHardLiteral.threshold(1.0_f32, Distance::SquaredL2, -2.0), 0);
        let huge = Rule::SemiHardLiteral.threshold(1.0_f32, Distance::L2, f32::MAX);
        assert_eq!(huge, f32::INFINITY.to_bits());
    }

    #[test]
    fn the_hinge_passes_its_gradient_at_zero() {
        assert_eq!(Rule::SemiHard.term(1.0_f32, 1.0, 2.0), Term { value: 0.0, derivative: 1.0 });
        assert_eq!(Rule::Hard.term(1.0_f32, 1.0, 2.5), Term { value: 0.0, derivative: 0.0 });
    }

    #[test]
    fn softplus_is_stable() {
        let far = Rule::HardSoft.term(0.0_f32, 1e4, 0.0);
        assert_eq!(far, Term { value: 1e4, derivative: 1.0 });
        let near = Rule::HardSoft.term(0.0_f32, 0.0, 1e4);
        assert_eq!(near, Term { value: 0.0, derivative: 0.0 });
        assert_eq!(Rule::HardSoft.term(0.0_f64, 0.0, 0.0).value, core::f64::consts::LN_2);
    }

    proptest! {
        #[test]
        fn the_literal_threshold_is_the_first_key_beyond(
            d in 0f32..1e20, margin in -1e3f32..1e10, tiny: bool, cancelled in 0..4,
        ) {
            let (d, margin) = if tiny { (d * 1e-38, margin * 1e-30) } else { (d, margin) };
            for distance in Distance::ALL {
                let near = distance.of_ranking_value(d);
                // At times the bound is exactly zero, which no sum of random numbers is.
                let margin = if cancelled == 0 { -near } else { margin };
                let bound = near + margin;
                let threshold = Rule::SemiHardLiteral.threshold(d, distance, margin);
                let above = |key: u32| distance.of_ranking_value(f32::from_bits(key)) > bound;
                prop_assert!(threshold == f32::INFINITY.to_bits() || above(threshold), "{distance:?}");
                // Only distances exist below the threshold, and none of them is above the bound.
                match threshold.checked_sub(1) {
                    Some(before) => prop_assert!(!above(before), "{distance:?}"),
                    None => prop_assert!(bound < 0.0, "{distance:?}: {bound}"),
                }
            }
        }
    }
}
