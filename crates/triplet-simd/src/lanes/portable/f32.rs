//! The `f32` lanes.

use super::{FUSED, Kernel, Lanes, fma::fma_emulated};
use crate::gram::tile::{Overlap, Tile};
use wide::{f32x4, u32x4};

/// Four lanes of `f32`; see the example of [`Kernel`].
#[derive(Clone, Copy)]
pub struct PortableF32;

impl Lanes for PortableF32 {
    type Real = f32;
    type Float = f32x4;
    type Keys = u32x4;
    type Mask = u32x4;
    const LEN: usize = 4;
    const REGISTERS: usize = 16;
    const TILE_ROWS: usize = 4;
    const TILE_VECTORS: usize = 3;
    const PANEL: usize = 12;

    #[inline(always)]
    fn enter<K: Kernel<f32>>(self, kernel: K) -> K::Output {
        kernel.run(self)
    }
    #[inline(always)]
    fn tile<W: Overlap>(self, tile: Tile<'_, f32>, work: &mut W) {
        tile.run::<Self, W, 4, 3>(self, work);
    }
    #[inline(always)]
    fn splat(self, value: f32) -> f32x4 {
        f32x4::splat(value)
    }
    #[inline(always)]
    fn load(self, from: &[f32]) -> f32x4 {
        f32x4::new(*from.first_chunk().expect("a whole vector"))
    }
    #[inline(always)]
    unsafe fn load_at(self, from: *const f32) -> f32x4 {
        // SAFETY: the caller upholds that a vector can be read; arrays need no more
        // alignment than their elements.
        f32x4::new(unsafe { from.cast::<[f32; 4]>().read() })
    }
    #[inline(always)]
    fn store(self, to: &mut [f32], value: f32x4) {
        *to.first_chunk_mut().expect("a whole vector") = value.to_array();
    }
    #[inline(always)]
    fn fma(self, a: f32x4, b: f32x4, c: f32x4) -> f32x4 {
        if FUSED { a.mul_add(b, c) } else { fma_emulated(a, b, c) }
    }
    #[inline(always)]
    fn add(self, a: f32x4, b: f32x4) -> f32x4 {
        a + b
    }
    #[inline(always)]
    fn sub(self, a: f32x4, b: f32x4) -> f32x4 {
        a - b
    }
    #[inline(always)]
    fn mul(self, a: f32x4, b: f32x4) -> f32x4 {
        a * b
    }
    #[inline(always)]
    fn max0(self, a: f32x4) -> f32x4 {
        // `max` leaves the sign of zero open: compare and clear.
        f32x4::from_bits(a.to_bits() & a.simd_gt(f32x4::splat(0.0)).to_bits())
    }
    #[inline(always)]
    fn keys(self, value: f32x4) -> u32x4 {
        value.to_bits()
    }
    #[inline(always)]
    fn floats(self, keys: u32x4) -> f32x4 {
        f32x4::from_bits(keys)
    }
    #[inline(always)]
    fn splat_key(self, key: u32) -> u32x4 {
        u32x4::splat(key)
    }
    #[inline(always)]
    fn load_keys(self, from: &[u32]) -> u32x4 {
        u32x4::new(*from.first_chunk().expect("a whole vector"))
    }
    #[inline(always)]
    fn store_keys(self, to: &mut [u32], keys: u32x4) {
        *to.first_chunk_mut().expect("a whole vector") = keys.to_array();
    }
    #[inline(always)]
    fn sub_keys(self, a: u32x4, b: u32x4) -> u32x4 {
        a - b
    }
    #[inline(always)]
    fn min_unsigned(self, a: u32x4, b: u32x4) -> u32x4 {
        a.min(b)
    }
    #[inline(always)]
    fn max_signed(self, a: u32x4, b: u32x4) -> u32x4 {
        a.cast_signed().max(b.cast_signed()).cast_unsigned()
    }
    #[inline(always)]
    fn at_most(self, a: u32x4, b: u32x4) -> u32x4 {
        a.min(b).simd_eq(a)
    }
    #[inline(always)]
    fn at_least_signed(self, a: u32x4, b: u32x4) -> u32x4 {
        self.max_signed(a, b).simd_eq(a)
    }
    #[inline(always)]
    fn equal(self, a: u32x4, b: u32x4) -> u32x4 {
        a.simd_eq(b)
    }
    #[inline(always)]
    fn and(self, a: u32x4, b: u32x4) -> u32x4 {
        a & b
    }
    #[inline(always)]
    fn or(self, a: u32x4, b: u32x4) -> u32x4 {
        a | b
    }
    #[inline(always)]
    fn select(self, mask: u32x4, yes: u32x4, no: u32x4) -> u32x4 {
        mask.bitselect(yes, no)
    }
    #[inline(always)]
    fn any(self, mask: u32x4) -> bool {
        mask.any()
    }
    #[inline(always)]
    fn bits(self, mask: u32x4) -> u32 {
        mask.to_bitmask()
    }
}
