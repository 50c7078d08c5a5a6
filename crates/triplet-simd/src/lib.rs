//! Fused Gram-matrix tiles, mined in place by SIMD masked minimum search.
//!
//! The upper triangle of the Gram matrix is walked in blocks that fit the L1
//! cache. Each inner product is one fused multiply-add chain in its own lane; the
//! block is turned into distances and searched twice, for its rows and for its
//! columns, and forgotten. No `B x B` matrix exists at any time.
//!
//! | where | what |
//! |---|---|
//! | [`lanes`] | what a vector can do, one file an instruction set |
//! | [`isa`] | which instruction sets this CPU has, and the choice among them |
//! | `pack`, `tile`, `block` | rows to panels to Gram tiles to distance keys |
//! | `search` | the masked minimum over rows and over columns of a block |
//! | `stages` | the passes over a batch, each cut into independent pieces |
//! | [`floats`] | the floating-point mode that all of it needs |
//! | [`engine`] | the stages in order; [`executor`] decides who runs the pieces |

pub mod engine;
pub mod executor;
pub mod floats;
pub mod isa;
pub mod lanes;
pub mod peak;
#[doc(hidden)]
pub mod probe;

mod aligned;
mod block;
mod chain;
mod distances;
mod layout;
mod pack;
mod pass;
mod scratch;
mod search;
mod stages;
mod tile;

pub use engine::Fused;
pub use executor::{Executor, Inline};
pub use isa::{Element, Isa, Selected};
