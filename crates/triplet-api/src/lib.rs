//! Triplet losses with the rule, the defaults and the configuration of TensorFlow
//! Addons, for any CPU.
//!
//! ```
//! use triplet_api::{Batch, Distance, Loss, TripletSemiHardLoss, Workspace};
//!
//! // Four rows of width 1, two of them in one class.
//! let batch = Batch::new(&[0.0_f32, 1.0, 1.5, 3.0], 1, &[0, 0, 1, 2])?;
//! let mut workspace = Workspace::default();
//! let loss = TripletSemiHardLoss { distance: Distance::L2, ..Default::default() };
//! let result = loss.evaluate(&batch, &mut workspace)?;
//!
//! // Anchor 0: 1 + 1 - 1.5, anchor 1: 1 + 1 - 2, over two positive pairs.
//! assert_eq!(result.loss(), 0.25);
//! assert_eq!(result.statistics().positive_pairs, 2);
//! assert_eq!(result.gradient().len(), 4);
//! # Ok::<(), triplet_api::Error>(())
//! ```
//!
//! | where | what |
//! |---|---|
//! | [`Loss`], [`TripletSemiHardLoss`], [`TripletHardLoss`] | what is computed |
//! | [`Workspace`], [`Backend`] | what computes it, and its memory |
//! | [`Workspaces`] | the same for callers on several threads |
//! | [`Evaluation`] | loss, gradient, triplets and statistics |
//! | [`Reduction`], [`Weights`] | how rows are weighed and summed |
//! | [`ranks`] | one batch whose rows several processes hold |
//! | [`retrieval`] | recall@k, precision@1 and MAP@R of embeddings |
//! | [`config`] | reading and writing the configuration of TFA |
#![forbid(unsafe_code)]

pub mod backend;
mod budget;
pub mod config;
mod error;
mod evaluation;
mod gram;
mod loss;
mod memory;
mod memory_bank;
mod overflow;
pub mod ranks;
mod reduction;
pub mod retrieval;
mod run;
mod workspace;
mod workspaces;

pub use backend::{Backend, BackendOptions};
pub use config::Config;
pub use error::Error;
pub use evaluation::Evaluation;
pub use gram::Gram;
pub use loss::{Candidates, Inputs, Loss, LossSpec, TripletHardLoss, TripletSemiHardLoss};
pub use memory::MemoryLimits;
pub use memory_bank::MemoryBank;
pub use reduction::{Reduction, Weights};
pub use retrieval::Retrieval;
pub use triplet_core::{
    Batch, Distance, Engine, Error as CoreError, ExecutionInfo, Identity, Objective, Real, Rule,
    ScreenedPairs, Statistics, Triplet, TripletRows,
};
pub use triplet_par::Error as ParError;
pub use triplet_simd::{Element, Error as SimdError, Isa, memory::reserve};
pub use workspace::Workspace;
pub use workspaces::Workspaces;

/// What every fallible function of this crate returns; see the example of [`Error`].
pub type Result<T> = core::result::Result<T, Error>;

/// The code in README.md, compiled and run as documentation tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
