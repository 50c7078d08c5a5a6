//! AVX-512F: 512-bit vectors, register tile of 8 rows by 3 vectors.
//!
//! 24 accumulators of the 32 registers; comparisons answer in mask registers.

use super::{Kernel, Lanes};
use crate::gram::tile::{Overlap, Tile};
use core::arch::x86_64::*;

/// Sixteen lanes of `f32`: a token for AVX-512F; see the example of [`Kernel`].
#[derive(Clone, Copy)]
pub struct Avx512F32(());

impl Avx512F32 {
    /// The token, without a check of the CPU. [`Selected`](crate::Selected) is the checked way.
    ///
    /// # Safety
    /// The CPU must have AVX-512F.
    #[must_use]
    pub unsafe fn assume() -> Self {
        Self(())
    }
}

// Not inlined: the caller may be compiled for less, and rare paths stay apart.
#[target_feature(enable = "avx512f")]
#[inline(never)]
fn enter_f32<K: Kernel<f32>>(lanes: Avx512F32, kernel: K) -> K::Output {
    kernel.run(lanes)
}

impl Lanes for Avx512F32 {
    type Real = f32;
    type Float = __m512;
    type Keys = __m512i;
    type Mask = __mmask16;
    const LEN: usize = 16;
    const REGISTERS: usize = 32;
    const TILE_ROWS: usize = 8;
    const TILE_VECTORS: usize = 3;
    const PANEL: usize = 48;

