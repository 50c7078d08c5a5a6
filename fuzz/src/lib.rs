//! Fuzz targets: functions from bytes to nothing, which panic where an oracle finds a fault.
//!
//! | target | what the bytes are | what must hold |
//! |---|---|---|
//! | `batch` | batches, losses, weights, engines' settings | every engine gives the reference's bits, or its error |
//! | `retrieval` | queries, references, ids, depths | the same of recall and precision |
//! | `ranks` | two ranks' batch, and what is changed of the second's messages | an error or an answer; the same bits where nothing is changed |
//! | `states` | a data set, when its job is stopped, and what is changed of its state | refused, or gone on with; the same records where nothing is changed |
//! | `config` | JSON | what was read, written and read again is equal |
//! | `tables` | a table, a format, damage | what was written is read; damage is an error or changes no shape |
//! | `text`, `json`, `arrays`, `columns` | a file | what was read, written in other formats and read again is equal |
//!
//! `cargo xtask fuzz --help` says how to run them; each has a corpus under `corpus/`.

mod config;
mod corpus;
mod engines;
#[cfg(feature = "files")]
mod files;
mod mutate;
mod ranks;
mod states;

pub use corpus::{Case, corpus, regressions};
pub use mutate::{Driver, Failure, check};

/// A target: from bytes to nothing, or a panic.
#[derive(Clone, Copy)]
pub struct Target {
    /// The name of its binary and of its folder in the corpus.
    pub name: &'static str,
    /// Runs one input.
    pub run: fn(&[u8]),
    /// Inputs to begin with: files, where the bytes are a file.
    pub seeds: fn() -> Vec<Vec<u8>>,
}

/// All targets.
pub const TARGETS: &[Target] = &[
    Target { name: "batch", run: engines::batch, seeds: engines::seeds },
    Target { name: "retrieval", run: engines::retrieval, seeds: engines::seeds },
    Target { name: "ranks", run: ranks::run, seeds: ranks::seeds },
    Target { name: "states", run: states::run, seeds: states::seeds },
    Target { name: "config", run: config::run, seeds: config::seeds },
    #[cfg(feature = "files")]
    Target { name: "tables", run: files::tables, seeds: engines::seeds },
    #[cfg(feature = "files")]
    Target { name: "text", run: files::text, seeds: files::text_seeds },
    #[cfg(feature = "files")]
    Target { name: "json", run: files::json, seeds: files::json_seeds },
    #[cfg(feature = "files")]
    Target { name: "arrays", run: files::arrays, seeds: files::array_seeds },
    #[cfg(feature = "files")]
    Target { name: "columns", run: files::columns, seeds: files::column_seeds },
];

/// The target of a name.
///
/// # Panics
/// There is none.
#[must_use]
pub fn target(name: &str) -> Target {
    let found = TARGETS.iter().find(|target| target.name == name);
    *found.unwrap_or_else(|| panic!("no target {name:?}"))
}

/// Runs one input of a target.
pub fn run(name: &str, bytes: &[u8]) {
    (target(name).run)(bytes);
}
