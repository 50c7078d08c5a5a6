//! The two element types, `f32` and `f64`, and the integer keys that order distances.

use core::fmt::{Debug, Display, LowerExp};
use core::ops::Neg;
use ndarray::LinalgScalar;

mod private {
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for f64 {}
}

/// A [`Real`]'s bits as an unsigned integer of the same width.
///
/// Non-negative finite floats order like their bits, so distances are compared,
/// and thresholds stepped by one unit in the last place, as integers.
///
/// ```
/// use triplet_core::{Real, real::Key};
/// let (near, far) = (1.0_f32.key(), 2.5_f32.key());
/// assert!(near < far && far < u32::END && u32::END < u32::MASKED);
/// assert_eq!(f32::from_key(near.next()), 1.0 + f32::EPSILON);
/// assert_eq!(u64::from_row(7).to_row(), 7);
/// ```
pub trait Key: Copy + Ord + Default + Debug + Send + Sync + 'static {
    /// Above every key of a finite distance: marks a pair that must not be chosen.
    const MASKED: Self;
    /// One above the key of the largest finite distance (the key of infinity).
    const END: Self;
    /// The smallest key, that of distance zero.
    const ZERO: Self;
    /// The largest key that is not negative as a signed integer.
    const SIGNED_MAX: Self;
    /// A threshold that no key reaches: the excess of any key over it, wrapping, is above zero (of
    /// masked keys too), and the search for it starts from an excess of zero.
    const UNREACHABLE: Self;
    /// The key that follows.
    #[must_use]
    fn next(self) -> Self;
    /// The key that precedes; the smallest has none.
    #[must_use]
    fn previous(self) -> Self;
    /// `self - other`, modulo the width.
    #[must_use]
    fn wrapping_sub(self, other: Self) -> Self;
    /// `self + other`, modulo the width.
    #[must_use]
    fn wrapping_add(self, other: Self) -> Self;
    /// A row index as a key-wide integer, so that both fit the same lanes.
    fn from_row(row: u32) -> Self;
    /// The row index that [`Key::from_row`] widened.
    fn to_row(self) -> u32;
}

/// `f32` or `f64`: the element type of a batch, and of every chain over it.
///
/// ```
/// use triplet_core::Real;
/// fn norm<T: Real>(row: &[T]) -> T {
///     row.iter().fold(T::ZERO, |sum, &x| x.fma(x, sum)).sqrt()
/// }
/// assert_eq!((norm(&[3.0_f32, 4.0]), norm(&[3.0_f64, 4.0])), (5.0, 5.0));
/// ```
pub trait Real:
    private::Sealed
    + Copy
    + PartialOrd
    + Default
    + Debug
    + Display
    + LowerExp
    + Send
    + Sync
    // Arithmetic, and matrix products of views.
    + LinalgScalar
    + Neg<Output = Self>
    + 'static
{
    /// Unsigned integer of the same width.
    type Key: Key;
    /// Positive zero.
    const ZERO: Self;
    /// One.
    const ONE: Self;
    /// `"f32"` or `"f64"`.
    const NAME: &'static str;
    /// The largest finite value.
    const MAX_FINITE: f64;
    /// The distance from 1 to the next value.
    const EPSILON: f64;
    /// `self * a + b`, rounded once.
    #[must_use]
    fn fma(self, a: Self, b: Self) -> Self;
    /// `self * self + sum` in f64, rounded once.
    #[must_use]
    fn square_onto(self, sum: f64) -> f64;
    /// Correctly rounded square root.
    #[must_use]
    fn sqrt(self) -> Self;
    /// Neither NaN nor infinite.
    fn is_finite(self) -> bool;
    /// The magnitude.
    #[must_use]
    fn abs(self) -> Self;
    /// The key of a non-negative value.
    fn key(self) -> Self::Key;
    /// The value whose key this is.
    fn from_key(key: Self::Key) -> Self;
    /// Widened, exactly.
    fn to_f64(self) -> f64;
    /// Rounded once, to nearest even.
    fn from_f64(value: f64) -> Self;
    /// Appends values as bytes, the lowest of each first.
    fn write_le(values: &[Self], out: &mut Vec<u8>);
    /// Appends the values of such bytes; an incomplete last one is left out.
    fn read_le(bytes: &[u8], out: &mut Vec<Self>);

    /// `self` if it is above zero, else positive zero.
    #[inline(always)]
    #[must_use]
    fn max0(self) -> Self {
        if self > Self::ZERO { self } else { Self::ZERO }
    }
}

