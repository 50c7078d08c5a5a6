//! The benchmarks of triplet as data: which batches are measured, the digest that their answer must
//! have, and the engines, ours and others, that they are measured with.
//!
//! Definitions are TOML files under `definitions/`, compiled in; other engines are a Python package
//! under `engines/`, compiled in as text. `README.md` describes the keys, the digest and the protocol.
//!
//! ```
//! use triplet_api::{Backend, BackendOptions};
//!
//! let benchmarks = triplet_benchmarks::built_in()?;
//! let smallest = benchmarks.iter().min_by_key(|it| it.shape.rows * it.shape.width).expect("some");
//! let options = BackendOptions { backend: Backend::Scalar, ..BackendOptions::default() };
//! let digest = smallest.answer(options)?;
//! smallest.verify(digest, "scalar")?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

mod benchmark;
mod digest;
pub mod engines;
mod error;
mod file;
mod input;
mod shape;
mod source;

pub use benchmark::{Benchmark, ElementType};
pub use digest::Digest;
pub use error::{Error, Result};
pub use input::{input, widened};
pub use shape::{Shape, Spread};
pub use source::{TYPICAL, built_in, read};
