//! What anchors are compared with, where that is not their own batch.

use crate::{
    arrays::{Embeddings, Values, slice},
    errors::catch_panic,
};
use numpy::PyReadonlyArray1;
use pyo3::{
    exceptions::{PyTypeError, PyValueError},
    prelude::*,
};
use triplet_api::{Batch, Candidates, Element, Identity};

type Labels<'py> = PyReadonlyArray1<'py, i64>;

/// Labels `[N]`, rows `[N, D]`, the ids of anchors and candidates, and whether their gradient is wanted.
pub(crate) type Argument<'py> = (Labels<'py>, Embeddings<'py>, Option<(Labels<'py>, Labels<'py>)>, bool);

/// The same, borrowed; the rows in the type of the computation.
pub(crate) struct Against<'a> {
    labels: &'a [i64],
    values: Values<'a>,
    shape: [usize; 2],
    identity: Identity<'a>,
    gradient: bool,
}

impl<'a> Against<'a> {
    pub(crate) fn borrow((labels, embeddings, ids, gradient): &'a Argument<'_>) -> PyResult<Self> {
        let identity = match ids {
            None => Identity::Disjoint,
            Some((anchors, candidates)) => Identity::Ids {
                anchors: slice(anchors.as_slice())?,
                candidates: slice(candidates.as_slice())?,
            },
        };
        Ok(Self {
            labels: slice(labels.as_slice())?,
            values: embeddings.values()?,
            shape: embeddings.shape(),
            identity,
            gradient: *gradient,
        })
    }

    /// Rows and width.
    pub(crate) fn shape(&self) -> [usize; 2] {
        self.shape
    }

    /// Whether the gradient to them is wanted.
    pub(crate) fn with_gradient(&self) -> bool {
        self.gradient
    }

    /// The rows, if the computation is in f32.
    pub(crate) fn single(&self) -> PyResult<&[f32]> {
        match &self.values {
            Values::Float32(values) => Ok(values),
            Values::Float64(_) => Err(types_differ()),
        }
    }

    /// The rows, if it is in f64.
    pub(crate) fn double(&self) -> PyResult<&[f64]> {
        match &self.values {
            Values::Float32(_) => Err(types_differ()),
            Values::Float64(values) => Ok(values),
        }
    }

    /// The rows as a batch; errors name the side.
    pub(crate) fn batch<'b, T: Element>(&'b self, py: Python<'_>, rows: &'b [T]) -> PyResult<Batch<'b, T>> {
        py.detach(|| catch_panic(|| Ok(Batch::new(rows, self.shape[1], self.labels)?)))
            .map_err(|error| PyValueError::new_err(format!("in the candidates: {}", error.value(py))))
    }

    /// The batch as candidates.
    pub(crate) fn candidates<'b, T: Element>(&'b self, batch: &'b Batch<'b, T>) -> Candidates<'b, T> {
        Candidates { batch, identity: self.identity, gradient: self.gradient }
    }
}

fn types_differ() -> PyErr {
    PyTypeError::new_err("embeddings and candidates have different types: one is float64, the other is not")
}
