//! Fused multiply-add that rounds once, on every platform, and its known answers.

/// `a * b + c` rounded once, in f32.
///
/// Where the compile target has the instruction, it is used. Elsewhere the result
/// is built from f64: the product of two f32 is exact there, the sum is rounded to
/// odd, and the final rounding to f32 is then the only one that counts (Boldo and
/// Melquiond, *Emulation of FMA and correctly rounded sums*, 2008). The C library's
/// `fmaf` is not called: several are slow, and some wrong on subnormal results.
///
/// ```
/// let u = f32::EPSILON;
/// assert_eq!(triplet_core::fma::fma_f32(1.0 + u, 1.0 - u, -1.0), -u * u);
/// assert_eq!((1.0 + u) * (1.0 - u) - 1.0, 0.0); // rounded twice
/// ```
#[inline(always)]
#[must_use]
pub fn fma_f32(a: f32, b: f32, c: f32) -> f32 {
    if cfg!(any(target_feature = "fma", target_arch = "aarch64")) {
        a.mul_add(b, c)
    } else {
        add_round_to_odd(f64::from(a) * f64::from(b), f64::from(c)) as f32
    }
}

/// `a * b + c` rounded once, in f64.
///
/// ```
/// let u = f64::EPSILON;
/// assert_eq!(triplet_core::fma::fma_f64(1.0 + u, 1.0 - u, -1.0), -u * u);
/// ```
#[inline(always)]
#[must_use]
pub fn fma_f64(a: f64, b: f64, c: f64) -> f64 {
    a.mul_add(b, c)
}

/// `p + c` rounded to odd: if inexact, the neighbour whose last bit is 1.
///
/// 53 bits rounded to odd and then to 24 to nearest equal one rounding to nearest,
/// because 53 >= 24 + 2. Subnormal f32 results keep even more spare bits.
#[inline(always)]
fn add_round_to_odd(p: f64, c: f64) -> f64 {
    // TwoSum: `sum + error == p + c` exactly.
    let sum = p + c;
    let back = sum - p;
    let error = (p - (sum - back)) + (c - back);
    let bits = sum.to_bits();
    if error == 0.0 || !sum.is_finite() || bits & 1 == 1 {
        return sum;
    }
    // Inexact and even: step towards the exact value, to the odd neighbour.
    let away_from_zero = (error > 0.0) == (sum > 0.0);
    f64::from_bits(if away_from_zero { bits + 1 } else { bits - 1 })
}

/// `(a, b, c, result)` of an f32 multiply-add that a wrong implementation gets wrong; see the
/// example of [`KNOWN_F32`].
pub type KnownF32 = (f32, f32, f32, f32);
/// `(a, b, c, result)` of an f64 multiply-add that a wrong implementation gets wrong; see the
/// example of [`KNOWN_F64`].
pub type KnownF64 = (f64, f64, f64, f64);

const ULP32: f32 = f32::EPSILON;
const ULP64: f64 = f64::EPSILON;
const TINY32: f32 = f32::from_bits(1);
const TINY64: f64 = f64::from_bits(1);

/// Known answers of the f32 multiply-add, checked on every lane type before it is used.
///
/// Two roundings instead of one, a product that lost its tail, flushed subnormals
/// and the double rounding of a naive f64 detour each miss at least one line.
///
/// ```
/// use triplet_core::fma::{KNOWN_F32, fma_f32};
/// assert!(KNOWN_F32.iter().all(|&(a, b, c, result)| fma_f32(a, b, c) == result));
/// assert!(KNOWN_F32.iter().any(|&(a, b, c, result)| a * b + c != result));
/// ```
pub const KNOWN_F32: [KnownF32; 8] = [
    // (1 + u)(1 - u) - 1 = -u^2: zero if the product is rounded first.
    (1.0 + ULP32, 1.0 - ULP32, -1.0, -ULP32 * ULP32),
    // (1 + u)^2 - (1 + 2u) = u^2.
    (1.0 + ULP32, 1.0 + ULP32, -1.0 - 2.0 * ULP32, ULP32 * ULP32),
    // Just below halfway, by a tail beyond f64's reach: a detour through f64 lands
    // on the tie and rounds up to even.
    (ULP32 * 0.5 * (1.0 + ULP32), 1.0 - ULP32, 1.0 + ULP32, 1.0 + ULP32),
    // The same, downwards.
    (ULP32 * -0.5 * (1.0 + ULP32), 1.0 - ULP32, 1.0 + ULP32, 1.0 + ULP32),
    // Subnormal results are kept ...
    (f32::MIN_POSITIVE, 0.5, 0.0, f32::MIN_POSITIVE * 0.5),
    // ... and rounded once: 0.5 tiny ties to even 0, a little above goes up.
    (TINY32, 0.5, 0.0, 0.0),
    (TINY32 * 3.0, 0.5, 0.0, TINY32 * 2.0),
    (f32::MIN_POSITIVE, 1.0 - ULP32 * 0.5, 0.0, f32::MIN_POSITIVE),
];

