//! Numbers whose rounding, sign or range has gone wrong somewhere before.

use arbitrary::Arbitrary;

/// A number of f64; f32 batches round it.
#[derive(Debug, Clone, Copy, Arbitrary)]
pub(crate) enum Number {
    /// Of the table below.
    Special(u8),
    /// Ties come from small integers.
    Integer(i8),
    /// So do distances whose last bits differ.
    Thousandths(i16),
    /// A small integer times a power of two.
    Scaled(i8, i8),
    /// Any f32, subnormal, infinite or NaN too.
    Single(f32),
    /// Any f64.
    Double(f64),
}

/// Near the edges of f32 and f64. The squares of 9.2e18 and 6.7e153 are a quarter of the largest
/// f32 and f64, where squared distances begin to overflow.
const SPECIAL: [f64; 24] = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    1.0 / 3.0,
    1.0 + f32::EPSILON as f64,
    1.0 - f32::EPSILON as f64 / 2.0,
    1.0 + f64::EPSILON,
    f32::MIN_POSITIVE as f64,
    -(f32::MIN_POSITIVE as f64),
    1.401_298_464_324_817e-45,
    1.175_494_210_692_441e-38,
    f64::MIN_POSITIVE,
    5e-324,
    1e-20,
    16_777_216.0,
    16_777_217.0,
    1e17,
    9.2e18,
    -9.2e18,
    f32::MAX as f64,
    6.7e153,
    f64::INFINITY,
    f64::NAN,
];

impl Number {
    pub(crate) fn value(self) -> f64 {
        match self {
            // The last ones make a batch an error, and come less often.
            Self::Special(index @ 0..240) => SPECIAL[usize::from(index) % (SPECIAL.len() - 4)],
            Self::Special(index) => SPECIAL[SPECIAL.len() - 4 + usize::from(index) % 4],
            Self::Integer(value) => value.into(),
            Self::Thousandths(value) => f64::from(value) / 1000.0,
            Self::Scaled(value, power) => f64::from(value) * f64::from(power).exp2(),
            Self::Single(value) => value.into(),
            Self::Double(value) => value,
        }
    }
}
