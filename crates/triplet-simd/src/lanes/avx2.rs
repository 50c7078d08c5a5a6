//! AVX2 with FMA: 256-bit vectors, register tile of 6 rows by 2 vectors.
//!
//! 12 accumulators, 2 panel vectors and 2 broadcasts fill the 16 registers. (4 by 3
//! needs fewer loads, but leaves one register for the broadcast: the compiler takes
//! two and spills an accumulator in the inner loop, which costs 40 %.)

use super::{Kernel, Lanes};
use crate::gram::tile::{Overlap, Tile};
use core::arch::x86_64::*;

/// Eight lanes of `f32`: a token for AVX2 and FMA; see the example of [`Kernel`].
#[derive(Clone, Copy)]
pub struct Avx2F32(());

impl Avx2F32 {
    /// The token, without a check of the CPU. [`Selected`](crate::Selected) is the checked way.
    ///
    /// # Safety
    /// The CPU must have AVX2 and FMA.
    #[must_use]
    pub unsafe fn assume() -> Self {
        Self(())
    }
}

// Not inlined: the caller may be compiled for less, and rare paths stay apart.
#[target_feature(enable = "avx2,fma")]
#[inline(never)]
fn enter_f32<K: Kernel<f32>>(lanes: Avx2F32, kernel: K) -> K::Output {
    kernel.run(lanes)
}

impl Lanes for Avx2F32 {
    type Real = f32;
    type Float = __m256;
    type Keys = __m256i;
    type Mask = __m256i;
    const LEN: usize = 8;
    const REGISTERS: usize = 16;
    const TILE_ROWS: usize = 6;
    const TILE_VECTORS: usize = 2;
    const PANEL: usize = 48;

