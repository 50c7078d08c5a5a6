//! The native half of the Python package `triplet_loss`: arrays in, arrays out.
//!
//! Nothing is decided here. What may be passed, and what it means to a framework, is in
//! `python/triplet_loss`; what is computed, in `triplet-api`.
//!
//! | where | what |
//! |---|---|
//! | `plan` | a loss and a backend, parsed once |
//! | `engine` | one call: borrow arrays, release the interpreter, compute |
//! | `cores` | how many threads, where nobody says |
//! | `outcome` | what a call gives |
//! | `record` | what a loss keeps of its last call |
//! | `retrieval` | recall and precision of a search |
//! | `config` | the configurations of every TFA |
//! | `timing` | the same call from Rust, to know what Python adds |
//! | `errors` | errors to exceptions; panics end here |
#![forbid(unsafe_code)]

mod arrays;
mod config;
mod cores;
mod engine;
mod errors;
mod outcome;
mod plan;
mod record;
mod retrieval;
mod timing;

use pyo3::prelude::*;
use std::ffi::OsString;

/// Runs the command line program; answers its exit status.
#[pyfunction]
fn command_line(py: Python<'_>, itself: Vec<OsString>, arguments: Vec<OsString>) -> u8 {
    py.detach(|| triplet_cli::main(&itself, arguments))
}

/// The native module. State is in its objects, so that interpreters without a global
/// lock may use it from several threads.
#[pymodule(gil_used = false)]
mod _native {
    use pyo3::prelude::*;

    #[pymodule_export]
    use super::{
        command_line, config::read_config, engine::Engine, errors::panic_on_purpose, outcome::Outcome,
        plan::Plan, record::Record,
    };

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        super::arrays::prepare(module.py())?;
        module.add("instruction_sets", triplet_api::Isa::ALL.map(triplet_api::Isa::name).to_vec())?;
        module.add("version", env!("CARGO_PKG_VERSION"))
    }
}
