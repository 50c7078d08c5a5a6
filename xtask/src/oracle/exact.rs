//! Numbers of 600 binary places: every sum and product of rows of f32 is one exactly, quotients and roots are
//! cut off there.

use core::ops::{Add, AddAssign, Mul, Neg, Sub};
use num_bigint::{BigInt, Sign};

/// Binary places. A product of two f32 has at most 298; 200 significant ones are left of a root above 2^-400.
const PLACES: u64 = 600;

/// A whole number of 2^-600.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Exact(BigInt);

impl Exact {
    /// A finite number; what of it is below 2^-600 is cut off.
    pub(super) fn new(value: f64) -> Self {
        let bits = value.to_bits();
        let exponent = (bits >> 52 & 0x7ff) as i64;
        let fraction = bits & ((1 << 52) - 1);
        let (mantissa, power) =
            if exponent == 0 { (fraction, -1074) } else { (fraction | 1 << 52, exponent - 1075) };
        let shift = power + PLACES as i64;
        let magnitude = BigInt::from(mantissa);
        let magnitude =
            if shift < 0 { magnitude >> shift.unsigned_abs() } else { magnitude << shift.unsigned_abs() };
        Self(if value.is_sign_negative() { -magnitude } else { magnitude })
    }

    /// The largest whole number of 2^-600 whose square is not above this; not of negative numbers.
    pub(super) fn sqrt(&self) -> Self {
        Self((&self.0 << PLACES).sqrt())
    }

    /// Cut off towards zero; 0 for a divisor of 0.
    pub(super) fn over(&self, divisor: &Self) -> Self {
        if divisor.0.sign() == Sign::NoSign {
            Self::default()
        } else {
            Self((&self.0 << PLACES) / &divisor.0)
        }
    }

    /// `exp(-x)` of an `x` that is not negative, to within 2^-560.
    pub(super) fn exp_of_minus(&self) -> Self {
        // Below 2^-606, and no power is raised that far.
        if self.to_f64() > 420.0 {
            return Self::default();
        }
        // Of x / 2^20 by its series, squared 20 times: each squaring doubles the error.
        let x = -Self(&self.0 >> 20);
        let (mut sum, mut term, mut n) = (Self::default(), Self::new(1.0), 0.0);
        while !term.is_zero() {
            sum += &term;
            n += 1.0;
            term = (&term * &x).over(&Self::new(n));
        }
        (0..20).fold(sum, |power, _| &power * &power)
    }

    /// `ln(1 + e)` of an `e` between 0 and 1, to within 2^-580: `2 artanh(e / (2 + e))`.
    pub(super) fn ln_1p(&self) -> Self {
        let t = self.over(&(self + &Self::new(2.0)));
        let square = &t * &t;
        let (mut sum, mut power, mut n) = (Self::default(), t, 1.0);
        while !power.is_zero() {
            sum += &power.over(&Self::new(n));
            power = &power * &square;
            n += 2.0;
        }
        &sum + &sum
    }

    pub(super) fn abs(&self) -> Self {
        Self(BigInt::from(self.0.magnitude().clone()))
    }

    pub(super) fn is_zero(&self) -> bool {
        self.0.sign() == Sign::NoSign
    }

    pub(super) fn max0(self) -> Self {
        if self.0.sign() == Sign::Minus { Self::default() } else { self }
    }

    /// To within a unit of the last place of f64.
    pub(super) fn to_f64(&self) -> f64 {
        let cut = self.0.bits().saturating_sub(64);
        let head = i128::try_from(&self.0 >> cut).unwrap_or_default() as f64;
        // In two steps: the power alone may be below what f64 holds.
        let power = cut as i32 - PLACES as i32;
        head * 2_f64.powi(power / 2) * 2_f64.powi(power - power / 2)
    }

    /// How far a computed number is from this.
    pub(super) fn distance_to(&self, computed: f64) -> f64 {
        (self - &Self::new(computed)).to_f64().abs()
    }
}

impl Add for &Exact {
    type Output = Exact;
    fn add(self, other: Self) -> Exact {
        Exact(&self.0 + &other.0)
    }
}

impl Sub for &Exact {
    type Output = Exact;
    fn sub(self, other: Self) -> Exact {
        Exact(&self.0 - &other.0)
    }
}

impl Mul for &Exact {
    type Output = Exact;
    fn mul(self, other: Self) -> Exact {
        Exact((&self.0 * &other.0) >> PLACES)
    }
}

impl Neg for Exact {
    type Output = Self;
    fn neg(self) -> Self {
        Self(-self.0)
    }
}

impl AddAssign<&Self> for Exact {
    fn add_assign(&mut self, other: &Self) {
        self.0 += &other.0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_come_back_and_sums_are_exact() {
        for value in [0.0, 1.0, -0.1, 3e38, f64::from(f32::from_bits(1)), -1.5e-45, 2.0_f64.powi(-600)] {
            assert_eq!(Exact::new(value).to_f64(), value);
        }
        let (large, small) = (Exact::new(2_f64.powi(127)), Exact::new(2_f64.powi(-298)));
        assert_eq!((&(&large + &small) - &large).to_f64(), 2_f64.powi(-298));
        assert_eq!((&large * &small).to_f64(), 2_f64.powi(-171));
    }

    #[test]
    fn logarithms_and_powers_are_inverse_and_are_those_of_f64() {
        for x in [0.0, 1e-9, 0.3, 0.693, 1.0, 7.5, 100.0, 300.0] {
            let power = Exact::new(x).exp_of_minus();
            assert!((power.to_f64() - (-x).exp()).abs() <= 4.0 * f64::EPSILON * (-x).exp(), "exp(-{x})");
            let log = power.ln_1p();
            let expected = power.to_f64().ln_1p();
            assert!((log.to_f64() - expected).abs() <= 4.0 * f64::EPSILON * expected, "ln_1p of {power:?}");
        }
        // exp(-ln 2) is 1/2, to 200 bits and more.
        let half = Exact::new(1.0).ln_1p().exp_of_minus();
        assert!((&half - &Exact::new(0.5)).abs().to_f64() < 2_f64.powi(-540), "{half:?}");
        assert_eq!(Exact::new(1e9).exp_of_minus(), Exact::default());
    }

    #[test]
    fn roots_and_quotients_have_200_bits() {
        let root = Exact::new(2.0).sqrt();
        let off = &(&root * &root) - &Exact::new(2.0);
        assert!(off.to_f64().abs() < 2_f64.powi(-590), "{}", off.to_f64());
        let third = Exact::new(1.0).over(&Exact::new(3.0));
        assert!((&(&third * &Exact::new(3.0)) - &Exact::new(1.0)).to_f64().abs() < 2_f64.powi(-590));
        assert_eq!(Exact::new(1.0).over(&Exact::default()), Exact::default());
    }
}
