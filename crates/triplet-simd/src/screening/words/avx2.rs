//! AVX2, and AVX-VNNI beside it: 16 words, register tile of 4 rows by 2 vectors.
//!
//! 8 accumulators, 2 vectors of columns, a broadcast and the products of a step in 16 registers.

use super::{PANEL, WordKernel, Words};
use core::arch::x86_64::*;

/// 16 words: a row by 16 columns. A token for AVX2, and with `VNNI` for AVX-VNNI.
#[derive(Clone, Copy)]
pub(crate) struct Avx2Words<const VNNI: bool>(());

/// Whether this CPU has AVX-VNNI.
pub(crate) fn has_vnni() -> bool {
    is_x86_feature_detected!("avxvnni")
}

impl<const VNNI: bool> Avx2Words<VNNI> {
    /// The token, without a check of the CPU.
    ///
    /// # Safety
    /// The CPU must have AVX2 and FMA, and for `VNNI` [`has_vnni`] must have answered true.
    pub(crate) unsafe fn assume() -> Self {
        Self(())
    }
}

// Not inlined: the caller may be compiled for less.
#[target_feature(enable = "avx2,fma")]
#[inline(never)]
fn enter<K: WordKernel>(words: Avx2Words<false>, kernel: K) -> K::Output {
    kernel.run(words)
}

#[target_feature(enable = "avx2,fma,avxvnni")]
#[inline(never)]
fn enter_vnni<K: WordKernel>(words: Avx2Words<true>, kernel: K) -> K::Output {
    kernel.run(words)
}

impl<const VNNI: bool> Words for Avx2Words<VNNI> {
    type Sums = __m256i;
    type Vector = __m256i;
    const LEN: usize = 8;
    const ROWS: usize = 1;
    const TILE_ROWS: usize = 4;
    const TILE_VECTORS: usize = 2;
    const OVERLAPS: bool = false;
    const LEAST_ROWS: usize = 4096;
    const MOST_UNDECIDED: usize = PANEL * PANEL / 60;

    #[inline(always)]
    fn enter<K: WordKernel>(self, kernel: K) -> K::Output {
        // SAFETY: the token proves AVX2 and FMA, and with `VNNI` AVX-VNNI.
        unsafe {
            if VNNI {
                enter_vnni(Avx2Words::<true>(()), kernel)
            } else {
                enter(Avx2Words::<false>(()), kernel)
            }
        }
    }
    #[inline(always)]
    fn splat_sum(self, value: u32) -> __m256i {
        // SAFETY: the token proves AVX2.
        unsafe { _mm256_set1_epi32(value.cast_signed()) }
    }
    #[inline(always)]
    fn load_sums(self, from: &[u32]) -> __m256i {
        let from: &[u32; 8] = from.first_chunk().expect("a whole vector");
        // SAFETY: the reference covers a vector; the token proves AVX2.
        unsafe { _mm256_loadu_si256(from.as_ptr().cast()) }
    }
    #[inline(always)]
    fn add_sums(self, a: __m256i, b: __m256i) -> __m256i {
        // SAFETY: the token proves AVX2.
        unsafe { _mm256_add_epi32(a, b) }
    }
    #[inline(always)]
    fn sub_sums(self, a: __m256i, b: __m256i) -> __m256i {
        // SAFETY: the token proves AVX2.
        unsafe { _mm256_sub_epi32(a, b) }
    }
    #[inline(always)]
    fn add_products(self, sums: __m256i, a: __m256i, b: __m256i) -> __m256i {
        // SAFETY: the token proves AVX2, and with `VNNI` AVX-VNNI.
        unsafe {
            if VNNI {
                _mm256_dpwssd_avx_epi32(sums, a, b)
            } else {
                _mm256_add_epi32(sums, _mm256_madd_epi16(a, b))
            }
        }
    }
    #[inline(always)]
    unsafe fn load_sums_at(self, from: *const u32) -> __m256i {
        // SAFETY: the caller upholds that a vector can be read; the token proves AVX2.
        unsafe { _mm256_loadu_si256(from.cast()) }
    }
    #[inline(always)]
    fn upper_halves(self, first: __m256i, second: __m256i) -> __m256i {
        // SAFETY: the token proves AVX2.
        unsafe {
            let (first, second) = (_mm256_srli_epi32::<16>(first), _mm256_srli_epi32::<16>(second));
            // Packs within halves of the vector, whose quarters are then put in order.
            _mm256_permute4x64_epi64::<0b11_01_10_00>(_mm256_packus_epi32(first, second))
        }
    }
    #[inline(always)]
    fn splat(self, word: u16) -> __m256i {
        // SAFETY: the token proves AVX2.
        unsafe { _mm256_set1_epi16(word.cast_signed()) }
    }
    #[inline(always)]
    fn load(self, from: &[u16]) -> __m256i {
        let from: &[u16; 16] = from.first_chunk().expect("a whole vector");
        // SAFETY: the reference covers a vector; the token proves AVX2.
        unsafe { _mm256_loadu_si256(from.as_ptr().cast()) }
    }
    #[inline(always)]
    fn store(self, to: &mut [u16], words: __m256i) {
        let to: &mut [u16; 16] = to.first_chunk_mut().expect("a whole vector");
        // SAFETY: the reference covers a vector; the token proves AVX2.
        unsafe { _mm256_storeu_si256(to.as_mut_ptr().cast(), words) }
    }
    #[inline(always)]
    fn rows(self, from: &[u16]) -> __m256i {
        self.splat(from[0])
    }
    #[inline(always)]
    fn add(self, a: __m256i, b: __m256i) -> __m256i {
        // SAFETY: the token proves AVX2.
        unsafe { _mm256_add_epi16(a, b) }
    }
    #[inline(always)]
    fn min(self, a: __m256i, b: __m256i) -> __m256i {
        // SAFETY: the token proves AVX2.
        unsafe { _mm256_min_epu16(a, b) }
    }
    #[inline(always)]
    fn outside(self, key: __m256i, low: __m256i, width: __m256i) -> __m256i {
        // SAFETY: the token proves AVX2.
        unsafe { _mm256_subs_epu16(_mm256_sub_epi16(key, low), width) }
    }
    #[inline(always)]
    fn list_zeros(self, words: __m256i, values: __m256i, to: &mut [u16]) -> usize {
        // SAFETY: the token proves AVX2.
        let bytes = unsafe { _mm256_movemask_epi8(_mm256_cmpeq_epi16(words, _mm256_setzero_si256())) };
        if bytes == 0 {
            return 0;
        }
        let mut all = [0; 16];
        self.store(&mut all, values);
        // One bit a word.
        let mut zeros = bytes.cast_unsigned() & 0x5555_5555;
        let mut listed = 0;
        while zeros != 0 {
            to[listed] = all[(zeros.trailing_zeros() / 2) as usize];
            listed += 1;
            zeros &= zeros - 1;
        }
        listed
    }
}
