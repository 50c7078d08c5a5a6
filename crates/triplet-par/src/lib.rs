//! The fused engine on many threads.
//!
//! The triangle of blocks is handed out piece by piece to the next thread that is free;
//! every piece writes to a place of its own, or to its worker's own table of
//! bests, which are merged by a rule that does not depend on their order. So any
//! number of threads gives the same bits.
//!
//! [`Rayon`] is the executor, which owns the threads; [`Parallel`] is the engine, which chooses
//! how many of them a batch uses; [`Pool`] is what it asks of other executors.
#![forbid(unsafe_code)]

mod engine;
mod error;
mod pool;
mod rayon_executor;

pub use engine::Parallel;
pub use error::Error;
pub use pool::Pool;
pub use rayon_executor::Rayon;

/// What every fallible function of this crate returns; see the example of [`Error`].
pub type Result<T> = core::result::Result<T, Error>;

/// The code in README.md, compiled and run as documentation tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
