//! What screening needs of a vector of 16-bit words, one file an instruction set.

#[cfg(target_arch = "x86_64")]
pub(crate) mod avx2;
#[cfg(target_arch = "x86_64")]
pub(crate) mod avx512;

use crate::isa::{Isa, Selected};
use std::sync::OnceLock;

/// Rows of a panel of words, as many as of a panel of `f32` in AVX2 and AVX-512.
pub(crate) const PANEL: usize = 48;
/// Columns whose words are in a vector.
pub(crate) const COLUMNS: usize = 16;
/// No vector has more words.
pub(crate) const MAX_WORDS: usize = 32;

/// A kernel that runs on any words.
pub(crate) trait WordKernel {
    /// What it returns.
    type Output;
    /// The kernel. Must be `#[inline(always)]`, as [`crate::lanes::Kernel::run`].
    fn run<W: Words>(self, words: W) -> Self::Output;
}

/// A token for one instruction set, which a value of it proves to be there.
pub(crate) trait Words: Copy {
    /// Sums of products, 32 bits each.
    type Sums: Copy;
    /// Words: those of [`Words::ROWS`] rows and [`COLUMNS`] columns, column by column.
    type Vector: Copy;
    /// Sums in a vector.
    const LEN: usize;
    /// Rows in a vector of words.
    const ROWS: usize;
    /// Rows of the register tile.
    const TILE_ROWS: usize;
    /// Vectors across the register tile.
    const TILE_VECTORS: usize;
    /// Whether a block is searched between the products of the next: there are registers for both.
    const OVERLAPS: bool;
    /// Rows from which on a batch is screened: with fewer, windows stay wide (measured, docs/speed.md).
    const LEAST_ROWS: usize;
    /// Undecided pairs of a block above which it takes longer than without screening (measured).
    const MOST_UNDECIDED: usize;

    /// Runs a kernel inside a function compiled for this instruction set.
    fn enter<K: WordKernel>(self, kernel: K) -> K::Output;

    /// The number in every lane.
    fn splat_sum(self, value: u32) -> Self::Sums;
    /// The first `LEN` numbers; panics if there are fewer.
    fn load_sums(self, from: &[u32]) -> Self::Sums;
    /// `a + b`, modulo 2^32.
    fn add_sums(self, a: Self::Sums, b: Self::Sums) -> Self::Sums;
    /// `a - b`, modulo 2^32.
    fn sub_sums(self, a: Self::Sums, b: Self::Sums) -> Self::Sums;
    /// `sums + a.0 b.0 + a.1 b.1`, modulo 2^32: each number is two signed components of 16 bits.
    fn add_products(self, sums: Self::Sums, a: Self::Sums, b: Self::Sums) -> Self::Sums;
    /// The `LEN` numbers from an address on.
    ///
    /// # Safety
    /// `from` must be valid for reads of `LEN` numbers.
    unsafe fn load_sums_at(self, from: *const u32) -> Self::Sums;
    /// The upper half of each sum: the vectors are two rows, or else two halves of the columns of one.
    fn upper_halves(self, first: Self::Sums, second: Self::Sums) -> Self::Vector;