    #[inline(always)]
    fn enter<K: Kernel<f32>>(self, kernel: K) -> K::Output {
        // SAFETY: the token proves AVX2 and FMA.
        unsafe { enter_f32(self, kernel) }
    }
    #[inline(always)]
    fn tile<W: Overlap>(self, tile: Tile<'_, f32>, work: &mut W) {
        tile.run::<Self, W, 6, 2>(self, work);
    }
    #[inline(always)]
    fn splat(self, value: f32) -> __m256 {
        // SAFETY: the token proves AVX2.
        unsafe { _mm256_set1_ps(value) }
    }
    #[inline(always)]
    fn load(self, from: &[f32]) -> __m256 {
        let from: &[f32; 8] = from.first_chunk().expect("a whole vector");
        // SAFETY: the reference covers a vector; the token proves AVX2.
        unsafe { _mm256_loadu_ps(from.as_ptr()) }
    }
    #[inline(always)]
    unsafe fn load_at(self, from: *const f32) -> __m256 {
        // SAFETY: the caller upholds that a vector can be read; the token proves AVX2.
        unsafe { _mm256_loadu_ps(from) }
    }
    #[inline(always)]
    fn store(self, to: &mut [f32], value: __m256) {
        let to: &mut [f32; 8] = to.first_chunk_mut().expect("a whole vector");
        // SAFETY: the reference covers a vector; the token proves AVX2.
        unsafe { _mm256_storeu_ps(to.as_mut_ptr(), value) }
    }
    #[inline(always)]
    fn fma(self, a: __m256, b: __m256, c: __m256) -> __m256 {
        // SAFETY: the token proves FMA.
        unsafe { _mm256_fmadd_ps(a, b, c) }
    }
    #[inline(always)]
    fn add(self, a: __m256, b: __m256) -> __m256 {
        // SAFETY: the token proves AVX2.
        unsafe { _mm256_add_ps(a, b) }
    }
    #[inline(always)]
    fn sub(self, a: __m256, b: __m256) -> __m256 {
        // SAFETY: the token proves AVX2.
        unsafe { _mm256_sub_ps(a, b) }
    }
    #[inline(always)]
    fn mul(self, a: __m256, b: __m256) -> __m256 {
        // SAFETY: the token proves AVX2.
        unsafe { _mm256_mul_ps(a, b) }
    }
    #[inline(always)]
    fn max0(self, a: __m256) -> __m256 {
        // `max` answers its second operand unless the first is greater.
        // SAFETY: the token proves AVX2.
        unsafe { _mm256_max_ps(a, _mm256_setzero_ps()) }
    }
    #[inline(always)]
    fn keys(self, value: __m256) -> __m256i {
        // SAFETY: the token proves AVX2.
        unsafe { _mm256_castps_si256(value) }
    }
    #[inline(always)]
    fn floats(self, keys: __m256i) -> __m256 {
        // SAFETY: the token proves AVX2.
        unsafe { _mm256_castsi256_ps(keys) }
    }
    #[inline(always)]
    fn splat_key(self, key: u32) -> __m256i {
        // SAFETY: the token proves AVX2.
        unsafe { _mm256_set1_epi32(key.cast_signed()) }
    }
    #[inline(always)]
    fn load_keys(self, from: &[u32]) -> __m256i {
        let from: &[u32; 8] = from.first_chunk().expect("a whole vector");
        // SAFETY: the reference covers a vector; the token proves AVX2.
        unsafe { _mm256_loadu_si256(from.as_ptr().cast()) }
    }
    #[inline(always)]
    fn store_keys(self, to: &mut [u32], keys: __m256i) {
        let to: &mut [u32; 8] = to.first_chunk_mut().expect("a whole vector");
        // SAFETY: the reference covers a vector; the token proves AVX2.
        unsafe { _mm256_storeu_si256(to.as_mut_ptr().cast(), keys) }
    }
    #[inline(always)]
    fn sub_keys(self, a: __m256i, b: __m256i) -> __m256i {
        // SAFETY: the token proves AVX2.
        unsafe { _mm256_sub_epi32(a, b) }
    }
    #[inline(always)]
    fn min_unsigned(self, a: __m256i, b: __m256i) -> __m256i {
        // SAFETY: the token proves AVX2.
        unsafe { _mm256_min_epu32(a, b) }
    }
    #[inline(always)]
    fn max_signed(self, a: __m256i, b: __m256i) -> __m256i {
        // SAFETY: the token proves AVX2.
        unsafe { _mm256_max_epi32(a, b) }
    }
    #[inline(always)]
    fn at_most(self, a: __m256i, b: __m256i) -> __m256i {
        self.equal(self.min_unsigned(a, b), a)
    }
    #[inline(always)]
    fn at_least_signed(self, a: __m256i, b: __m256i) -> __m256i {
        self.equal(self.max_signed(a, b), a)
    }
    #[inline(always)]
    fn equal(self, a: __m256i, b: __m256i) -> __m256i {
        // SAFETY: the token proves AVX2.
        unsafe { _mm256_cmpeq_epi32(a, b) }
    }
    #[inline(always)]
    fn and(self, a: __m256i, b: __m256i) -> __m256i {
        // SAFETY: the token proves AVX2.
        unsafe { _mm256_and_si256(a, b) }
    }
    #[inline(always)]
    fn or(self, a: __m256i, b: __m256i) -> __m256i {
        // SAFETY: the token proves AVX2.
        unsafe { _mm256_or_si256(a, b) }
    }
    #[inline(always)]
    fn select(self, mask: __m256i, yes: __m256i, no: __m256i) -> __m256i {
        // SAFETY: the token proves AVX2.
        unsafe { _mm256_blendv_epi8(no, yes, mask) }
    }
    #[inline(always)]
    fn any(self, mask: __m256i) -> bool {
        // SAFETY: the token proves AVX2.
        unsafe { _mm256_testz_si256(mask, mask) == 0 }
    }
    #[inline(always)]
    fn bits(self, mask: __m256i) -> u32 {
        // SAFETY: the token proves AVX2.
        unsafe { _mm256_movemask_ps(_mm256_castsi256_ps(mask)) }.cast_unsigned()
    }
    #[inline(always)]
    fn smallest(self, keys: __m256i) -> u32 {
        // SAFETY: the token proves AVX2.
        unsafe {
            let four = _mm_min_epu32(_mm256_castsi256_si128(keys), _mm256_extracti128_si256::<1>(keys));
            let two = _mm_min_epu32(four, _mm_shuffle_epi32::<0b1110>(four));
            let one = _mm_min_epu32(two, _mm_shuffle_epi32::<0b01>(two));
            _mm_cvtsi128_si32(one).cast_unsigned()
        }
    }
    #[inline(always)]
    fn load_split(self, from: &[u16]) -> [__m256i; 2] {
        let from: &[u16; 8] = from.first_chunk().expect("a whole vector");
        // SAFETY: the reference covers half a vector; the token proves AVX2.
        unsafe {
            let words = _mm256_cvtepu16_epi32(_mm_loadu_si128(from.as_ptr().cast()));
            [_mm256_srli_epi32::<6>(words), _mm256_and_si256(words, _mm256_set1_epi32(63))]
        }
    }
    #[inline(always)]
    fn pick(self, panel: &[f32], index: __m256i) -> __m256 {
        let panel: &[f32; 48] = panel.first_chunk().expect("a whole panel");
        // SAFETY: the reference covers the panel; the token proves AVX2.
        unsafe { pick(panel.as_ptr(), index) }
    }
    #[inline(always)]
    fn pick_near(self, from: &[f32], index: __m256i) -> __m256 {
        // SAFETY: the token proves AVX2.
        unsafe { _mm256_permutevar8x32_ps(self.load(from), index) }
    }
    #[inline(always)]
    fn pick_keys(self, panel: &[u32], index: __m256i) -> __m256i {
        let panel: &[u32; 48] = panel.first_chunk().expect("a whole panel");
        // SAFETY: the reference covers the panel, and bits are moved as they are; the token proves AVX2.
        unsafe { _mm256_castps_si256(pick(panel.as_ptr().cast(), index)) }
    }
}

