//! Errors of the library to exceptions of Python.

use pyo3::{
    PyErr, PyResult,
    exceptions::{PyMemoryError, PyRuntimeError, PyValueError},
    pyfunction,
};
use std::panic::{AssertUnwindSafe, catch_unwind};
use triplet_api::{Error, ParError, SimdError};

/// A wrong argument is a `ValueError`; a machine that cannot is a `RuntimeError`, or a
/// `MemoryError` where it is memory that it lacks.
pub(crate) fn exception(error: Error) -> PyErr {
    let message = error.to_string();
    match error {
        Error::Simd(SimdError::OutOfMemory { .. }) => PyMemoryError::new_err(message),
        Error::Simd(_) | Error::Par(ParError::ThreadPool { .. }) => PyRuntimeError::new_err(message),
        _ => PyValueError::new_err(message),
    }
}

/// Runs `work`; a panic of ours becomes a `RuntimeError`, which programs may catch.
pub(crate) fn guarded<R>(work: impl FnOnce() -> triplet_api::Result<R>) -> PyResult<R> {
    // What a panic leaves half done is given up with its workspace.
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(result) => result.map_err(exception),
        Err(payload) => {
            let text = payload.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("no message");
            Err(PyRuntimeError::new_err(format!("a defect of triplet_loss, please report it: {text}")))
        }
    }
}

/// Panics inside, to test what Python sees of it.
#[pyfunction]
pub(crate) fn panic_on_purpose() -> PyResult<()> {
    guarded(|| panic!("on purpose"))
}
