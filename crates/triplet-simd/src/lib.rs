//! Fused Gram-matrix tiles, mined in place by SIMD masked minimum search.
//!
//! The upper triangle of the Gram matrix is walked in blocks that fit the L1
//! cache. Each inner product is one fused multiply-add chain in its own lane; the
//! block is turned into distances and searched twice, for its rows and for its
//! columns, and forgotten. No `B x B` matrix exists at any time.
//!
//! | where | what |
//! |---|---|
//! | [`cpu`] | instruction sets, the choice among them, the floating-point mode, the FMA peak |
//! | [`lanes`] | the operations of a vector, one file an instruction set |
//! | `gram` | rows to panels to register tiles to distance keys of a block |
//! | `screening` | pairs ruled out by distances to 16 bits, with a proved bound |
//! | `search` | the masked minimum over rows and over columns of a block; buckets |
//! | `mining` | the passes over a batch, in order |
//! | `against` | both for anchors that are not the candidates |
//! | `nearest` | the same for candidates that come a portion at a time, several kept for each threshold |
//! | `gradient` | triplets to coefficients to gradient rows |
//! | `shares` | what several ranks found, put together |
//! | `parts` | both for triplets that are not kept, within a number of bytes |
//! | `retrieval` | the nearest rows of every query |
//! | [`engine`] | the engine: an [`executor`], which runs the pieces, and the state of the passes |
//! | [`memory`] | allocations that return an error where the allocator refuses them |

pub mod cpu;
pub mod engine;
mod error;
pub mod executor;
pub mod lanes;
pub mod memory;
#[doc(hidden)]
pub mod stage_bench;

mod against;
mod gradient;
mod gram;
mod inlined;
mod mining;
mod nearest;
mod parts;
mod passes;
mod retrieval;
mod scratch;
mod screening;
mod search;
mod shares;
mod state;
#[cfg(test)]
mod tests;

pub use cpu::{float_mode, fma_peak, isa};
pub use engine::Fused;
pub use error::Error;
pub use executor::{Executor, Inline};
pub use gradient::MOST_LISTED_CHOICES;
pub use isa::{Element, Isa, Selected};
pub use screening::Screening;

/// What every fallible function of this crate returns; see the example of [`Error`].
pub type Result<T> = core::result::Result<T, Error>;

/// The code in README.md, compiled and run as documentation tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