/// Of a panel, the elements that an index names; faster than a gather.
///
/// # Safety
/// The CPU must have AVX2, and `panel` be valid for reads of 48 elements.
#[inline(always)]
unsafe fn pick(panel: *const f32, index: __m256i) -> __m256 {
    // SAFETY: six vectors are the panel; the caller upholds the rest.
    unsafe {
        // From each vector by the lower three bits, then one of the vectors by the others.
        let of = |v: usize| _mm256_permutevar8x32_ps(_mm256_loadu_ps(panel.add(8 * v)), index);
        let eight = _mm256_castsi256_ps(_mm256_slli_epi32::<28>(index));
        let sixteen = _mm256_castsi256_ps(_mm256_slli_epi32::<27>(index));
        let thirty_two = _mm256_castsi256_ps(_mm256_slli_epi32::<26>(index));
        let first = _mm256_blendv_ps(of(0), of(1), eight);
        let second = _mm256_blendv_ps(of(2), of(3), eight);
        let third = _mm256_blendv_ps(of(4), of(5), eight);
        _mm256_blendv_ps(_mm256_blendv_ps(first, second, sixteen), third, thirty_two)
    }
}

/// Four lanes of `f64`: a token for AVX2 and FMA; see the example of [`Kernel`].
#[derive(Clone, Copy)]
pub struct Avx2F64(());

impl Avx2F64 {
    /// The token, without a check of the CPU. [`Selected`](crate::Selected) is the checked way.
    ///
    /// # Safety
    /// The CPU must have AVX2 and FMA.
    #[must_use]
    pub unsafe fn assume() -> Self {
        Self(())
    }
}

// Not inlined: the caller may be compiled for less, and rare paths stay apart.
#[target_feature(enable = "avx2,fma")]
#[inline(never)]
fn enter_f64<K: Kernel<f64>>(lanes: Avx2F64, kernel: K) -> K::Output {
    kernel.run(lanes)
}

impl Lanes for Avx2F64 {
    type Real = f64;
    type Float = __m256d;
    type Keys = __m256i;
    type Mask = __m256i;
    const LEN: usize = 4;
    const REGISTERS: usize = 16;
    const TILE_ROWS: usize = 6;
    const TILE_VECTORS: usize = 2;
    const PANEL: usize = 24;