    /// The word in every place.
    fn splat(self, word: u16) -> Self::Vector;
    /// A whole vector; panics if there are fewer words.
    fn load(self, from: &[u16]) -> Self::Vector;
    /// Writes a whole vector; panics if there is less room.
    fn store(self, to: &mut [u16], words: Self::Vector);
    /// The first [`Words::ROWS`] words, each in all columns of its row; panics if there are fewer.
    fn rows(self, from: &[u16]) -> Self::Vector;
    /// `a + b`, modulo 2^16.
    fn add(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// The smaller, unsigned.
    fn min(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// Zero where `low <= key <= low + width`, else how far beyond.
    fn outside(self, key: Self::Vector, low: Self::Vector, width: Self::Vector) -> Self::Vector;
    /// Writes those of `values` whose `words` are zero to the start of `to`, in order; how many. What follows them
    /// is unspecified. Panics if there is no room for a vector.
    fn list_zeros(self, words: Self::Vector, values: Self::Vector, to: &mut [u16]) -> usize;
}

/// The words that go with an instruction set, where the CPU has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SelectedWords(Native);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Native {
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx2Vnni,
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl SelectedWords {
    /// None where there are no kernels of words, or their products are not the known ones.
    pub(crate) fn of(selected: Selected) -> Option<Self> {
        static CHECKED: [OnceLock<bool>; Isa::ALL.len()] = [const { OnceLock::new() }; Isa::ALL.len()];
        let words = Self::detect(selected)?;
        CHECKED[selected.isa() as usize].get_or_init(|| words.dispatch(KnownAnswers)).then_some(words)
    }

    /// Those that an instruction set has where the CPU has more than it needs for them.
    #[cfg(test)]
    pub(crate) fn plain(selected: Selected) -> Option<Self> {
        #[cfg(target_arch = "x86_64")]
        if selected.isa() == Isa::Avx2 {
            return Some(Self(Native::Avx2));
        }
        Self::detect(selected)
    }

    fn detect(selected: Selected) -> Option<Self> {
        #[cfg(target_arch = "x86_64")]
        match selected.isa() {
            Isa::Avx2 if avx2::has_vnni() => return Some(Self(Native::Avx2Vnni)),
            Isa::Avx2 => return Some(Self(Native::Avx2)),
            Isa::Avx512 => return avx512::is_available().then_some(Self(Native::Avx512)),
            Isa::Portable | Isa::Neon => {}
        }
        let _ = selected;
        None
    }

    /// Runs a kernel on them.
    pub(crate) fn dispatch<K: WordKernel>(self, kernel: K) -> K::Output {
        match self.0 {
            // SAFETY: `Selected` proves AVX2.
            #[cfg(target_arch = "x86_64")]
            Native::Avx2 => unsafe { avx2::Avx2Words::<false>::assume() }.enter(kernel),
            // SAFETY: as above; `detect` found AVX-VNNI.
            #[cfg(target_arch = "x86_64")]
            Native::Avx2Vnni => unsafe { avx2::Avx2Words::<true>::assume() }.enter(kernel),
            // SAFETY: `detect` found the instructions.
            #[cfg(target_arch = "x86_64")]
            Native::Avx512 => unsafe { avx512::Avx512Words::assume() }.enter(kernel),
        }
    }
}

/// Whether products, sums and windows are what they are in plain arithmetic.
struct KnownAnswers;

impl WordKernel for KnownAnswers {
    type Output = bool;
    #[inline(always)]
    fn run<W: Words>(self, words: W) -> bool {
        // -32,767 * 32,767 + 5 * -3, from a sum that wraps, and the upper halves of what comes out.
        let number = |components: [i16; 2]| {
            let [first, second] = components.map(|component| u32::from(component.cast_unsigned()));
            core::hint::black_box(second << 16 | first)
        };
        let (x, y) = (number([-32_767, 5]), number([32_767, -3]));
        let from = core::hint::black_box(0x8000_0001_u32);
        let product = (-32_767_i32 * 32_767 - 15).cast_unsigned();
        let expected = (from.wrapping_add(product) >> 16) as u16;
        let sums = words.add_products(words.splat_sum(from), words.splat_sum(x), words.splat_sum(y));
        let found = words.upper_halves(sums, sums);
        let mut all = [0; MAX_WORDS];
        words.store(&mut all, found);
        let len = W::ROWS * COLUMNS;
        let exact = all[..len].iter().all(|&word| word == expected);
        // The first and the last word of a window are in it, those beside it are not.
        let inside = |low: u16, width: u16| {
            let outside = words.outside(found, words.splat(low), words.splat(width));
            words.list_zeros(outside, found, &mut [0; MAX_WORDS])
        };
        let windows = [(expected, 0), (expected - 7, 7), (expected + 1, 9), (expected - 7, 6)];
        exact && windows.map(|(low, width)| inside(low, width)) == [len, len, 0, 0]
    }
}
