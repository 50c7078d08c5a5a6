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
    fn roots_and_quotients_have_200_bits() {
        let root = Exact::new(2.0).sqrt();
        let off = &(&root * &root) - &Exact::new(2.0);
        assert!(off.to_f64().abs() < 2_f64.powi(-590), "{}", off.to_f64());
        let third = Exact::new(1.0).over(&Exact::new(3.0));
        assert!((&(&third * &Exact::new(3.0)) - &Exact::new(1.0)).to_f64().abs() < 2_f64.powi(-590));
        assert_eq!(Exact::new(1.0).over(&Exact::default()), Exact::default());
    }
}
