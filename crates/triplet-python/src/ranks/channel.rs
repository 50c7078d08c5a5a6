//! The exchange of one call, which goes through a Python object.

use super::Rank;
use crate::arrays::slice;
use numpy::PyReadonlyArray1;
use pyo3::{exceptions::PyValueError, prelude::*, types::PyByteArray};
use triplet_api::ranks::{Exchange, ExchangeError, Stage};

/// The exchange of one call.
pub(super) struct Channel<'a> {
    rank: &'a Rank,
    /// An exception that says nothing about ranks, such as an interrupt.
    pub(super) interrupted: Option<PyErr>,
}

impl<'a> Channel<'a> {
    pub(super) fn of(rank: &'a Rank) -> Self {
        Self { rank, interrupted: None }
    }

    /// The result, or the exception that ended the exchange.
    pub(super) fn finish<R>(self, result: PyResult<R>) -> PyResult<R> {
        match (result, self.interrupted) {
            (Err(_), Some(interrupted)) => Err(interrupted),
            (result, _) => result,
        }
    }

    /// Calls a method of the Python object.
    fn call(
        &mut self,
        out: &mut [u8],
        ask: impl FnOnce(&Bound<'_, PyAny>) -> PyResult<Py<PyAny>>,
    ) -> Result<(), ExchangeError> {
        Python::attach(|py| {
            let exchange = self.rank.exchange.bind(py);
            let copied = ask(exchange).and_then(|answer| {
                let answer = answer.bind(py).extract::<PyReadonlyArray1<'_, u8>>()?;
                let bytes = slice(answer.as_slice())?;
                if bytes.len() != out.len() {
                    let message = format!("the exchange gave {} bytes instead of {}", bytes.len(), out.len());
                    return Err(PyValueError::new_err(message));
                }
                out.copy_from_slice(bytes);
                Ok(())
            });
            copied.map_err(|error| {
                let ranks = error.value(py).getattr("ranks").and_then(|ranks| ranks.extract::<Vec<usize>>());
                let reason = error.value(py).to_string();
                if ranks.is_err() {
                    self.interrupted = Some(error);
                }
                ExchangeError { ranks: ranks.unwrap_or_default(), reason }
            })
        })
    }
}

impl Exchange for Channel<'_> {
    fn rank(&self) -> usize {
        self.rank.rank
    }

    fn ranks(&self) -> usize {
        self.rank.ranks
    }

    fn all_gather(
        &mut self,
        stage: Stage,
        own: &[u8],
        lengths: &[usize],
        all: &mut [u8],
    ) -> Result<(), ExchangeError> {
        self.call(all, |exchange| {
            let own = PyByteArray::new(exchange.py(), own);
            Ok(exchange.call_method1("all_gather", (stage.name(), own, lengths))?.unbind())
        })
    }

    fn all_to_all(
        &mut self,
        stage: Stage,
        (parts, lengths): (&[u8], &[usize]),
        (received, expected): (&mut [u8], &[usize]),
    ) -> Result<(), ExchangeError> {
        self.call(received, |exchange| {
            let parts = PyByteArray::new(exchange.py(), parts);
            Ok(exchange.call_method1("all_to_all", (stage.name(), parts, lengths, expected))?.unbind())
        })
    }
}
