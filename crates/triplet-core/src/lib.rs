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
//! From a batch to loss and gradient:
//!
//! ```
//! use triplet_core::{
//!     AnchorTerms, Batch, Distance, Engine, GradientScale, Objective, Problem, ProblemBuffers, Rule,
//!     Scalar, Triplets,
//! };
//!
//! // Four rows of width 1; rows 0 and 1 share a label.
//! let batch = Batch::new(&[0.0_f32, 1.0, 1.5, 3.0], 1, &[0, 0, 1, 2])?;
//! let objective = Objective { distance: Distance::L2, rule: Rule::SemiHard, margin: 1.0 };
//! let mut buffers = ProblemBuffers::default();
//! let problem = Problem::new(&batch, objective, &mut buffers)?;
//! assert_eq!((problem.positive_pairs(), problem.normalizer()), (2, 2.0));
//!
//! // Triplets and gradient by the scalar reference; the fast engines give the same bits.
//! let (mut triplets, mut gradient) = (Triplets::default(), [0.0; 4]);
//! let scale = GradientScale::new(problem.distance(), problem.normalizer(), 1.0, None);
//! Scalar.mine_and_gradient(&problem, &mut triplets, scale, &mut gradient)?;
//! assert_eq!(triplets.negatives, [2, 3]); // of anchors 0 and 1
//! assert_eq!(gradient, [-0.5, 1.5, -0.5, -0.5]);
//!
//! // The loss: the sum of all terms over the number of positive pairs.
//! let mut terms = AnchorTerms::default();
//! terms.rebuild(&problem, &triplets);
//! assert_eq!(terms.sums, [0.5, 0.0, 0.0, 0.0]); // 1 + 1 - 1.5 and 1 + 1 - 2
//! assert_eq!(terms.weighted_sum(None) / problem.normalizer(), 0.25);
//! # Ok::<(), triplet_core::Error>(())
//! ```
//!
//! This crate contains no SIMD, threads, memory limits, configuration, files or framework code.
#![forbid(unsafe_code)]

pub mod batch;
pub mod classes;
pub mod comparison;
pub mod distance;
pub mod engine;
pub mod error;
pub mod fma;
pub mod gradient_inputs;
mod matches;
mod names;
pub mod nearest;
pub mod points;
pub mod problem;
pub mod real;
pub mod reference;
pub mod retrieval;
pub mod rule;
pub mod shares;
pub mod slots;
pub mod terms;
pub mod triplets;

pub use batch::Batch;
pub use classes::Classes;
pub use comparison::{Comparison, Identity};
pub use distance::Distance;
pub use engine::{Engine, ExecutionInfo, ScreenedPairs};
pub use error::Error;
pub use gradient_inputs::{GradientInputs, GradientScale};
pub use matches::Matches;
pub use points::Points;
pub use problem::{Objective, Problem, ProblemBuffers};
pub use real::Real;
pub use reference::Scalar;
pub use rule::Rule;
pub use terms::{AnchorTerms, Statistics};
pub use triplets::{Triplet, TripletRows, Triplets};

/// What every fallible function of this crate returns; see the example of [`Error`].
pub type Result<T> = core::result::Result<T, Error>;

/// "No row": stands for the missing negative of an anchor that has none. See the example of
/// [`Triplets`].
pub const NO_ROW: u32 = u32::MAX;

/// The code in README.md, compiled and run as documentation tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
