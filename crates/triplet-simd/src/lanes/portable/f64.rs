//! The `f64` lanes.

use super::{FUSED, Kernel, Lanes};
use crate::gram::tile::{Overlap, Tile};
use triplet_core::fma::fma_f64;
use wide::{f64x2, u64x2};

/// Two lanes of `f64`; see the example of [`Kernel`].
#[derive(Clone, Copy)]
pub struct PortableF64;

impl Lanes for PortableF64 {
    type Real = f64;
    type Float = f64x2;
    type Keys = u64x2;
    type Mask = u64x2;
    const LEN: usize = 2;
    const REGISTERS: usize = 16;
    const TILE_ROWS: usize = 3;
    const TILE_VECTORS: usize = 3;
    const PANEL: usize = 6;

    #[inline(always)]
    fn enter<K: Kernel<f64>>(self, kernel: K) -> K::Output {
        kernel.run(self)
    }
    #[inline(always)]
    fn tile<W: Overlap>(self, tile: Tile<'_, f64>, work: &mut W) {
        tile.run::<Self, W, 3, 3>(self, work);
    }
    #[inline(always)]
    fn splat(self, value: f64) -> f64x2 {
        f64x2::splat(value)
    }
    #[inline(always)]
    fn load(self, from: &[f64]) -> f64x2 {
        f64x2::new(*from.first_chunk().expect("a whole vector"))
    }
    #[inline(always)]
    unsafe fn load_at(self, from: *const f64) -> f64x2 {
        // SAFETY: the caller upholds that a vector can be read; arrays need no more
        // alignment than their elements.
        f64x2::new(unsafe { from.cast::<[f64; 2]>().read() })
    }
    #[inline(always)]
    fn store(self, to: &mut [f64], value: f64x2) {
        *to.first_chunk_mut().expect("a whole vector") = value.to_array();
    }
    #[inline(always)]
    fn fma(self, a: f64x2, b: f64x2, c: f64x2) -> f64x2 {
        if FUSED {
            return a.mul_add(b, c);
        }
        let ([a0, a1], [b0, b1], [c0, c1]) = (a.to_array(), b.to_array(), c.to_array());
        f64x2::new([fma_f64(a0, b0, c0), fma_f64(a1, b1, c1)])
    }
    #[inline(always)]
    fn add(self, a: f64x2, b: f64x2) -> f64x2 {
        a + b
    }
    #[inline(always)]
    fn sub(self, a: f64x2, b: f64x2) -> f64x2 {
        a - b
    }
    #[inline(always)]
    fn mul(self, a: f64x2, b: f64x2) -> f64x2 {
        a * b
    }
    #[inline(always)]
    fn max0(self, a: f64x2) -> f64x2 {
        // `max` leaves the sign of zero open: compare and clear.
        f64x2::from_bits(a.to_bits() & a.simd_gt(f64x2::splat(0.0)).to_bits())
    }
    #[inline(always)]
    fn keys(self, value: f64x2) -> u64x2 {
        value.to_bits()
    }
    #[inline(always)]
    fn floats(self, keys: u64x2) -> f64x2 {
        f64x2::from_bits(keys)
    }
    #[inline(always)]
    fn splat_key(self, key: u64) -> u64x2 {
        u64x2::splat(key)
    }
    #[inline(always)]
    fn load_keys(self, from: &[u64]) -> u64x2 {
        u64x2::new(*from.first_chunk().expect("a whole vector"))
    }
    #[inline(always)]
    fn store_keys(self, to: &mut [u64], keys: u64x2) {
        *to.first_chunk_mut().expect("a whole vector") = keys.to_array();
    }
    #[inline(always)]
    fn sub_keys(self, a: u64x2, b: u64x2) -> u64x2 {
        a - b
    }
    #[inline(always)]
    fn min_unsigned(self, a: u64x2, b: u64x2) -> u64x2 {
        a.min(b)
    }
    #[inline(always)]
    fn max_signed(self, a: u64x2, b: u64x2) -> u64x2 {
        a.cast_signed().max(b.cast_signed()).cast_unsigned()
    }
    #[inline(always)]
    fn at_most(self, a: u64x2, b: u64x2) -> u64x2 {
        a.min(b).simd_eq(a)
    }
    #[inline(always)]
    fn at_least_signed(self, a: u64x2, b: u64x2) -> u64x2 {
        self.max_signed(a, b).simd_eq(a)
    }
    #[inline(always)]
    fn equal(self, a: u64x2, b: u64x2) -> u64x2 {
        a.simd_eq(b)
    }
    #[inline(always)]
    fn and(self, a: u64x2, b: u64x2) -> u64x2 {
        a & b
    }
    #[inline(always)]
    fn or(self, a: u64x2, b: u64x2) -> u64x2 {
        a | b
    }
    #[inline(always)]
    fn select(self, mask: u64x2, yes: u64x2, no: u64x2) -> u64x2 {
        mask.bitselect(yes, no)
    }
    #[inline(always)]
    fn any(self, mask: u64x2) -> bool {
        mask.any()
    }
    #[inline(always)]
    fn bits(self, mask: u64x2) -> u32 {
        mask.to_bitmask()
    }
}
