//! NumPy arrays as slices.

use half::{bf16, f16};
use numpy::{Element, PyArray2, PyReadonlyArray2, PyReadonlyArrayDyn, PyUntypedArrayMethods};
use pyo3::{exceptions::PyTypeError, prelude::*};
use std::borrow::Cow;

/// Embeddings of a type that can be computed, C-contiguous.
#[derive(FromPyObject)]
pub(crate) enum Embeddings<'py> {
    Single(PyReadonlyArray2<'py, f32>),
    Double(PyReadonlyArray2<'py, f64>),
    Half(PyReadonlyArray2<'py, f16>),
    /// The bits of bfloat16, for which NumPy has no type.
    Brain(PyReadonlyArray2<'py, u16>),
}

/// Numbers of any shape, C-contiguous.
pub(crate) type Doubles<'py> = PyReadonlyArrayDyn<'py, f64>;

/// Embeddings in the type that they are computed in.
pub(crate) enum Values<'a> {
    Single(Cow<'a, [f32]>),
    Double(&'a [f64]),
}

impl Embeddings<'_> {
    /// Their shape.
    pub(crate) fn shape(&self) -> [usize; 2] {
        let shape = match self {
            Self::Single(x) => x.shape(),
            Self::Double(x) => x.shape(),
            Self::Half(x) => x.shape(),
            Self::Brain(x) => x.shape(),
        };
        [shape[0], shape[1]]
    }

    /// Borrows f32 and f64; widens the rest exactly.
    pub(crate) fn values(&self) -> PyResult<Values<'_>> {
        Ok(match self {
            Self::Single(x) => Values::Single(Cow::Borrowed(slice(x.as_slice())?)),
            Self::Double(x) => Values::Double(slice(x.as_slice())?),
            Self::Half(x) => Values::Single(slice(x.as_slice())?.iter().map(|x| x.to_f32()).collect()),
            Self::Brain(x) => {
                Values::Single(slice(x.as_slice())?.iter().map(|&x| bf16::from_bits(x).to_f32()).collect())
            }
        })
    }
}

/// A borrowed slice, or what to say of an array that is none.
pub(crate) fn slice<T>(slice: Result<&[T], impl std::error::Error>) -> PyResult<&[T]> {
    slice.map_err(|_| PyTypeError::new_err("arrays must be C-contiguous and aligned"))
}

/// A matrix of zeros, to be written to.
pub(crate) fn matrix<'py, T: Element>(py: Python<'py>, [rows, width]: [usize; 2]) -> Bound<'py, PyArray2<T>> {
    PyArray2::zeros(py, [rows, width], false)
}
