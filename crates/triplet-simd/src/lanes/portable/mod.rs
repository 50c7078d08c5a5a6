//! 128-bit vectors of the `wide` crate: SSE2, NEON, WebAssembly or plain scalars.
//!
//! `wide` fuses multiply and add only where the compile target has the
//! instruction. Elsewhere the f32 chain is emulated exactly (see
//! [`triplet_core::fma`]); f64 falls back to the scalar [`f64::mul_add`].

use super::{Kernel, Lanes};
use crate::gram::tile::Tile;
use triplet_core::fma::fma_f64;
use wide::{f32x4, f64x2, u32x4, u64x2};

/// Four lanes of `f32`; see the example of [`Kernel`].
#[derive(Clone, Copy)]
pub struct PortableF32;

/// Two lanes of `f64`; see the example of [`Kernel`].
#[derive(Clone, Copy)]
pub struct PortableF64;

/// Whether `wide`'s `mul_add` is one instruction, which rounds once.
const FUSED: bool = cfg!(any(
    all(target_arch = "aarch64", target_feature = "neon"),
    all(target_feature = "avx", target_feature = "fma")
));

/// `a * b + c` of two f32 lanes held in f64: product exact, sum rounded to odd, so
/// that the caller's narrowing is the only rounding that counts.
#[inline(always)]
fn fma_to_odd(a: [f32; 2], b: [f32; 2], c: [f32; 2]) -> f64x2 {
    let widen = |v: [f32; 2]| f64x2::new([f64::from(v[0]), f64::from(v[1])]);
    let (product, c) = (widen(a) * widen(b), widen(c));
    let sum = product + c;
    let back = sum - product;
    let error = (product - (sum - back)) + (c - back);
    // Inexact and even: one step towards the exact value. Its direction in bits is
    // up where error and sum agree in sign: the top bit of their xor is then clear.
    let (bits, one) = (sum.to_bits(), u64x2::splat(1));
    let inexact = !error.simd_eq(f64x2::splat(0.0)).to_bits();
    // All ones where the last bit is 0: SSE2 cannot compare 64-bit integers.
    let even = (bits & one) - one;
    let opposed = (error.to_bits() ^ bits) >> 63u32;
    let step = one - (opposed + opposed);
    f64x2::from_bits(bits + (step & inexact & even))
}

#[inline(always)]
fn fma_emulated(a: f32x4, b: f32x4, c: f32x4) -> f32x4 {
    let ([a0, a1, a2, a3], [b0, b1, b2, b3], [c0, c1, c2, c3]) = (a.to_array(), b.to_array(), c.to_array());
    let low = fma_to_odd([a0, a1], [b0, b1], [c0, c1]).to_array();
    let high = fma_to_odd([a2, a3], [b2, b3], [c2, c3]).to_array();
    f32x4::new([low[0] as f32, low[1] as f32, high[0] as f32, high[1] as f32])
}

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
    fn tile(self, tile: Tile<'_, f32>) {
        tile.run::<Self, 4, 3>(self);
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
    fn tile(self, tile: Tile<'_, f64>) {
        tile.run::<Self, 3, 3>(self);
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
