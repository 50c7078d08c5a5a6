//! What a vector can do: exactly the operations that the kernels need.
//!
//! One file an instruction set; kernels are generic over [`Lanes`] and written once.

#[cfg(target_arch = "x86_64")]
pub mod avx2;
#[cfg(target_arch = "x86_64")]
pub mod avx512;
#[cfg(target_arch = "aarch64")]
pub mod neon;
pub mod portable;

use crate::gram::{
    layout::BLOCK_ROWS,
    tile::{Overlap, Tile},
};
use triplet_core::shares::UNIT;
use triplet_core::{Real, real::Key};

/// No vector has more lanes: the length of arrays that hold a vector of any lane type; see the
/// example of [`Kernel`].
pub const MAX_LEN: usize = 16;
/// No register tile has more rows.
pub(crate) const MAX_TILE_ROWS: usize = 16;
/// No panel is more vectors wide.
pub(crate) const MAX_PANEL_VECTORS: usize = 12;

/// A kernel that runs on any lane type.
///
/// `run` must be `#[inline(always)]`, so that it is compiled with the instruction
/// set of the function that [`Lanes::enter`] calls it from.
///
/// ```
/// use triplet_simd::{Element, Isa, Selected, lanes::{Kernel, Lanes, MAX_LEN}};
///
/// /// Writes `2 x + y` to `y`, one vector at a time; returns the lanes of a vector.
/// struct DoubleAndAdd<'a> {
///     x: &'a [f32],
///     y: &'a mut [f32],
/// }
///
/// impl Kernel<f32> for DoubleAndAdd<'_> {
///     type Output = usize;
///     #[inline(always)]
///     fn run<L: Lanes<Real = f32>>(self, lanes: L) -> usize {
///         let two = lanes.splat(2.0);
///         for (x, y) in self.x.chunks_exact(L::LEN).zip(self.y.chunks_exact_mut(L::LEN)) {
///             lanes.store(y, lanes.fma(two, lanes.load(x), lanes.load(y)));
///         }
///         L::LEN
///     }
/// }
///
/// for isa in Isa::available() {
///     let mut y = [1.0; MAX_LEN];
///     let lanes = f32::dispatch(Selected::new(isa)?, DoubleAndAdd { x: &[3.0; MAX_LEN], y: &mut y });
///     assert_eq!((MAX_LEN % lanes, y), (0, [7.0; MAX_LEN]));
/// }
/// # Ok::<(), triplet_simd::Error>(())
/// ```
pub trait Kernel<T: Real> {
    /// What it returns.
    type Output;
    /// The kernel.
    fn run<L: Lanes<Real = T>>(self, lanes: L) -> Self::Output;
}

/// A token for one instruction set and element type. A value of it exists only where the CPU
/// was found to have the instructions, which its methods use. See the example of [`Kernel`].
pub trait Lanes: Copy {
    /// Element type.
    type Real: Real;
    /// Vector of elements.
    type Float: Copy;
    /// Vector of keys, as wide.
    type Keys: Copy;
    /// One truth value a lane.
    type Mask: Copy;
    /// Lanes in a vector.
    const LEN: usize;
    /// Vector registers.
    const REGISTERS: usize;
    /// Rows of the register tile.
    const TILE_ROWS: usize;
    /// Vectors across the register tile.
    const TILE_VECTORS: usize;
    /// Rows of a packed panel: a multiple of the tile's rows and of its columns.
    const PANEL: usize;

