//! NEON: 128-bit vectors, register tile of 8 rows by 3 vectors.
//!
//! 24 accumulators, 3 vectors of columns and the rows' vector fill 28 of the 32
//! registers. A multiply-add takes one of its factors from a lane of a register, so that
//! nothing is broadcast: eight `f32` rows are two loads, and a step of the chains is 24
//! multiply-adds for 5 loads (`f64`: for 7).

mod f32;
mod f64;

pub use f32::NeonF32;
pub use f64::NeonF64;

use super::{Kernel, Lanes};
