//! The multiply-add of four `f32` lanes, rounded once, for targets without the instruction.

use wide::{f32x4, f64x2, u64x2};

/// `a * b + c`, rounded once: in f64 the product is exact and the sum rounded to odd, so that the
/// rounding to f32 is the only one that counts (see [`triplet_core::fma`]).
#[inline(always)]
pub(super) fn fma_emulated(a: f32x4, b: f32x4, c: f32x4) -> f32x4 {
    let ([a_low, a_high], [b_low, b_high], [c_low, c_high]) = (widen(a), widen(b), widen(c));
    narrow(add_round_to_odd(a_low * b_low, c_low), add_round_to_odd(a_high * b_high, c_high))
}

/// `product + c`, rounded to odd.
#[inline(always)]
fn add_round_to_odd(product: f64x2, c: f64x2) -> f64x2 {
    let sum = product + c;
    let back = sum - product;
    let error = (product - (sum - back)) + (c - back);
    // Inexact and even: one step towards the exact value. Its direction in bits is
    // up where error and sum agree in sign: the top bit of their xor is then clear.
    let (bits, one) = (sum.to_bits(), u64x2::splat(1));
    let inexact = !error.simd_eq(f64x2::splat(0.0)).to_bits();
    // All ones where the last bit is 0: SSE2 cannot compare 64-bit integers.
    let even = (bits & one) - one;
    let opposed = (error.to_bits() ^ bits) >> 63u32;
    let step = one - (opposed + opposed);
    f64x2::from_bits(bits + (step & inexact & even))
}

// The compiler joins conversions of single lanes into those of vectors at `opt-level = 3` only, and
// `wide` has none of these two.
#[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
use sse2::{narrow, widen};

#[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
mod sse2 {
    use core::arch::x86_64::{__m128, _mm_cvtpd_ps, _mm_cvtps_pd, _mm_movehl_ps, _mm_movelh_ps};
    use wide::{f32x4, f64x2};

    /// The four lanes in f64, two and two.
    #[inline(always)]
    pub(super) fn widen(v: f32x4) -> [f64x2; 2] {
        let v = __m128::from(v);
        // SAFETY: the target has SSE2.
        unsafe { [_mm_cvtps_pd(v).into(), _mm_cvtps_pd(_mm_movehl_ps(v, v)).into()] }
    }

    /// The four lanes, rounded to f32.
    #[inline(always)]
    pub(super) fn narrow(low: f64x2, high: f64x2) -> f32x4 {
        // SAFETY: the target has SSE2.
        unsafe { _mm_movelh_ps(_mm_cvtpd_ps(low.into()), _mm_cvtpd_ps(high.into())).into() }
    }
}

/// The four lanes in f64, two and two.
#[cfg(not(all(target_arch = "x86_64", target_feature = "sse2")))]
#[inline(always)]
fn widen(v: f32x4) -> [f64x2; 2] {
    let [a, b, c, d] = v.to_array();
    [f64x2::new([f64::from(a), f64::from(b)]), f64x2::new([f64::from(c), f64::from(d)])]
}

/// The four lanes, rounded to f32.
#[cfg(not(all(target_arch = "x86_64", target_feature = "sse2")))]
#[inline(always)]
fn narrow(low: f64x2, high: f64x2) -> f32x4 {
    let ([a, b], [c, d]) = (low.to_array(), high.to_array());
    f32x4::new([a as f32, b as f32, c as f32, d as f32])
}