/// Known answers of the f64 multiply-add, checked on every lane type before it is used.
///
/// ```
/// use triplet_core::fma::{KNOWN_F64, fma_f64};
/// assert!(KNOWN_F64.iter().all(|&(a, b, c, result)| fma_f64(a, b, c) == result));
/// ```
pub const KNOWN_F64: [KnownF64; 5] = [
    (1.0 + ULP64, 1.0 - ULP64, -1.0, -ULP64 * ULP64),
    (1.0 + ULP64, 1.0 + ULP64, -1.0 - 2.0 * ULP64, ULP64 * ULP64),
    (f64::MIN_POSITIVE, 0.5, 0.0, f64::MIN_POSITIVE * 0.5),
    (TINY64, 0.5, 0.0, 0.0),
    (TINY64 * 3.0, 0.5, 0.0, TINY64 * 2.0),
];

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_answers_hold_for_the_scalar_chain() {
        for (a, b, c, expected) in KNOWN_F32 {
            assert_eq!(fma_f32(a, b, c).to_bits(), expected.to_bits(), "fma({a:e}, {b:e}, {c:e})");
        }
        for (a, b, c, expected) in KNOWN_F64 {
            assert_eq!(fma_f64(a, b, c).to_bits(), expected.to_bits(), "fma({a:e}, {b:e}, {c:e})");
        }
    }

    #[test]
    fn known_answers_catch_the_usual_mistakes() {
        let unfused = KNOWN_F32.iter().filter(|&&(a, b, c, e)| (a * b + c).to_bits() != e.to_bits());
        assert_eq!(unfused.count(), 4, "multiply-then-add must fail");
        let detour = |a: f32, b: f32, c: f32| (f64::from(a) * f64::from(b) + f64::from(c)) as f32;
        let doubled = KNOWN_F32.iter().filter(|&&(a, b, c, e)| detour(a, b, c).to_bits() != e.to_bits());
        assert_eq!(doubled.count(), 2, "two roundings through f64 must fail");
        let wide = |a: f32, b: f32, c: f32| f64::from(a) * f64::from(b) + f64::from(c);
        let rounded = KNOWN_F32.iter().filter(|&&(a, b, c, e)| wide(a, b, c) != f64::from(e));
        assert_eq!(rounded.count(), 5, "results that need a rounding to f32");
    }

    /// A whole number rounded to odd: cut to 53 bits, the last of which is set if any was lost.
    fn rounded_to_odd(exact: i128) -> f64 {
        let magnitude = exact.unsigned_abs();
        let cut = (128 - magnitude.leading_zeros()).saturating_sub(53);
        let kept = magnitude >> cut;
        let odd = kept | u128::from(kept << cut != magnitude);
        (odd as f64) * (cut as f64).exp2() * if exact < 0 { -1.0 } else { 1.0 }
    }

    proptest! {
        /// In f32 one in 2^29 sums shows which neighbour was taken; here each does.
        #[test]
        fn sums_are_rounded_to_odd(
            a in -(1i64 << 53)..1 << 53, b in -(1i64 << 53)..1 << 53, shift in 0..60, swapped: bool,
        ) {
            let exact = (i128::from(a) << shift) + i128::from(b);
            let (p, c) = (a as f64 * f64::from(shift).exp2(), b as f64);
            let (p, c) = if swapped { (c, p) } else { (p, c) };
            prop_assert_eq!(add_round_to_odd(p, c), rounded_to_odd(exact), "{} + {}", p, c);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]
        /// The oracle is f64's own fused multiply-add rounded to odd by its error,
        /// here simply the C library's `fmaf`, which glibc computes exactly.
        #[test]
        #[cfg(all(target_os = "linux", target_env = "gnu"))]
        fn emulation_equals_the_correctly_rounded_result(a: u32, b: u32, c: u32) {
            let (a, b, c) = (f32::from_bits(a), f32::from_bits(b), f32::from_bits(c));
            prop_assume!(a.is_finite() && b.is_finite() && c.is_finite());
            let expected = a.mul_add(b, c);
            let got = add_round_to_odd(f64::from(a) * f64::from(b), f64::from(c)) as f32;
            prop_assert!(got.to_bits() == expected.to_bits(), "fma({a:e}, {b:e}, {c:e}) = {expected:e}, got {got:e}");
        }

        /// Operands near each other in size, where cancellation and ties happen.
        #[test]
        #[cfg(all(target_os = "linux", target_env = "gnu"))]
        fn emulation_is_right_where_product_and_addend_meet(
            a in 1u32..1 << 24, b in 1u32..1 << 24, c in 1u32..1 << 24, e in -149i32..80, s: bool,
        ) {
            let scale = |m: u32, e: i32| (f64::from(m) * 2f64.powi(e)) as f32;
            let (a, b) = (scale(a, -24), scale(b, e));
            let c = scale(c, e) * if s { 1.0 } else { -1.0 };
            let expected = a.mul_add(b, c);
            let got = add_round_to_odd(f64::from(a) * f64::from(b), f64::from(c)) as f32;
            prop_assert!(got.to_bits() == expected.to_bits(), "fma({a:e}, {b:e}, {c:e}) = {expected:e}, got {got:e}");
        }
    }
}
