//! The types that numbers of a table are computed in.

/// A number type that features and weights are computed in.
pub(crate) trait Number: Copy {
    fn from_text(text: &str) -> Option<Self>;
    /// `None` if the type does not hold the integer.
    fn from_integer(value: i64) -> Option<Self>;
    fn from_single(value: f32) -> Self;
    fn from_double(value: f64) -> Self;
    const NAME: &str;
}

impl Number for f32 {
    fn from_text(text: &str) -> Option<Self> {
        text.parse().ok()
    }
    fn from_integer(value: i64) -> Option<Self> {
        // Back through i128: the largest i64 rounds up to 2^63.
        (value as Self as i128 == i128::from(value)).then_some(value as Self)
    }
    fn from_single(value: f32) -> Self {
        value
    }
    fn from_double(value: f64) -> Self {
        value as Self
    }
    const NAME: &str = "f32";
}

impl Number for f64 {
    fn from_text(text: &str) -> Option<Self> {
        text.parse().ok()
    }
    fn from_integer(value: i64) -> Option<Self> {
        (value as Self as i128 == i128::from(value)).then_some(value as Self)
    }
    fn from_single(value: f32) -> Self {
        value.into()
    }
    fn from_double(value: f64) -> Self {
        value
    }
    const NAME: &str = "f64";
}
