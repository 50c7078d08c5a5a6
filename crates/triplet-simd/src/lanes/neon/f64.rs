//! Two lanes of `f64`.

use super::{Kernel, Lanes};
use crate::gram::tile::{Overlap, Tile};
use core::arch::aarch64::*;

/// Two lanes of `f64`: a token for NEON; see the example of [`Kernel`].
#[derive(Clone, Copy)]
pub struct NeonF64(());

impl NeonF64 {
    /// The token, without a check of the CPU. [`Selected`](crate::Selected) is the checked way.
    ///
    /// # Safety
    /// The CPU must have NEON.
    #[must_use]
    pub unsafe fn assume() -> Self {
        Self(())
    }
}

// Not inlined: rare paths stay apart.
#[target_feature(enable = "neon")]
#[inline(never)]
fn enter<K: Kernel<f64>>(lanes: NeonF64, kernel: K) -> K::Output {
    kernel.run(lanes)
}

impl Lanes for NeonF64 {
    type Real = f64;
    type Float = float64x2_t;
    type Keys = uint64x2_t;
    type Mask = uint64x2_t;
    const LEN: usize = 2;
    const REGISTERS: usize = 32;
    const TILE_ROWS: usize = 8;
    const TILE_VECTORS: usize = 3;
    const PANEL: usize = 24;