    /// Runs a kernel inside a function compiled for this instruction set.
    fn enter<K: Kernel<Self::Real>>(self, kernel: K) -> K::Output;
    /// Runs the register tile in this instruction set's shape, and `work` in between.
    fn tile<W: Overlap>(self, tile: Tile<'_, Self::Real>, work: &mut W);

    /// The value in every lane.
    fn splat(self, value: Self::Real) -> Self::Float;
    /// The first `LEN` elements; panics if there are fewer.
    fn load(self, from: &[Self::Real]) -> Self::Float;
    /// The `LEN` elements from an address on.
    ///
    /// # Safety
    /// `from` must be valid for reads of `LEN` elements.
    unsafe fn load_at(self, from: *const Self::Real) -> Self::Float;
    /// Writes the first `LEN` elements; panics if there are fewer.
    fn store(self, to: &mut [Self::Real], value: Self::Float);
    /// `a * b + c`, rounded once.
    fn fma(self, a: Self::Float, b: Self::Float, c: Self::Float) -> Self::Float;
    /// `a + b`.
    fn add(self, a: Self::Float, b: Self::Float) -> Self::Float;
    /// `a - b`.
    fn sub(self, a: Self::Float, b: Self::Float) -> Self::Float;
    /// `a * b`.
    fn mul(self, a: Self::Float, b: Self::Float) -> Self::Float;
    /// `a` where it is above zero, else positive zero.
    fn max0(self, a: Self::Float) -> Self::Float;

    /// One step of the chains of a register tile: `sums[r][v] = fma(rows[r], columns[v], sums[r][v])`.
    ///
    /// By default each element of `rows` is broadcast. Where an instruction multiplies by
    /// one lane of a vector, a lane type loads whole vectors of `rows` instead.
    ///
    /// # Safety
    /// `rows` must be valid for reads of `R` elements.
    #[inline(always)]
    unsafe fn add_outer_product<const R: usize, const V: usize>(
        self,
        rows: *const Self::Real,
        columns: &[Self::Float; V],
        sums: &mut [[Self::Float; V]; R],
    ) {
        for (r, sums) in sums.iter_mut().enumerate() {
            // SAFETY: `r < R`, and the caller upholds that `R` elements can be read.
            let x = self.splat(unsafe { *rows.add(r) });
            for v in 0..V {
                sums[v] = self.fma(x, columns[v], sums[v]);
            }
        }
    }

    /// The elements' bits.
    fn keys(self, value: Self::Float) -> Self::Keys;
    /// The elements with these bits.
    fn floats(self, keys: Self::Keys) -> Self::Float;
    /// The key in every lane.
    fn splat_key(self, key: <Self::Real as Real>::Key) -> Self::Keys;
    /// The first `LEN` keys; panics if there are fewer.
    fn load_keys(self, from: &[<Self::Real as Real>::Key]) -> Self::Keys;
    /// Writes the first `LEN` keys; panics if there are fewer.
    fn store_keys(self, to: &mut [<Self::Real as Real>::Key], keys: Self::Keys);
    /// `a - b`, wrapping.
    fn sub_keys(self, a: Self::Keys, b: Self::Keys) -> Self::Keys;
    /// The smaller, as unsigned integers.
    fn min_unsigned(self, a: Self::Keys, b: Self::Keys) -> Self::Keys;
    /// The larger, as signed integers.
    fn max_signed(self, a: Self::Keys, b: Self::Keys) -> Self::Keys;
    /// `a <= b`, as unsigned integers.
    fn at_most(self, a: Self::Keys, b: Self::Keys) -> Self::Mask;
    /// `a >= b`, as signed integers.
    fn at_least_signed(self, a: Self::Keys, b: Self::Keys) -> Self::Mask;
    /// `a == b`.
    fn equal(self, a: Self::Keys, b: Self::Keys) -> Self::Mask;
    /// Lanes that hold in both masks.
    fn and(self, a: Self::Mask, b: Self::Mask) -> Self::Mask;
    /// Lanes that hold in either mask.
    fn or(self, a: Self::Mask, b: Self::Mask) -> Self::Mask;
    /// `yes` where the mask holds, else `no`.
    fn select(self, mask: Self::Mask, yes: Self::Keys, no: Self::Keys) -> Self::Keys;
    /// Whether any lane holds.
    fn any(self, mask: Self::Mask) -> bool;
    /// One bit a lane, the first the lowest.
    fn bits(self, mask: Self::Mask) -> u32;

    /// Keeps in each lane the smaller key, unsigned, and its row; of equal keys the lower row.
    #[inline(always)]
    fn keep_nearer(self, key: Self::Keys, row: Self::Keys, least: &mut Self::Keys, kept: &mut Self::Keys) {
        let (reaches, ties) = (self.at_most(key, *least), self.equal(key, *least));
        let taken = self.select(ties, self.min_unsigned(*kept, row), row);
        *kept = self.select(reaches, taken, *kept);
        *least = self.min_unsigned(*least, key);
    }

    /// Keeps in each lane the larger key, signed, and its row; of equal keys the lower row.
    #[inline(always)]
    fn keep_farther(self, key: Self::Keys, row: Self::Keys, most: &mut Self::Keys, kept: &mut Self::Keys) {
        let (reaches, ties) = (self.at_least_signed(key, *most), self.equal(key, *most));
        let taken = self.select(ties, self.min_unsigned(*kept, row), row);
        *kept = self.select(reaches, taken, *kept);
        *most = self.max_signed(*most, key);
    }

    /// The first `LEN` words as keys, each split at its sixth bit: the upper and the lower part. Panics if there are
    /// fewer.
    #[inline(always)]
    fn load_split(self, from: &[u16]) -> [Self::Keys; 2] {
        let mut parts = [[<Self::Real as Real>::Key::ZERO; MAX_LEN]; 2];
        for (lane, &word) in from[..Self::LEN].iter().enumerate() {
            (parts[0][lane], parts[1][lane]) =
                (Key::from_row(u32::from(word >> 6)), Key::from_row(u32::from(word & 63)));
        }
        parts.map(|part| self.load_keys(&part))
    }

    /// For each lane, the element of a panel that its index names; panics if there is no whole panel. An index
    /// that is not below its length panics, or names an element that is unspecified.
    #[inline(always)]
    fn pick(self, panel: &[Self::Real], index: Self::Keys) -> Self::Float {
        let (mut places, mut picked) =
            ([<Self::Real as Real>::Key::ZERO; MAX_LEN], [Self::Real::ZERO; MAX_LEN]);
        self.store_keys(&mut places, index);
        for lane in 0..Self::LEN {
            picked[lane] = panel[places[lane].to_row() as usize];
        }
        self.load(&picked)
    }

    /// The same among the first `LEN` elements of a slice.
    #[inline(always)]
    fn pick_near(self, from: &[Self::Real], index: Self::Keys) -> Self::Float {
        self.pick(from, index)
    }

    /// [`Lanes::pick`] of keys.
    #[inline(always)]
    fn pick_keys(self, panel: &[<Self::Real as Real>::Key], index: Self::Keys) -> Self::Keys {
        let mut places = [<Self::Real as Real>::Key::ZERO; MAX_LEN];
        let mut picked = places;
        self.store_keys(&mut places, index);
        for lane in 0..Self::LEN {
            picked[lane] = panel[places[lane].to_row() as usize];
        }
        self.load_keys(&picked)
    }

    /// The smallest lane, unsigned.
    #[inline(always)]
    fn smallest(self, keys: Self::Keys) -> <Self::Real as Real>::Key {
        let mut lanes = [<Self::Real as Real>::Key::ZERO; MAX_LEN];
        self.store_keys(&mut lanes, keys);
        lanes[1..Self::LEN].iter().fold(lanes[0], |a, &b| a.min(b))
    }

    /// The elements of a slice shorter than a vector, then zeros.
    #[inline(always)]
    fn load_partial(self, from: &[Self::Real]) -> Self::Float {
        let mut lanes = [Self::Real::ZERO; MAX_LEN];
        lanes[..from.len()].copy_from_slice(from);
        self.load(&lanes)
    }

    /// Writes the first elements to a slice shorter than a vector.
    #[inline(always)]
    fn store_partial(self, to: &mut [Self::Real], value: Self::Float) {
        let mut lanes = [Self::Real::ZERO; MAX_LEN];
        self.store(&mut lanes, value);
        to.copy_from_slice(&lanes[..to.len()]);
    }
}

/// Runs a kernel, having checked at compile time what the kernels rely on in the shape of
/// the lanes. Every lane type is entered through here first.
#[inline(always)]
pub(crate) fn enter<L: Lanes, K: Kernel<L::Real>>(lanes: L, kernel: K) -> K::Output {
    const { check_shape::<L>() };
    lanes.enter(kernel)
}

/// Panics, and so does not compile in a constant, if a shape breaks what arrays and loops
/// assume. (The window of `search::buckets` is checked there.)
const fn check_shape<L: Lanes>() {
    assert!(L::LEN.is_power_of_two() && L::LEN <= MAX_LEN, "arrays of MAX_LEN hold a vector");
    assert!(MAX_LEN <= u32::BITS as usize, "`Lanes::bits` answers in 32 bits");
    assert!(L::TILE_ROWS <= MAX_TILE_ROWS, "arrays of MAX_TILE_ROWS hold the rows of a tile");
    let accumulators = L::TILE_ROWS * L::TILE_VECTORS;
    assert!(accumulators + L::TILE_VECTORS < L::REGISTERS, "a tile, its columns and a row fit the registers");
    let columns = L::TILE_VECTORS * L::LEN;
    assert!(
        L::PANEL.is_multiple_of(L::TILE_ROWS) && L::PANEL.is_multiple_of(columns),
        "panels are whole tiles"
    );
    assert!(
        L::PANEL <= MAX_PANEL_VECTORS * L::LEN,
        "arrays of MAX_PANEL_VECTORS hold a sum a row of a panel"
    );
    assert!(BLOCK_ROWS.is_multiple_of(L::PANEL), "blocks are whole panels");
    assert!(UNIT.is_multiple_of(L::PANEL), "units of shared searches are whole panels");
}