macro_rules! real {
    ($float:ty, $key:ty, $name:literal, $fma:expr, $square_onto:expr) => {
        impl Key for $key {
            const MASKED: Self = <$key>::MAX;
            const END: Self = <$float>::INFINITY.to_bits();
            const ZERO: Self = 0;
            const SIGNED_MAX: Self = <$key>::MAX >> 1;
            const UNREACHABLE: Self = !(<$key>::MAX >> 2);
            #[inline(always)]
            fn next(self) -> Self {
                self + 1
            }
            #[inline(always)]
            fn previous(self) -> Self {
                self - 1
            }
            #[inline(always)]
            fn wrapping_sub(self, other: Self) -> Self {
                <$key>::wrapping_sub(self, other)
            }
            #[inline(always)]
            fn wrapping_add(self, other: Self) -> Self {
                <$key>::wrapping_add(self, other)
            }
            #[inline(always)]
            fn from_row(row: u32) -> Self {
                row as $key
            }
            #[inline(always)]
            fn to_row(self) -> u32 {
                self as u32
            }
        }

        impl Real for $float {
            type Key = $key;
            const ZERO: Self = 0.0;
            const ONE: Self = 1.0;
            const NAME: &'static str = $name;
            const MAX_FINITE: f64 = <$float>::MAX as f64;
            const EPSILON: f64 = <$float>::EPSILON as f64;
            #[inline(always)]
            fn fma(self, a: Self, b: Self) -> Self {
                $fma(self, a, b)
            }
            #[inline(always)]
            fn square_onto(self, sum: f64) -> f64 {
                $square_onto(self, sum)
            }
            #[inline(always)]
            fn sqrt(self) -> Self {
                <$float>::sqrt(self)
            }
            #[inline(always)]
            fn is_finite(self) -> bool {
                <$float>::is_finite(self)
            }
            #[inline(always)]
            fn abs(self) -> Self {
                <$float>::abs(self)
            }
            #[inline(always)]
            fn key(self) -> $key {
                self.to_bits()
            }
            #[inline(always)]
            fn from_key(key: $key) -> Self {
                <$float>::from_bits(key)
            }
            #[inline(always)]
            fn to_f64(self) -> f64 {
                f64::from(self)
            }
            #[inline(always)]
            fn from_f64(value: f64) -> Self {
                value as $float
            }
            fn write_le(values: &[Self], out: &mut Vec<u8>) {
                const BYTES: usize = size_of::<$float>();
                let start = out.len();
                out.resize(start + BYTES * values.len(), 0);
                for (bytes, value) in out[start..].as_chunks_mut::<BYTES>().0.iter_mut().zip(values) {
                    *bytes = value.to_le_bytes();
                }
            }
            fn read_le(bytes: &[u8], out: &mut Vec<Self>) {
                let values = bytes.as_chunks::<{ size_of::<$float>() }>().0;
                out.extend(values.iter().map(|&bytes| <$float>::from_le_bytes(bytes)));
            }
        }
    };
}

// The square of an f32 is exact in f64: the sum is the only rounding.
real!(f32, u32, "f32", crate::fma::fma_f32, |x: f32, sum: f64| f64::from(x) * f64::from(x) + sum);
real!(f64, u64, "f64", crate::fma::fma_f64, |x: f64, sum: f64| crate::fma::fma_f64(x, x, sum));
