//! Types, rules and arithmetic of the triplet-loss engine.
//!
//! Data flows one way through this crate:
//!
//! ```text
//! slices, ndarray views ─► Batch ─► Problem ─► Mined ─────► AnchorTerms ─► loss
//!                          (valid)  (rows,     (who with whom,
//!                                    classes)   judged) └► Choices ─► Coefficients ─► gradient
//! ```
//!
//! Every output is *defined* here as one fixed chain of correctly rounded
//! operations ([`distance`], [`rule`], [`gradient`]); [`mod@reference`] states the
//! search in the fewest words. The fast backends of the other crates produce the
//! same bits, because they may only change the order in which *independent*
//! results are computed.
//!
//! This crate knows nothing of SIMD, threads, files or frameworks.
#![forbid(unsafe_code)]

pub mod batch;
pub mod choices;
pub mod classes;
pub mod coefficients;
pub mod crew;
pub mod distance;
pub mod engine;
pub mod error;
pub mod fma;
pub mod gradient;
pub mod memory;
pub mod mined;
pub mod problem;
pub mod pull;
pub mod real;
pub mod reference;
pub mod retrieval;
pub mod rule;
pub mod tally;
pub mod terms;

pub use batch::Batch;
pub use classes::Classes;
pub use coefficients::Coefficients;
pub use distance::Distance;
pub use engine::{Engine, Executed};
pub use error::Error;
pub use mined::{Mined, Triplet};
pub use problem::{Limits, Problem, ProblemSpace, Question};
pub use real::Real;
pub use reference::Scalar;
pub use rule::Rule;
pub use terms::{AnchorTerms, Statistics};

/// What every fallible function of this workspace's libraries returns.
pub type Result<T> = core::result::Result<T, Error>;

/// "No row": stands for the missing negative of an anchor that has none.
pub const NO_ROW: u32 = u32::MAX;
