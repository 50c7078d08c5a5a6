//! What every backend is tested with: one table of cases, one generator of
//! batches, one list of engines, one comparison. Not published.
#![forbid(unsafe_code)]

pub mod against;
pub mod batches;
pub mod checks;
pub mod compare;
mod cramped;
pub mod digests;
pub mod edges;
pub mod engines;
pub mod golden;
pub mod inputs;
pub mod mining;
pub mod nearest;
pub mod ranks;

pub use against::Rectangle;
pub use batches::{Sample, sample};
pub use compare::{Answer, answer};
pub use engines::{Contender, contenders};
pub use nearest::NearestCase;
pub use ranks::Cut;
