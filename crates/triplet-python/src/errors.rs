//! Errors and panics of the library as Python exceptions.

use pyo3::{
    PyErr, PyResult,
    exceptions::{PyMemoryError, PyRuntimeError, PyValueError},
    pyfunction,
};
use std::panic::{AssertUnwindSafe, catch_unwind};
use triplet_api::{Error, ParError, SimdError, ranks::RankError};

/// A `ValueError` for a wrong argument, a `MemoryError` for an allocation that failed or a budget that is too small, a
/// `RuntimeError` for a missing or faulty instruction set for threads that cannot be started, and for
/// ranks that are lost.
pub(crate) fn to_exception(error: Error) -> PyErr {
    let message = error.to_string();
    match error {
        Error::Simd(SimdError::OutOfMemory { .. })
        | Error::MemoryBudget { .. }
        | Error::TripletsNotKept { .. } => PyMemoryError::new_err(message),
        Error::Simd(_)
        | Error::Par(ParError::ThreadPool { .. })
        | Error::Rank(RankError::Lost { .. } | RankError::Stopped { .. } | RankError::Damaged { .. }) => {
            PyRuntimeError::new_err(message)
        }
        _ => PyValueError::new_err(message),
    }
}

/// Runs `work`; a panic becomes a `RuntimeError`, which programs may catch.
pub(crate) fn catch_panic<R>(work: impl FnOnce() -> triplet_api::Result<R>) -> PyResult<R> {
    // Unwind safety: the workspace in use is dropped during unwinding, not returned to its pool.
    catch_panic_of(work)?.map_err(to_exception)
}

/// The same of work with errors of its own.
pub(crate) fn catch_panic_of<R>(work: impl FnOnce() -> R) -> PyResult<R> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(result) => Ok(result),
        Err(payload) => {
            let text = payload.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("no message");
            Err(PyRuntimeError::new_err(format!("a defect of triplet_loss, please report it: {text}")))
        }
    }
}

/// An error of a search over a data set.
pub(crate) fn dataset_exception(error: triplet_dataset::Error) -> PyErr {
    let message = error.to_string();
    match error {
        triplet_dataset::Error::Memory { .. } => PyMemoryError::new_err(message),
        _ => PyValueError::new_err(message),
    }
}

/// Panics, to test the conversion to an exception.
#[pyfunction]
pub(crate) fn panic_on_purpose() -> PyResult<()> {
    catch_panic(|| panic!("on purpose"))
}
