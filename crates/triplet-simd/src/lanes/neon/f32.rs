//! Four lanes of `f32`.

use super::{Kernel, Lanes};
use crate::gram::tile::{Overlap, Tile};
use core::arch::aarch64::*;

/// Four lanes of `f32`: a token for NEON; see the example of [`Kernel`].
#[derive(Clone, Copy)]
pub struct NeonF32(());

impl NeonF32 {
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
fn enter<K: Kernel<f32>>(lanes: NeonF32, kernel: K) -> K::Output {
    kernel.run(lanes)
}

impl Lanes for NeonF32 {
    type Real = f32;
    type Float = float32x4_t;
    type Keys = uint32x4_t;
    type Mask = uint32x4_t;
    const LEN: usize = 4;
    const REGISTERS: usize = 32;
    const TILE_ROWS: usize = 8;
    const TILE_VECTORS: usize = 3;
    const PANEL: usize = 24;

    #[inline(always)]
    fn enter<K: Kernel<f32>>(self, kernel: K) -> K::Output {
        // SAFETY: the token proves NEON.
        unsafe { enter(self, kernel) }
    }
    #[inline(always)]
    fn tile<W: Overlap>(self, tile: Tile<'_, f32>, work: &mut W) {
        tile.run::<Self, W, 8, 3>(self, work);
    }
    #[inline(always)]
    fn splat(self, value: f32) -> float32x4_t {
        // SAFETY: the token proves NEON.
        unsafe { vdupq_n_f32(value) }
    }
    #[inline(always)]
    fn load(self, from: &[f32]) -> float32x4_t {
        let from: &[f32; 4] = from.first_chunk().expect("a whole vector");
        // SAFETY: the reference covers a vector; the token proves NEON.
        unsafe { vld1q_f32(from.as_ptr()) }
    }
    #[inline(always)]
    unsafe fn load_at(self, from: *const f32) -> float32x4_t {
        // SAFETY: the caller upholds that a vector can be read; the token proves NEON.
        unsafe { vld1q_f32(from) }
    }
    #[inline(always)]
    fn store(self, to: &mut [f32], value: float32x4_t) {
        let to: &mut [f32; 4] = to.first_chunk_mut().expect("a whole vector");
        // SAFETY: the reference covers a vector; the token proves NEON.
        unsafe { vst1q_f32(to.as_mut_ptr(), value) }
    }
    #[inline(always)]
    fn fma(self, a: float32x4_t, b: float32x4_t, c: float32x4_t) -> float32x4_t {
        // SAFETY: the token proves NEON.
        unsafe { vfmaq_f32(c, a, b) }
    }
    #[inline(always)]
    fn add(self, a: float32x4_t, b: float32x4_t) -> float32x4_t {
        // SAFETY: the token proves NEON.
        unsafe { vaddq_f32(a, b) }
    }
    #[inline(always)]
    fn sub(self, a: float32x4_t, b: float32x4_t) -> float32x4_t {
        // SAFETY: the token proves NEON.
        unsafe { vsubq_f32(a, b) }
    }
    #[inline(always)]
    fn mul(self, a: float32x4_t, b: float32x4_t) -> float32x4_t {
        // SAFETY: the token proves NEON.
        unsafe { vmulq_f32(a, b) }
    }
    #[inline(always)]
    fn max0(self, a: float32x4_t) -> float32x4_t {
        // Clears what is not above zero: NaN and negative zero too.
        // SAFETY: the token proves NEON.
        unsafe { vreinterpretq_f32_u32(vandq_u32(vreinterpretq_u32_f32(a), vcgtzq_f32(a))) }
    }
    #[inline(always)]
    unsafe fn add_outer_product<const R: usize, const V: usize>(
        self,
        rows: *const f32,
        columns: &[float32x4_t; V],
        sums: &mut [[float32x4_t; V]; R],
    ) {
        const { assert!(R.is_multiple_of(Self::LEN), "rows are loaded a vector at a time") };
        for r in (0..R).step_by(Self::LEN) {
            // SAFETY: `r + LEN <= R`, and the caller upholds that `R` elements can be read.
            let x = unsafe { vld1q_f32(rows.add(r)) };
            for (v, &column) in columns.iter().enumerate() {
                // SAFETY: the token proves NEON.
                unsafe {
                    sums[r + 0][v] = vfmaq_laneq_f32::<0>(sums[r + 0][v], column, x);
                    sums[r + 1][v] = vfmaq_laneq_f32::<1>(sums[r + 1][v], column, x);
                    sums[r + 2][v] = vfmaq_laneq_f32::<2>(sums[r + 2][v], column, x);
                    sums[r + 3][v] = vfmaq_laneq_f32::<3>(sums[r + 3][v], column, x);
                }
            }
        }
    }
    #[inline(always)]
    fn keys(self, value: float32x4_t) -> uint32x4_t {
        // SAFETY: the token proves NEON.
        unsafe { vreinterpretq_u32_f32(value) }
    }
    #[inline(always)]
    fn floats(self, keys: uint32x4_t) -> float32x4_t {
        // SAFETY: the token proves NEON.
        unsafe { vreinterpretq_f32_u32(keys) }
    }
    #[inline(always)]
    fn splat_key(self, key: u32) -> uint32x4_t {
        // SAFETY: the token proves NEON.
        unsafe { vdupq_n_u32(key) }
    }
    #[inline(always)]
    fn load_keys(self, from: &[u32]) -> uint32x4_t {
        let from: &[u32; 4] = from.first_chunk().expect("a whole vector");
        // SAFETY: the reference covers a vector; the token proves NEON.
        unsafe { vld1q_u32(from.as_ptr()) }
    }
    #[inline(always)]
    fn store_keys(self, to: &mut [u32], keys: uint32x4_t) {
        let to: &mut [u32; 4] = to.first_chunk_mut().expect("a whole vector");
        // SAFETY: the reference covers a vector; the token proves NEON.
        unsafe { vst1q_u32(to.as_mut_ptr(), keys) }
    }
    #[inline(always)]
    fn sub_keys(self, a: uint32x4_t, b: uint32x4_t) -> uint32x4_t {
        // SAFETY: the token proves NEON.
        unsafe { vsubq_u32(a, b) }
    }
    #[inline(always)]
    fn min_unsigned(self, a: uint32x4_t, b: uint32x4_t) -> uint32x4_t {
        // SAFETY: the token proves NEON.
        unsafe { vminq_u32(a, b) }
    }
    #[inline(always)]
    fn max_signed(self, a: uint32x4_t, b: uint32x4_t) -> uint32x4_t {
        // SAFETY: the token proves NEON.
        unsafe { vreinterpretq_u32_s32(vmaxq_s32(vreinterpretq_s32_u32(a), vreinterpretq_s32_u32(b))) }
    }
    #[inline(always)]
    fn at_most(self, a: uint32x4_t, b: uint32x4_t) -> uint32x4_t {
        // SAFETY: the token proves NEON.
        unsafe { vcleq_u32(a, b) }
    }
    #[inline(always)]
    fn at_least_signed(self, a: uint32x4_t, b: uint32x4_t) -> uint32x4_t {
        // SAFETY: the token proves NEON.
        unsafe { vcgeq_s32(vreinterpretq_s32_u32(a), vreinterpretq_s32_u32(b)) }
    }
    #[inline(always)]
    fn equal(self, a: uint32x4_t, b: uint32x4_t) -> uint32x4_t {
        // SAFETY: the token proves NEON.
        unsafe { vceqq_u32(a, b) }
    }
    #[inline(always)]
    fn and(self, a: uint32x4_t, b: uint32x4_t) -> uint32x4_t {
        // SAFETY: the token proves NEON.
        unsafe { vandq_u32(a, b) }
    }
    #[inline(always)]
    fn or(self, a: uint32x4_t, b: uint32x4_t) -> uint32x4_t {
        // SAFETY: the token proves NEON.
        unsafe { vorrq_u32(a, b) }
    }
    #[inline(always)]
    fn select(self, mask: uint32x4_t, yes: uint32x4_t, no: uint32x4_t) -> uint32x4_t {
        // SAFETY: the token proves NEON.
        unsafe { vbslq_u32(mask, yes, no) }
    }
    #[inline(always)]
    fn any(self, mask: uint32x4_t) -> bool {
        // SAFETY: the token proves NEON.
        unsafe { vmaxvq_u32(mask) != 0 }
    }
    #[inline(always)]
    fn bits(self, mask: uint32x4_t) -> u32 {
        const BIT_OF_LANE: [u32; 4] = [1, 2, 4, 8];
        // SAFETY: the constant covers a vector; the token proves NEON.
        unsafe { vaddvq_u32(vandq_u32(mask, vld1q_u32(BIT_OF_LANE.as_ptr()))) }
    }
    #[inline(always)]
    fn smallest(self, keys: uint32x4_t) -> u32 {
        // SAFETY: the token proves NEON.
        unsafe { vminvq_u32(keys) }
    }
}
