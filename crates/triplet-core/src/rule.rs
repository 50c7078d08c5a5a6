//! Which negative is chosen, and what a triplet costs: the semantics, in one place.
//!
//! Backends search with [`Rule::floor`] and [`nearer`]/[`farther`]; they know no
//! more of a rule than that.

use crate::{Distance, Error, Real, Result, real::Key};
use core::str::FromStr;

/// The rule by which triplets are mined and judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum Rule {
    /// TFA's `TripletSemiHardLoss`: for every positive `j` of an anchor `i` the
    /// nearest negative with `d_ik > d_ij`, strictly and without the margin; if
    /// none, the farthest negative. `metric_learning.py`, `triplet_semihard_loss`.
    #[default]
    SemiHard,
    /// The sentence on TFA's API page, which its code never followed:
    /// `d_ik > d_ij + margin` instead.
    SemiHardLiteral,
    /// TFA's `TripletHardLoss`: per anchor the farthest positive and the nearest
    /// negative.
    Hard,
    /// `TripletHardLoss(soft=True)`: `log1p(exp(d_pos - d_neg))` instead of the hinge.
    HardSoft,
}

/// What one triplet adds to its anchor's loss, and how steeply.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Term<T> {
    /// The value, not negative.
    pub value: T,
    /// The derivative with respect to `d_pos - d_neg`. One at an exactly zero
    /// hinge, as in TFA: `tf.maximum` passes the gradient at equality.
    pub slope: f64,
}

impl Rule {
    /// Every rule, for tables of cases.
    pub const ALL: [Self; 4] = [Self::SemiHard, Self::SemiHardLiteral, Self::Hard, Self::HardSoft];
    /// The names [`Rule::from_str`] knows.
    pub const NAMES: &'static str = "semi-hard, semi-hard-literal, hard, hard-soft";

    /// The name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::SemiHard => "semi-hard",
            Self::SemiHardLiteral => "semi-hard-literal",
            Self::Hard => "hard",
            Self::HardSoft => "hard-soft",
        }
    }

    /// Whether an anchor has one triplet (its hardest) instead of one a positive.
    #[inline]
    #[must_use]
    pub fn one_per_anchor(self) -> bool {
        matches!(self, Self::Hard | Self::HardSoft)
    }

    /// The smallest key a negative may have to be preferred, given the searched
    /// distance of the positive. Among those the nearest is chosen; if no negative
    /// reaches the floor, the farthest of all is.
    #[must_use]
    pub fn floor<T: Real>(self, positive: T, distance: Distance, margin: T) -> T::Key {
        match self {
            Self::SemiHard => positive.key().next(),
            Self::SemiHardLiteral => {
                let bound = distance.reported(positive) + margin;
                first_key_beyond(bound, distance)
            }
            Self::Hard | Self::HardSoft => T::Key::ZERO,
        }
    }

    /// The cost of a triplet, from the reported distances.
    #[inline]
    #[must_use]
    pub fn term<T: Real>(self, margin: T, positive: T, negative: T) -> Term<T> {
        if self == Self::HardSoft {
            return softplus(positive - negative);
        }
        let t = (margin + positive) - negative;
        Term { value: t.max0(), slope: if t >= T::ZERO { 1.0 } else { 0.0 } }
    }
}

impl FromStr for Rule {
    type Err = Error;
    fn from_str(name: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|rule| rule.name() == name).ok_or_else(|| Error::UnknownName {
            what: "rule",
            value: name.to_owned(),
            choices: Self::NAMES,
        })
    }
}

/// Whether a candidate beats the nearest so far: smaller, or as small and of a
/// lower original row.
#[inline(always)]
#[must_use]
pub fn nearer<K: Key>(candidate: (K, u32), best: (K, u32)) -> bool {
    candidate < best
}

/// Whether a candidate beats the farthest so far: larger, or as large and of a
/// lower original row.
#[inline(always)]
#[must_use]
pub fn farther<K: Key, R: Ord>(candidate: (K, R), best: (K, R)) -> bool {
    candidate.0 > best.0 || (candidate.0 == best.0 && candidate.1 < best.1)
}

/// The smallest key whose reported distance is strictly above `bound`.
fn first_key_beyond<T: Real>(bound: T, distance: Distance) -> T::Key {
    if bound < T::ZERO {
        return T::Key::ZERO;
    }
    let top = T::from_f64(T::MAX_FINITE);
    let above = |key: T::Key| distance.reported(T::from_key(key)) > bound;
    let square = if distance == Distance::L2 { bound * bound } else { bound };
    let mut key = if square <= top { square.key() } else { T::Key::END };
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
    let slope = if z >= 0.0 { 1.0 / (1.0 + tail) } else { tail / (1.0 + tail) };
    Term { value: T::from_f64(value), slope }
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
    fn the_semi_hard_floor_is_strict_and_ignores_the_margin() {
        for distance in Distance::ALL {
            assert_eq!(Rule::SemiHard.floor(1.0_f32, distance, 5.0), 1.0_f32.to_bits() + 1);
        }
    }

    #[test]
    fn a_negative_bound_admits_everything_and_a_huge_one_nothing() {
        assert_eq!(Rule::SemiHardLiteral.floor(1.0_f32, Distance::SquaredL2, -2.0), 0);
        let huge = Rule::SemiHardLiteral.floor(1.0_f32, Distance::L2, f32::MAX);
        assert_eq!(huge, f32::INFINITY.to_bits());
    }

    #[test]
    fn the_hinge_passes_its_gradient_at_zero() {
        assert_eq!(Rule::SemiHard.term(1.0_f32, 1.0, 2.0), Term { value: 0.0, slope: 1.0 });
        assert_eq!(Rule::Hard.term(1.0_f32, 1.0, 2.5), Term { value: 0.0, slope: 0.0 });
    }

    #[test]
    fn softplus_is_stable() {
        let far = Rule::HardSoft.term(0.0_f32, 1e4, 0.0);
        assert_eq!(far, Term { value: 1e4, slope: 1.0 });
        let near = Rule::HardSoft.term(0.0_f32, 0.0, 1e4);
        assert_eq!(near, Term { value: 0.0, slope: 0.0 });
        assert_eq!(Rule::HardSoft.term(0.0_f64, 0.0, 0.0).value, core::f64::consts::LN_2);
    }

    proptest! {
        #[test]
        fn the_literal_floor_is_the_first_key_beyond(d in 0f32..1e20, margin in -1e3f32..1e10, tiny: bool) {
            let (d, margin) = if tiny { (d * 1e-38, margin * 1e-30) } else { (d, margin) };
            for distance in Distance::ALL {
                let bound = distance.reported(d) + margin;
                let floor = Rule::SemiHardLiteral.floor(d, distance, margin);
                let at = |key: u32| distance.reported(f32::from_bits(key));
                prop_assert!(floor == f32::INFINITY.to_bits() || at(floor) > bound);
                prop_assert!(floor == 0 || at(floor - 1) <= bound);
            }
        }
    }
}
