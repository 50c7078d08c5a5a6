//! NumPy arrays as slices.

use crate::errors::exception;
use half::{bf16, f16};
use numpy::{
    Element, PyArray2, PyArrayDescrMethods, PyArrayMethods, PyReadonlyArray2, PyReadonlyArrayDyn,
    PyUntypedArray, PyUntypedArrayMethods,
};
use pyo3::{Borrowed, exceptions::PyTypeError, prelude::*, sync::PyOnceLock};
use std::borrow::Cow;
use triplet_api::reserve;

/// Embeddings of a type that can be computed, C-contiguous.
pub(crate) enum Embeddings<'py> {
    Single(PyReadonlyArray2<'py, f32>),
    Double(PyReadonlyArray2<'py, f64>),
    Half(PyReadonlyArray2<'py, f16>),
    /// The bits of bfloat16, for which NumPy has no type.
    Brain(PyReadonlyArray2<'py, u16>),
}

impl<'py> FromPyObject<'_, 'py> for Embeddings<'py> {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        let dtype = object.cast::<PyUntypedArray>()?.dtype();
        Ok(match (dtype.kind(), dtype.itemsize()) {
            (b'f', 8) => Self::Double(object.extract()?),
            (b'f', 2) => Self::Half(object.extract()?),
            (b'u', 2) => Self::Brain(object.extract()?),
            _ => Self::Single(object.extract()?),
        })
    }
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
            Self::Half(x) => widened(slice(x.as_slice())?, |x| x.to_f32())?,
            Self::Brain(x) => widened(slice(x.as_slice())?, |&x| bf16::from_bits(x).to_f32())?,
        })
    }
}

fn widened<'a, T>(values: &[T], widen: impl Fn(&T) -> f32) -> PyResult<Values<'a>> {
    let mut wide = reserve(values.len()).map_err(|e| exception(e.into()))?;
    wide.extend(values.iter().map(widen));
    Ok(Values::Single(Cow::Owned(wide)))
}

/// A borrowed slice, or what to say of an array that is none.
pub(crate) fn slice<T>(slice: Result<&[T], impl std::error::Error>) -> PyResult<&[T]> {
    slice.map_err(|_| PyTypeError::new_err("arrays must be C-contiguous and aligned"))
}

/// NumPy's own function, which raises where memory is lacking; the one of its C interface, as it
/// is wrapped, panics. Not `zeros`, which lets go of the interpreter meanwhile: where that is
/// ending, Python ends a thread that asks for it back, which aborts the process in the middle of
/// frames of Rust. (The `detach` of `pyo3` leaves such a thread waiting.)
static EMPTY: PyOnceLock<Py<PyAny>> = PyOnceLock::new();

/// A matrix to be written to, of whatever values.
///
/// # Errors
/// `MemoryError`.
pub(crate) fn matrix<'py, T: Element>(
    py: Python<'py>,
    [rows, width]: [usize; 2],
) -> PyResult<Bound<'py, PyArray2<T>>> {
    let empty = EMPTY.import(py, "numpy", "empty")?;
    Ok(empty.call1(((rows, width), T::get_dtype(py)))?.cast_into()?)
}

/// Does what is done once while there is an interpreter to do it in: an object's `__del__` may
/// make the first call when modules can no longer be imported.
pub(crate) fn prepare(py: Python<'_>) -> PyResult<()> {
    // NumPy's interface, and the table in which borrows are kept count of.
    let matrix = matrix::<f32>(py, [1, 1])?;
    matrix.try_readwrite().map(drop)?;
    matrix.try_readonly().map(drop)?;
    // PyO3 asks once, of a thread without the interpreter, whether there is one.
    py.detach(|| Python::attach(|_| ()));
    Ok(())
}
