//! Types, rules and arithmetic of the triplet-loss engine.
//!
//! Data flows one way through this crate:
//!
//! ```text
//! slices, ndarray views ─► Batch ─► Problem ────────► Triplets ──► AnchorTerms ─► loss
//!                          (valid)  (anchors ×        (one a slot,
//!                                    candidates ×      terms        └► GradientInputs ─► gradient
//!                                    objective)        evaluated)
//! ```
//!
//! Every output is *defined* here as one fixed chain of correctly rounded
//! operations ([`distance`], [`rule`], `docs/numerics.md`); [`mod@reference`] states mining, gradient
//! and retrieval in the plainest code. The fast engines of the other crates produce the
//! same bits, because they may only change the order in which *independent*
//! results are computed.
//!
//! This crate knows nothing of SIMD, threads, memory limits, configuration, files or frameworks.
#![forbid(unsafe_code)]

pub mod batch;
pub mod classes;
pub mod comparison;
pub mod distance;
pub mod engine;
pub mod error;
pub mod fma;
pub mod gradient_inputs;
mod names;
pub mod points;
pub mod problem;
pub mod real;
pub mod reference;
pub mod retrieval;
pub mod rule;
pub mod slots;
pub mod terms;
pub mod triplets;

pub use batch::Batch;
pub use classes::Classes;
pub use comparison::{Comparison, Identity};
pub use distance::Distance;
pub use engine::{Engine, ExecutionInfo};
pub use error::Error;
pub use gradient_inputs::{GradientInputs, GradientScale};
pub use points::Points;
pub use problem::{Objective, Problem, ProblemBuffers};
pub use real::Real;
pub use reference::Scalar;
pub use rule::Rule;
pub use terms::{AnchorTerms, Statistics};
pub use triplets::{Triplet, Triplets};

/// What every fallible function of this crate returns.
pub type Result<T> = core::result::Result<T, Error>;

/// "No row": stands for the missing negative of an anchor that has none.
pub const NO_ROW: u32 = u32::MAX;

/// The code in README.md, compiled and run as documentation tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