    #[inline(always)]
    fn enter<K: Kernel<f64>>(self, kernel: K) -> K::Output {
        // SAFETY: the token proves AVX2 and FMA.
        unsafe { enter_f64(self, kernel) }
    }
    #[inline(always)]
    fn tile<W: Overlap>(self, tile: Tile<'_, f64>, work: &mut W) {
        tile.run::<Self, W, 6, 2>(self, work);
    }
    #[inline(always)]
    fn splat(self, value: f64) -> __m256d {
        // SAFETY: the token proves AVX2.
        unsafe { _mm256_set1_pd(value) }
    }
    #[inline(always)]
    fn load(self, from: &[f64]) -> __m256d {
        let from: &[f64; 4] = from.first_chunk().expect("a whole vector");
        // SAFETY: the reference covers a vector; the token proves AVX2.
        unsafe { _mm256_loadu_pd(from.as_ptr()) }
    }
    #[inline(always)]
    unsafe fn load_at(self, from: *const f64) -> __m256d {
        // SAFETY: the caller upholds that a vector can be read; the token proves AVX2.
        unsafe { _mm256_loadu_pd(from) }
    }
    #[inline(always)]
    fn store(self, to: &mut [f64], value: __m256d) {
        let to: &mut [f64; 4] = to.first_chunk_mut().expect("a whole vector");
        // SAFETY: the reference covers a vector; the token proves AVX2.
        unsafe { _mm256_storeu_pd(to.as_mut_ptr(), value) }
    }
    #[inline(always)]
    fn fma(self, a: __m256d, b: __m256d, c: __m256d) -> __m256d {
        // SAFETY: the token proves FMA.
        unsafe { _mm256_fmadd_pd(a, b, c) }
    }
    #[inline(always)]
    fn add(self, a: __m256d, b: __m256d) -> __m256d {
        // SAFETY: the token proves AVX2.
        unsafe { _mm256_add_pd(a, b) }
    }
    #[inline(always)]
    fn sub(self, a: __m256d, b: __m256d) -> __m256d {
        // SAFETY: the token proves AVX2.
        unsafe { _mm256_sub_pd(a, b) }
    }
    #[inline(always)]
    fn mul(self, a: __m256d, b: __m256d) -> __m256d {
        // SAFETY: the token proves AVX2.
        unsafe { _mm256_mul_pd(a, b) }
    }
    #[inline(always)]
    fn max0(self, a: __m256d) -> __m256d {
        // `max` answers its second operand unless the first is greater.
        // SAFETY: the token proves AVX2.
        unsafe { _mm256_max_pd(a, _mm256_setzero_pd()) }
    }
    #[inline(always)]
    fn keys(self, value: __m256d) -> __m256i {
        // SAFETY: the token proves AVX2.
        unsafe { _mm256_castpd_si256(value) }
    }
    #[inline(always)]
    fn floats(self, keys: __m256i) -> __m256d {
        // SAFETY: the token proves AVX2.
        unsafe { _mm256_castsi256_pd(keys) }
    }
    #[inline(always)]
    fn splat_key(self, key: u64) -> __m256i {
        // SAFETY: the token proves AVX2.
        unsafe { _mm256_set1_epi64x(key.cast_signed()) }
    }
    #[inline(always)]
    fn load_keys(self, from: &[u64]) -> __m256i {
        let from: &[u64; 4] = from.first_chunk().expect("a whole vector");
        // SAFETY: the reference covers a vector; the token proves AVX2.
        unsafe { _mm256_loadu_si256(from.as_ptr().cast()) }
    }
    #[inline(always)]
    fn store_keys(self, to: &mut [u64], keys: __m256i) {
        let to: &mut [u64; 4] = to.first_chunk_mut().expect("a whole vector");
        // SAFETY: the reference covers a vector; the token proves AVX2.
        unsafe { _mm256_storeu_si256(to.as_mut_ptr().cast(), keys) }
    }
    #[inline(always)]
    fn sub_keys(self, a: __m256i, b: __m256i) -> __m256i {
        // SAFETY: the token proves AVX2.
        unsafe { _mm256_sub_epi64(a, b) }
    }
    #[inline(always)]
    fn min_unsigned(self, a: __m256i, b: __m256i) -> __m256i {
        // AVX2 compares 64-bit integers as signed only: flip the top bits.
        // SAFETY: the token proves AVX2.
        unsafe {
            let top = _mm256_set1_epi64x(i64::MIN);
            let above = _mm256_cmpgt_epi64(_mm256_xor_si256(a, top), _mm256_xor_si256(b, top));
            _mm256_blendv_epi8(a, b, above)
        }
    }
    #[inline(always)]
    fn max_signed(self, a: __m256i, b: __m256i) -> __m256i {
        // SAFETY: the token proves AVX2.
        unsafe { _mm256_blendv_epi8(b, a, _mm256_cmpgt_epi64(a, b)) }
    }
    #[inline(always)]
    fn at_most(self, a: __m256i, b: __m256i) -> __m256i {
        self.equal(self.min_unsigned(a, b), a)
    }
    #[inline(always)]
    fn at_least_signed(self, a: __m256i, b: __m256i) -> __m256i {
        self.equal(self.max_signed(a, b), a)
    }
    #[inline(always)]
    fn equal(self, a: __m256i, b: __m256i) -> __m256i {
        // SAFETY: the token proves AVX2.
        unsafe { _mm256_cmpeq_epi64(a, b) }
    }
    #[inline(always)]
    fn and(self, a: __m256i, b: __m256i) -> __m256i {
        // SAFETY: the token proves AVX2.
        unsafe { _mm256_and_si256(a, b) }
    }
    #[inline(always)]
    fn or(self, a: __m256i, b: __m256i) -> __m256i {
        // SAFETY: the token proves AVX2.
        unsafe { _mm256_or_si256(a, b) }
    }
    #[inline(always)]
    fn select(self, mask: __m256i, yes: __m256i, no: __m256i) -> __m256i {
        // SAFETY: the token proves AVX2.
        unsafe { _mm256_blendv_epi8(no, yes, mask) }
    }
    #[inline(always)]
    fn any(self, mask: __m256i) -> bool {
        // SAFETY: the token proves AVX2.
        unsafe { _mm256_testz_si256(mask, mask) == 0 }
    }
    #[inline(always)]
    fn bits(self, mask: __m256i) -> u32 {
        // SAFETY: the token proves AVX2.
        unsafe { _mm256_movemask_pd(_mm256_castsi256_pd(mask)) }.cast_unsigned()
    }
}