    #[inline(always)]
    fn enter<K: Kernel<f32>>(self, kernel: K) -> K::Output {
        // SAFETY: the token proves AVX-512F.
        unsafe { enter_f32(self, kernel) }
    }
    #[inline(always)]
    fn tile<W: Overlap>(self, tile: Tile<'_, f32>, work: &mut W) {
        tile.run::<Self, W, 8, 3>(self, work);
    }
    #[inline(always)]
    fn splat(self, value: f32) -> __m512 {
        // SAFETY: the token proves AVX-512F.
        unsafe { _mm512_set1_ps(value) }
    }
    #[inline(always)]
    fn load(self, from: &[f32]) -> __m512 {
        let from: &[f32; 16] = from.first_chunk().expect("a whole vector");
        // SAFETY: the reference covers a vector; the token proves AVX-512F.
        unsafe { _mm512_loadu_ps(from.as_ptr()) }
    }
    #[inline(always)]
    unsafe fn load_at(self, from: *const f32) -> __m512 {
        // SAFETY: the caller upholds that a vector can be read; the token proves AVX-512F.
        unsafe { _mm512_loadu_ps(from) }
    }
    #[inline(always)]
    fn store(self, to: &mut [f32], value: __m512) {
        let to: &mut [f32; 16] = to.first_chunk_mut().expect("a whole vector");
        // SAFETY: the reference covers a vector; the token proves AVX-512F.
        unsafe { _mm512_storeu_ps(to.as_mut_ptr(), value) }
    }
    #[inline(always)]
    fn fma(self, a: __m512, b: __m512, c: __m512) -> __m512 {
        // SAFETY: the token proves AVX-512F.
        unsafe { _mm512_fmadd_ps(a, b, c) }
    }
    #[inline(always)]
    fn add(self, a: __m512, b: __m512) -> __m512 {
        // SAFETY: the token proves AVX-512F.
        unsafe { _mm512_add_ps(a, b) }
    }
    #[inline(always)]
    fn sub(self, a: __m512, b: __m512) -> __m512 {
        // SAFETY: the token proves AVX-512F.
        unsafe { _mm512_sub_ps(a, b) }
    }
    #[inline(always)]
    fn mul(self, a: __m512, b: __m512) -> __m512 {
        // SAFETY: the token proves AVX-512F.
        unsafe { _mm512_mul_ps(a, b) }
    }
    #[inline(always)]
    fn max0(self, a: __m512) -> __m512 {
        // `max` answers its second operand unless the first is greater.
        // SAFETY: the token proves AVX-512F.
        unsafe { _mm512_max_ps(a, _mm512_setzero_ps()) }
    }
    #[inline(always)]
    fn keys(self, value: __m512) -> __m512i {
        // SAFETY: the token proves AVX-512F.
        unsafe { _mm512_castps_si512(value) }
    }
    #[inline(always)]
    fn floats(self, keys: __m512i) -> __m512 {
        // SAFETY: the token proves AVX-512F.
        unsafe { _mm512_castsi512_ps(keys) }
    }
    #[inline(always)]
    fn splat_key(self, key: u32) -> __m512i {
        // SAFETY: the token proves AVX-512F.
        unsafe { _mm512_set1_epi32(key.cast_signed()) }
    }
    #[inline(always)]
    fn load_keys(self, from: &[u32]) -> __m512i {
        let from: &[u32; 16] = from.first_chunk().expect("a whole vector");
        // SAFETY: the reference covers a vector; the token proves AVX-512F.
        unsafe { _mm512_loadu_si512(from.as_ptr().cast()) }
    }
    #[inline(always)]
    fn store_keys(self, to: &mut [u32], keys: __m512i) {
        let to: &mut [u32; 16] = to.first_chunk_mut().expect("a whole vector");
        // SAFETY: the reference covers a vector; the token proves AVX-512F.
        unsafe { _mm512_storeu_si512(to.as_mut_ptr().cast(), keys) }
    }
    #[inline(always)]
    fn sub_keys(self, a: __m512i, b: __m512i) -> __m512i {
        // SAFETY: the token proves AVX-512F.
        unsafe { _mm512_sub_epi32(a, b) }
    }
    #[inline(always)]
    fn min_unsigned(self, a: __m512i, b: __m512i) -> __m512i {
        // SAFETY: the token proves AVX-512F.
        unsafe { _mm512_min_epu32(a, b) }
    }
    #[inline(always)]
    fn max_signed(self, a: __m512i, b: __m512i) -> __m512i {
        // SAFETY: the token proves AVX-512F.
        unsafe { _mm512_max_epi32(a, b) }
    }
    #[inline(always)]
    fn at_most(self, a: __m512i, b: __m512i) -> __mmask16 {
        // SAFETY: the token proves AVX-512F.
        unsafe { _mm512_cmple_epu32_mask(a, b) }
    }
    #[inline(always)]
    fn at_least_signed(self, a: __m512i, b: __m512i) -> __mmask16 {
        // SAFETY: the token proves AVX-512F.
        unsafe { _mm512_cmpge_epi32_mask(a, b) }
    }
    #[inline(always)]
    fn equal(self, a: __m512i, b: __m512i) -> __mmask16 {
        // SAFETY: the token proves AVX-512F.
        unsafe { _mm512_cmpeq_epi32_mask(a, b) }
    }
    #[inline(always)]
    fn and(self, a: __mmask16, b: __mmask16) -> __mmask16 {
        a & b
    }
    #[inline(always)]
    fn or(self, a: __mmask16, b: __mmask16) -> __mmask16 {
        a | b
    }
    #[inline(always)]
    fn select(self, mask: __mmask16, yes: __m512i, no: __m512i) -> __m512i {
        // SAFETY: the token proves AVX-512F.
        unsafe { _mm512_mask_blend_epi32(mask, no, yes) }
    }
    #[inline(always)]
    fn any(self, mask: __mmask16) -> bool {
        mask != 0
    }
    #[inline(always)]
    fn bits(self, mask: __mmask16) -> u32 {
        mask.into()
    }
    #[inline(always)]
    fn keep_nearer(self, key: __m512i, row: __m512i, least: &mut __m512i, kept: &mut __m512i) {
        // SAFETY: the token proves AVX-512F.
        unsafe {
            let less = _mm512_cmplt_epu32_mask(key, *least);
            let ties = _mm512_cmpeq_epi32_mask(key, *least);
            let taken = _mm512_mask_mov_epi32(*kept, less, row);
            *kept = _mm512_mask_min_epu32(taken, ties, taken, row);
            *least = _mm512_min_epu32(*least, key);
        }
    }
    #[inline(always)]
    fn smallest(self, keys: __m512i) -> u32 {
        // SAFETY: the token proves AVX-512F.
        unsafe { _mm512_reduce_min_epu32(keys) }
    }
    #[inline(always)]
    fn load_split(self, from: &[u16]) -> [__m512i; 2] {
        let from: &[u16; 16] = from.first_chunk().expect("a whole vector");
        // SAFETY: the reference covers half a vector; the token proves AVX-512F.
        unsafe {
            let words = _mm512_cvtepu16_epi32(_mm256_loadu_si256(from.as_ptr().cast()));
            [_mm512_srli_epi32::<6>(words), _mm512_and_si512(words, _mm512_set1_epi32(63))]
        }
    }
    #[inline(always)]
    fn pick(self, panel: &[f32], index: __m512i) -> __m512 {
        let panel: &[f32; 48] = panel.first_chunk().expect("a whole panel");
        // SAFETY: the reference covers three vectors; the token proves AVX-512F.
        unsafe {
            let [first, second, third] = [0, 16, 32].map(|place| _mm512_loadu_ps(panel.as_ptr().add(place)));
            let in_third = _mm512_cmpge_epu32_mask(index, _mm512_set1_epi32(32));
            let picked = _mm512_permutex2var_ps(first, index, second);
            _mm512_mask_permutexvar_ps(picked, in_third, index, third)
        }
    }
    #[inline(always)]
    fn pick_near(self, from: &[f32], index: __m512i) -> __m512 {
        // SAFETY: the token proves AVX-512F.
        unsafe { _mm512_permutexvar_ps(index, self.load(from)) }
    }
    #[inline(always)]
    fn pick_keys(self, panel: &[u32], index: __m512i) -> __m512i {
        let panel: &[u32; 48] = panel.first_chunk().expect("a whole panel");
        // SAFETY: the reference covers three vectors; the token proves AVX-512F.
        unsafe {
            let [first, second, third] =
                [0, 16, 32].map(|place| _mm512_loadu_si512(panel.as_ptr().add(place).cast()));
            let in_third = _mm512_cmpge_epu32_mask(index, _mm512_set1_epi32(32));
            let picked = _mm512_permutex2var_epi32(first, index, second);
            _mm512_mask_permutexvar_epi32(picked, in_third, index, third)
        }
    }
}

