//! AVX-512 with BW, VNNI and VBMI2 (Ice Lake, Zen 4 and later): 32 words, register tile of 8 rows by 3 vectors.

use super::{PANEL, WordKernel, Words};
use core::arch::x86_64::*;

/// 32 words: 2 rows by 16 columns, column by column. A token for the instructions.
#[derive(Clone, Copy)]
pub(crate) struct Avx512Words(());

/// Whether this CPU has the instructions.
pub(crate) fn is_available() -> bool {
    is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512vnni")
        && is_x86_feature_detected!("avx512vbmi2")
}

impl Avx512Words {
    /// The token, without a check of the CPU.
    ///
    /// # Safety
    /// [`is_available`] must have answered true.
    pub(crate) unsafe fn assume() -> Self {
        Self(())
    }
}

// Not inlined: the caller is compiled for less.
#[target_feature(enable = "avx512f,avx512bw,avx512vnni,avx512vbmi2")]
#[inline(never)]
fn enter<K: WordKernel>(words: Avx512Words, kernel: K) -> K::Output {
    kernel.run(words)
}

/// The words of the second of two rows.
const SECOND_ROW: u32 = 0xAAAA_AAAA;

impl Words for Avx512Words {
    type Sums = __m512i;
    type Vector = __m512i;
    const LEN: usize = 16;
    const ROWS: usize = 2;
    const TILE_ROWS: usize = 8;
    const TILE_VECTORS: usize = 3;
    const OVERLAPS: bool = true;
    const LEAST_ROWS: usize = 2048;
    const MOST_UNDECIDED: usize = PANEL * PANEL / 24;

    #[inline(always)]
    fn enter<K: WordKernel>(self, kernel: K) -> K::Output {
        // SAFETY: the token proves the instructions.
        unsafe { enter(self, kernel) }
    }
    #[inline(always)]
    fn splat_sum(self, value: u32) -> __m512i {
        // SAFETY: the token proves AVX-512F.
        unsafe { _mm512_set1_epi32(value.cast_signed()) }
    }
    #[inline(always)]
    fn load_sums(self, from: &[u32]) -> __m512i {
        let from: &[u32; 16] = from.first_chunk().expect("a whole vector");
        // SAFETY: the reference covers a vector; the token proves AVX-512F.
        unsafe { _mm512_loadu_si512(from.as_ptr().cast()) }
    }
    #[inline(always)]
    fn add_sums(self, a: __m512i, b: __m512i) -> __m512i {
        // SAFETY: the token proves AVX-512F.
        unsafe { _mm512_add_epi32(a, b) }
    }
    #[inline(always)]
    fn sub_sums(self, a: __m512i, b: __m512i) -> __m512i {
        // SAFETY: the token proves AVX-512F.
        unsafe { _mm512_sub_epi32(a, b) }
    }
    #[inline(always)]
    fn add_products(self, sums: __m512i, a: __m512i, b: __m512i) -> __m512i {
        // SAFETY: the token proves AVX-512 VNNI.
        unsafe { _mm512_dpwssd_epi32(sums, a, b) }
    }
    #[inline(always)]
    unsafe fn load_sums_at(self, from: *const u32) -> __m512i {
        // SAFETY: the caller upholds that a vector can be read; the token proves AVX-512F.
        unsafe { _mm512_loadu_si512(from.cast()) }
    }
    #[inline(always)]
    fn upper_halves(self, first: __m512i, second: __m512i) -> __m512i {
        // SAFETY: the token proves AVX-512BW.
        unsafe { _mm512_mask_blend_epi16(SECOND_ROW, _mm512_srli_epi32::<16>(first), second) }
    }
    #[inline(always)]
    fn splat(self, word: u16) -> __m512i {
        // SAFETY: the token proves AVX-512F.
        unsafe { _mm512_set1_epi16(word.cast_signed()) }
    }
    #[inline(always)]
    fn load(self, from: &[u16]) -> __m512i {
        let from: &[u16; 32] = from.first_chunk().expect("a whole vector");
        // SAFETY: the reference covers a vector; the token proves AVX-512F.
        unsafe { _mm512_loadu_si512(from.as_ptr().cast()) }
    }
    #[inline(always)]
    fn store(self, to: &mut [u16], words: __m512i) {
        let to: &mut [u16; 32] = to.first_chunk_mut().expect("a whole vector");
        // SAFETY: the reference covers a vector; the token proves AVX-512F.
        unsafe { _mm512_storeu_si512(to.as_mut_ptr().cast(), words) }
    }
    #[inline(always)]
    fn rows(self, from: &[u16]) -> __m512i {
        let &[first, second] = from.first_chunk().expect("two words");
        // SAFETY: the token proves AVX-512F.
        unsafe { _mm512_set1_epi32((u32::from(second) << 16 | u32::from(first)).cast_signed()) }
    }
    #[inline(always)]
    fn add(self, a: __m512i, b: __m512i) -> __m512i {
        // SAFETY: the token proves AVX-512BW.
        unsafe { _mm512_add_epi16(a, b) }
    }
    #[inline(always)]
    fn min(self, a: __m512i, b: __m512i) -> __m512i {
        // SAFETY: the token proves AVX-512BW.
        unsafe { _mm512_min_epu16(a, b) }
    }
    #[inline(always)]
    fn outside(self, key: __m512i, low: __m512i, width: __m512i) -> __m512i {
        // SAFETY: the token proves AVX-512BW.
        unsafe { _mm512_subs_epu16(_mm512_sub_epi16(key, low), width) }
    }
    #[inline(always)]
    fn list_zeros(self, words: __m512i, values: __m512i, to: &mut [u16]) -> usize {
        let to: &mut [u16; 32] = to.first_chunk_mut().expect("room for a vector");
        // SAFETY: the reference covers a vector; the token proves AVX-512BW and VBMI2.
        unsafe {
            let zeros = _mm512_testn_epi16_mask(words, words);
            let listed = _mm512_maskz_compress_epi16(zeros, values);
            _mm512_storeu_si512(to.as_mut_ptr().cast(), listed);
            zeros.count_ones() as usize
        }
    }
}
