//! The native module of the Python package `triplet_loss`: NumPy arrays in, NumPy arrays out.
//!
//! Argument types and framework semantics are handled in `python/triplet_loss`, the computation
//! in `triplet-api`; this crate converts between the two.
//!
//! | where | what |
//! |---|---|
//! | `plan` | a loss and a backend, parsed once |
//! | `against` | what anchors are compared with, where that is not their own batch |
//! | `engine` | the workspaces of a process, and what Python calls |
//! | `call`, `call_against` | one call: borrow arrays, release the interpreter, compute |
//! | `cores` | the default number of threads |
//! | `native_result` | the results of a call, copied from the workspace |
//! | `call_summary` | statistics and sampled distances of a loss's last call |
//! | `ranks` | one batch whose rows several processes hold |
//! | `nearest` | the nearest rows under conditions, for hard negatives |
//! | `retrieval` | recall@k, R-precision and MAP@R |
//! | `config` | the configurations of every TFA version |
//! | `timing` | the same call timed from Rust, to measure the overhead of Python |
//! | `errors` | errors and panics as exceptions |
#![forbid(unsafe_code)]

mod against;
mod arrays;
mod call;
mod call_against;
mod call_summary;
mod config;
mod cores;
mod engine;
mod errors;
mod native_result;
mod nearest;
mod plan;
mod ranks;
mod retrieval;
mod timing;

use pyo3::prelude::*;
use std::ffi::OsString;

/// Runs the command line program and returns its exit status.
#[pyfunction]
fn command_line(py: Python<'_>, program: Vec<OsString>, arguments: Vec<OsString>) -> u8 {
    py.detach(|| triplet_cli::main(&program, arguments))
}

/// The native module. All state is in its objects, none in the module, so that interpreters
/// without a global lock may use it from several threads.
#[pymodule(gil_used = false)]
mod _native {
    use pyo3::prelude::*;

    #[pymodule_export]
    use super::{
        call_summary::CallSummary, command_line, config::read_config, engine::Engine,
        errors::panic_on_purpose, native_result::NativeResult, plan::Plan, ranks::Rank,
    };

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        super::arrays::initialize_numpy(module.py())?;
        module.add("instruction_sets", triplet_api::Isa::ALL.map(triplet_api::Isa::name).to_vec())?;
        module.add("version", env!("CARGO_PKG_VERSION"))
    }
}
