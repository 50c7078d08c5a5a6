//! What a vector can do: exactly the operations that the kernels need.
//!
//! One file an instruction set; kernels are generic over [`Lanes`] and written once.

#[cfg(target_arch = "x86_64")]
pub mod avx2;
#[cfg(target_arch = "x86_64")]
pub mod avx512;
pub mod portable;

use crate::gram::tile::Tile;
use triplet_core::{Real, real::Key};

/// A kernel that runs on any lane type.
///
/// `run` must be `#[inline(always)]`, so that it is compiled with the instruction
/// set of the function that [`Lanes::enter`] calls it from.
pub trait Kernel<T: Real> {
    /// What it returns.
    type Output;
    /// The kernel.
    fn run<L: Lanes<Real = T>>(self, lanes: L) -> Self::Output;
}

/// A token for one instruction set and element type. Whoever holds it may use the
/// instructions: it is made only where the CPU is known to have them.
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
    /// Runs the register tile in this instruction set's shape.
    fn tile(self, tile: Tile<'_, Self::Real>);

    /// The value in every lane.
    fn splat(self, value: Self::Real) -> Self::Float;
    /// The first `LEN` elements; panics if there are fewer.
    fn load(self, from: &[Self::Real]) -> Self::Float;
    /// `LEN` elements.
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
    /// Both.
    fn and(self, a: Self::Mask, b: Self::Mask) -> Self::Mask;
    /// Either.
    fn or(self, a: Self::Mask, b: Self::Mask) -> Self::Mask;
    /// `yes` where the mask holds, else `no`.
    fn select(self, mask: Self::Mask, yes: Self::Keys, no: Self::Keys) -> Self::Keys;
    /// Whether any lane holds.
    fn any(self, mask: Self::Mask) -> bool;
    /// One bit a lane, the first the lowest.
    fn bits(self, mask: Self::Mask) -> u32;

    /// The smallest lane, unsigned.
    #[inline(always)]
    fn smallest(self, keys: Self::Keys) -> <Self::Real as Real>::Key {
        let mut lanes = [<Self::Real as Real>::Key::ZERO; 16];
        self.store_keys(&mut lanes, keys);
        lanes[1..Self::LEN].iter().fold(lanes[0], |a, &b| a.min(b))
    }

    /// The elements of a slice shorter than a vector, then zeros.
    #[inline(always)]
    fn load_partial(self, from: &[Self::Real]) -> Self::Float {
        let mut lanes = [Self::Real::ZERO; 16];
        lanes[..from.len()].copy_from_slice(from);
        self.load(&lanes)
    }

    /// Writes the first elements to a slice shorter than a vector.
    #[inline(always)]
    fn store_partial(self, to: &mut [Self::Real], value: Self::Float) {
        let mut lanes = [Self::Real::ZERO; 16];
        self.store(&mut lanes, value);
        to.copy_from_slice(&lanes[..to.len()]);
    }
}
