//! 128-bit vectors of the `wide` crate: SSE2, NEON, WebAssembly or plain scalars.
//!
//! `wide` fuses multiply and add only where the compile target has the
//! instruction. Elsewhere the f32 chain is emulated exactly (see
//! [`triplet_core::fma`]); f64 falls back to the scalar [`f64::mul_add`].

mod f32;
mod f64;
mod fma;

pub use f32::PortableF32;
pub use f64::PortableF64;

use super::{Kernel, Lanes};

/// Whether `wide`'s `mul_add` is one instruction, which rounds once.
const FUSED: bool = cfg!(any(
    all(target_arch = "aarch64", target_feature = "neon"),
    all(target_feature = "avx", target_feature = "fma")
));