    #[inline(always)]
    fn enter<K: Kernel<f64>>(self, kernel: K) -> K::Output {
        // SAFETY: the token proves NEON.
        unsafe { enter(self, kernel) }
    }
    #[inline(always)]
    fn tile<W: Overlap>(self, tile: Tile<'_, f64>, work: &mut W) {
        tile.run::<Self, W, 8, 3>(self, work);
    }
    #[inline(always)]
    fn splat(self, value: f64) -> float64x2_t {
        // SAFETY: the token proves NEON.
        unsafe { vdupq_n_f64(value) }
    }
    #[inline(always)]
    fn load(self, from: &[f64]) -> float64x2_t {
        let from: &[f64; 2] = from.first_chunk().expect("a whole vector");
        // SAFETY: the reference covers a vector; the token proves NEON.
        unsafe { vld1q_f64(from.as_ptr()) }
    }
    #[inline(always)]
    unsafe fn load_at(self, from: *const f64) -> float64x2_t {
        // SAFETY: the caller upholds that a vector can be read; the token proves NEON.
        unsafe { vld1q_f64(from) }
    }
    #[inline(always)]
    fn store(self, to: &mut [f64], value: float64x2_t) {
        let to: &mut [f64; 2] = to.first_chunk_mut().expect("a whole vector");
        // SAFETY: the reference covers a vector; the token proves NEON.
        unsafe { vst1q_f64(to.as_mut_ptr(), value) }
    }
    #[inline(always)]
    fn fma(self, a: float64x2_t, b: float64x2_t, c: float64x2_t) -> float64x2_t {
        // SAFETY: the token proves NEON.
        unsafe { vfmaq_f64(c, a, b) }
    }
    #[inline(always)]
    fn add(self, a: float64x2_t, b: float64x2_t) -> float64x2_t {
        // SAFETY: the token proves NEON.
        unsafe { vaddq_f64(a, b) }
    }
    #[inline(always)]
    fn sub(self, a: float64x2_t, b: float64x2_t) -> float64x2_t {
        // SAFETY: the token proves NEON.
        unsafe { vsubq_f64(a, b) }
    }
    #[inline(always)]
    fn mul(self, a: float64x2_t, b: float64x2_t) -> float64x2_t {
        // SAFETY: the token proves NEON.
        unsafe { vmulq_f64(a, b) }
    }
    #[inline(always)]
    fn max0(self, a: float64x2_t) -> float64x2_t {
        // Clears what is not above zero: NaN and negative zero too.
        // SAFETY: the token proves NEON.
        unsafe { vreinterpretq_f64_u64(vandq_u64(vreinterpretq_u64_f64(a), vcgtzq_f64(a))) }
    }
    #[inline(always)]
    unsafe fn add_outer_product<const R: usize, const V: usize>(
        self,
        rows: *const f64,
        columns: &[float64x2_t; V],
        sums: &mut [[float64x2_t; V]; R],
    ) {
        const { assert!(R.is_multiple_of(Self::LEN), "rows are loaded a vector at a time") };
        for r in (0..R).step_by(Self::LEN) {
            // SAFETY: `r + LEN <= R`, and the caller upholds that `R` elements can be read.
            let x = unsafe { vld1q_f64(rows.add(r)) };
            for (v, &column) in columns.iter().enumerate() {
                // SAFETY: the token proves NEON.
                unsafe {
                    sums[r + 0][v] = vfmaq_laneq_f64::<0>(sums[r + 0][v], column, x);
                    sums[r + 1][v] = vfmaq_laneq_f64::<1>(sums[r + 1][v], column, x);
                }
            }
        }
    }
    #[inline(always)]
    fn keys(self, value: float64x2_t) -> uint64x2_t {
        // SAFETY: the token proves NEON.
        unsafe { vreinterpretq_u64_f64(value) }
    }
    #[inline(always)]
    fn floats(self, keys: uint64x2_t) -> float64x2_t {
        // SAFETY: the token proves NEON.
        unsafe { vreinterpretq_f64_u64(keys) }
    }
    #[inline(always)]
    fn splat_key(self, key: u64) -> uint64x2_t {
        // SAFETY: the token proves NEON.
        unsafe { vdupq_n_u64(key) }
    }
    #[inline(always)]
    fn load_keys(self, from: &[u64]) -> uint64x2_t {
        let from: &[u64; 2] = from.first_chunk().expect("a whole vector");
        // SAFETY: the reference covers a vector; the token proves NEON.
        unsafe { vld1q_u64(from.as_ptr()) }
    }
    #[inline(always)]
    fn store_keys(self, to: &mut [u64], keys: uint64x2_t) {
        let to: &mut [u64; 2] = to.first_chunk_mut().expect("a whole vector");
        // SAFETY: the reference covers a vector; the token proves NEON.
        unsafe { vst1q_u64(to.as_mut_ptr(), keys) }
    }
    #[inline(always)]
    fn sub_keys(self, a: uint64x2_t, b: uint64x2_t) -> uint64x2_t {
        // SAFETY: the token proves NEON.
        unsafe { vsubq_u64(a, b) }
    }
    #[inline(always)]
    fn min_unsigned(self, a: uint64x2_t, b: uint64x2_t) -> uint64x2_t {
        // NEON has no minimum of 64-bit integers, but compares them.
        // SAFETY: the token proves NEON.
        unsafe { vbslq_u64(vcgtq_u64(b, a), a, b) }
    }
    #[inline(always)]
    fn max_signed(self, a: uint64x2_t, b: uint64x2_t) -> uint64x2_t {
        // SAFETY: the token proves NEON.
        unsafe { vbslq_u64(vcgtq_s64(vreinterpretq_s64_u64(a), vreinterpretq_s64_u64(b)), a, b) }
    }
    #[inline(always)]
    fn at_most(self, a: uint64x2_t, b: uint64x2_t) -> uint64x2_t {
        // SAFETY: the token proves NEON.
        unsafe { vcleq_u64(a, b) }
    }
    #[inline(always)]
    fn at_least_signed(self, a: uint64x2_t, b: uint64x2_t) -> uint64x2_t {
        // SAFETY: the token proves NEON.
        unsafe { vcgeq_s64(vreinterpretq_s64_u64(a), vreinterpretq_s64_u64(b)) }
    }
    #[inline(always)]
    fn equal(self, a: uint64x2_t, b: uint64x2_t) -> uint64x2_t {
        // SAFETY: the token proves NEON.
        unsafe { vceqq_u64(a, b) }
    }
    #[inline(always)]
    fn and(self, a: uint64x2_t, b: uint64x2_t) -> uint64x2_t {
        // SAFETY: the token proves NEON.
        unsafe { vandq_u64(a, b) }
    }
    #[inline(always)]
    fn or(self, a: uint64x2_t, b: uint64x2_t) -> uint64x2_t {
        // SAFETY: the token proves NEON.
        unsafe { vorrq_u64(a, b) }
    }
    #[inline(always)]
    fn select(self, mask: uint64x2_t, yes: uint64x2_t, no: uint64x2_t) -> uint64x2_t {
        // SAFETY: the token proves NEON.
        unsafe { vbslq_u64(mask, yes, no) }
    }
    #[inline(always)]
    fn any(self, mask: uint64x2_t) -> bool {
        // SAFETY: the token proves NEON.
        unsafe { vmaxvq_u32(vreinterpretq_u32_u64(mask)) != 0 }
    }
    #[inline(always)]
    fn bits(self, mask: uint64x2_t) -> u32 {
        const BIT_OF_LANE: [u64; 2] = [1, 2];
        // SAFETY: the constant covers a vector; the token proves NEON.
        unsafe { vaddvq_u64(vandq_u64(mask, vld1q_u64(BIT_OF_LANE.as_ptr()))) as u32 }
    }
    #[inline(always)]
    fn smallest(self, keys: uint64x2_t) -> u64 {
        // SAFETY: the token proves NEON.
        unsafe { vgetq_lane_u64::<0>(keys).min(vgetq_lane_u64::<1>(keys)) }
    }
}
