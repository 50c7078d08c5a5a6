//! Hard negatives of whole data sets: exact, conditional, out of core, resumable.
//!
//! ```text
//! Rows (memory, file) ─► Plan ─► positives ─► thresholds ─► slabs × slabs, searched ─► Record ─► sink
//!                                                              └► kept from time to time (WorkFolder)
//! ```
//!
//! | where | what |
//! |---|---|
//! | [`Rows`] | where rows come from: memory ([`InMemory`]), a file ([`FileRows`]) |
//! | [`Request`], [`Side`] | what is asked |
//! | [`Job`] | the search: its plan, its steps, its state |
//! | [`NearestRows`] | the nearest rows of given ones, under bounds of each |
//! | [`Record`] | one negative of an anchor and a positive |
//! | [`WorkFolder`] | what a job keeps on disk, to go on after it was stopped |
#![forbid(unsafe_code)]

mod error;
mod job;
mod nearest;
mod record;
mod rows;
mod work;

pub use error::Error;
pub use job::{Control, Job, Plan, Progress, Request, Side, Sink, check_rows};
pub use nearest::{NearestRows, pair_distances};
pub use record::Record;
pub use rows::{Element, FileRows, FileState, InMemory, Rows};
pub use work::WorkFolder;

/// What every fallible function of this crate returns; see the example of [`Job`].
pub type Result<T> = core::result::Result<T, Error>;

/// The code in README.md, compiled and run as documentation tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