/// Eight lanes of `f64`: a token for AVX-512F; see the example of [`Kernel`].
#[derive(Clone, Copy)]
pub struct Avx512F64(());

impl Avx512F64 {
    /// The token, without a check of the CPU. [`Selected`](crate::Selected) is the checked way.
    ///
    /// # Safety
    /// The CPU must have AVX-512F.
    #[must_use]
    pub unsafe fn assume() -> Self {
        Self(())
    }
}

// Not inlined: the caller may be compiled for less, and rare paths stay apart.
#[target_feature(enable = "avx512f")]
#[inline(never)]
fn enter_f64<K: Kernel<f64>>(lanes: Avx512F64, kernel: K) -> K::Output {
    kernel.run(lanes)
}

impl Lanes for Avx512F64 {
    type Real = f64;
    type Float = __m512d;
    type Keys = __m512i;
    type Mask = __mmask8;
    const LEN: usize = 8;
    const REGISTERS: usize = 32;
    const TILE_ROWS: usize = 8;
    const TILE_VECTORS: usize = 3;
    const PANEL: usize = 24;

    #[inline(always)]
    fn enter<K: Kernel<f64>>(self, kernel: K) -> K::Output {
        // SAFETY: the token proves AVX-512F.
        unsafe { enter_f64(self, kernel) }
    }
    #[inline(always)]
    fn tile<W: Overlap>(self, tile: Tile<'_, f64>, work: &mut W) {
        tile.run::<Self, W, 8, 3>(self, work);
    }
    #[inline(always)]
    fn splat(self, value: f64) -> __m512d {
        // SAFETY: the token proves AVX-512F.
        unsafe { _mm512_set1_pd(value) }
    }
    #[inline(always)]
    fn load(self, from: &[f64]) -> __m512d {
        let from: &[f64; 8] = from.first_chunk().expect("a whole vector");
        // SAFETY: the reference covers a vector; the token proves AVX-512F.
        unsafe { _mm512_loadu_pd(from.as_ptr()) }
    }
    #[inline(always)]
    unsafe fn load_at(self, from: *const f64) -> __m512d {
        // SAFETY: the caller upholds that a vector can be read; the token proves AVX-512F.
        unsafe { _mm512_loadu_pd(from) }
    }
    #[inline(always)]
    fn store(self, to: &mut [f64], value: __m512d) {
        let to: &mut [f64; 8] = to.first_chunk_mut().expect("a whole vector");
        // SAFETY: the reference covers a vector; the token proves AVX-512F.
        unsafe { _mm512_storeu_pd(to.as_mut_ptr(), value) }
    }
    #[inline(always)]
    fn fma(self, a: __m512d, b: __m512d, c: __m512d) -> __m512d {
        // SAFETY: the token proves AVX-512F.
        unsafe { _mm512_fmadd_pd(a, b, c) }
    }
    #[inline(always)]
    fn add(self, a: __m512d, b: __m512d) -> __m512d {
        // SAFETY: the token proves AVX-512F.
        unsafe { _mm512_add_pd(a, b) }
    }
    #[inline(always)]
    fn sub(self, a: __m512d, b: __m512d) -> __m512d {
        // SAFETY: the token proves AVX-512F.
        unsafe { _mm512_sub_pd(a, b) }
    }
    #[inline(always)]
    fn mul(self, a: __m512d, b: __m512d) -> __m512d {
        // SAFETY: the token proves AVX-512F.
        unsafe { _mm512_mul_pd(a, b) }
    }
    #[inline(always)]
    fn max0(self, a: __m512d) -> __m512d {
        // `max` answers its second operand unless the first is greater.
        // SAFETY: the token proves AVX-512F.
        unsafe { _mm512_max_pd(a, _mm512_setzero_pd()) }
    }
    #[inline(always)]
    fn keys(self, value: __m512d) -> __m512i {
        // SAFETY: the token proves AVX-512F.
        unsafe { _mm512_castpd_si512(value) }
    }
    #[inline(always)]
    fn floats(self, keys: __m512i) -> __m512d {
        // SAFETY: the token proves AVX-512F.
        unsafe { _mm512_castsi512_pd(keys) }
    }
    #[inline(always)]
    fn splat_key(self, key: u64) -> __m512i {
        // SAFETY: the token proves AVX-512F.
        unsafe { _mm512_set1_epi64(key.cast_signed()) }
    }
    #[inline(always)]
    fn load_keys(self, from: &[u64]) -> __m512i {
        let from: &[u64; 8] = from.first_chunk().expect("a whole vector");
        // SAFETY: the reference covers a vector; the token proves AVX-512F.
        unsafe { _mm512_loadu_si512(from.as_ptr().cast()) }
    }
    #[inline(always)]
    fn store_keys(self, to: &mut [u64], keys: __m512i) {
        let to: &mut [u64; 8] = to.first_chunk_mut().expect("a whole vector");
        // SAFETY: the reference covers a vector; the token proves AVX-512F.
        unsafe { _mm512_storeu_si512(to.as_mut_ptr().cast(), keys) }
    }
    #[inline(always)]
    fn sub_keys(self, a: __m512i, b: __m512i) -> __m512i {
        // SAFETY: the token proves AVX-512F.
        unsafe { _mm512_sub_epi64(a, b) }
    }
    #[inline(always)]
    fn min_unsigned(self, a: __m512i, b: __m512i) -> __m512i {
        // SAFETY: the token proves AVX-512F.
        unsafe { _mm512_min_epu64(a, b) }
    }
    #[inline(always)]
    fn max_signed(self, a: __m512i, b: __m512i) -> __m512i {
        // SAFETY: the token proves AVX-512F.
        unsafe { _mm512_max_epi64(a, b) }
    }
    #[inline(always)]
    fn at_most(self, a: __m512i, b: __m512i) -> __mmask8 {
        // SAFETY: the token proves AVX-512F.
        unsafe { _mm512_cmple_epu64_mask(a, b) }
    }
    #[inline(always)]
    fn at_least_signed(self, a: __m512i, b: __m512i) -> __mmask8 {
        // SAFETY: the token proves AVX-512F.
        unsafe { _mm512_cmpge_epi64_mask(a, b) }
    }
    #[inline(always)]
    fn equal(self, a: __m512i, b: __m512i) -> __mmask8 {
        // SAFETY: the token proves AVX-512F.
        unsafe { _mm512_cmpeq_epi64_mask(a, b) }
    }
    #[inline(always)]
    fn and(self, a: __mmask8, b: __mmask8) -> __mmask8 {
        a & b
    }
    #[inline(always)]
    fn or(self, a: __mmask8, b: __mmask8) -> __mmask8 {
        a | b
    }
    #[inline(always)]
    fn select(self, mask: __mmask8, yes: __m512i, no: __m512i) -> __m512i {
        // SAFETY: the token proves AVX-512F.
        unsafe { _mm512_mask_blend_epi64(mask, no, yes) }
    }
    #[inline(always)]
    fn any(self, mask: __mmask8) -> bool {
        mask != 0
    }
    #[inline(always)]
    fn bits(self, mask: __mmask8) -> u32 {
        mask.into()
    }
    #[inline(always)]
    fn keep_nearer(self, key: __m512i, row: __m512i, least: &mut __m512i, kept: &mut __m512i) {
        // SAFETY: the token proves AVX-512F.
        unsafe {
            let less = _mm512_cmplt_epu64_mask(key, *least);
            let ties = _mm512_cmpeq_epi64_mask(key, *least);
            let taken = _mm512_mask_mov_epi64(*kept, less, row);
            *kept = _mm512_mask_min_epu64(taken, ties, taken, row);
            *least = _mm512_min_epu64(*least, key);
        }
    }
    #[inline(always)]
    fn smallest(self, keys: __m512i) -> u64 {
        // SAFETY: the token proves AVX-512F.
        unsafe { _mm512_reduce_min_epu64(keys) }
    }
}
