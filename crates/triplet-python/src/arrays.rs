//! NumPy arrays as slices.

use crate::errors::to_exception;
use half::{bf16, f16};
use numpy::{
    Element, PyArray2, PyArrayDescrMethods, PyArrayMethods, PyReadonlyArray2, PyReadonlyArrayDyn,
    PyUntypedArray, PyUntypedArrayMethods,
};
use pyo3::{Borrowed, exceptions::PyTypeError, prelude::*, sync::PyOnceLock};
use std::borrow::Cow;
use triplet_api::reserve;

/// C-contiguous embeddings of a supported type.
pub(crate) enum Embeddings<'py> {
    Float32(PyReadonlyArray2<'py, f32>),
    Float64(PyReadonlyArray2<'py, f64>),
    Float16(PyReadonlyArray2<'py, f16>),
    /// The bits of bfloat16, for which NumPy has no type.
    BFloat16(PyReadonlyArray2<'py, u16>),
}

impl<'py> FromPyObject<'_, 'py> for Embeddings<'py> {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        let dtype = object.cast::<PyUntypedArray>()?.dtype();
        Ok(match (dtype.kind(), dtype.itemsize()) {
            (b'f', 8) => Self::Float64(object.extract()?),
            (b'f', 2) => Self::Float16(object.extract()?),
            (b'u', 2) => Self::BFloat16(object.extract()?),
            _ => Self::Float32(object.extract()?),
        })
    }
}

/// C-contiguous float64 numbers of any shape.
pub(crate) type Float64Array<'py> = PyReadonlyArrayDyn<'py, f64>;

/// Embeddings in the type of the computation.
pub(crate) enum Values<'a> {
    Float32(Cow<'a, [f32]>),
    Float64(&'a [f64]),
}

impl Embeddings<'_> {
    /// Rows and width.
    pub(crate) fn shape(&self) -> [usize; 2] {
        let shape = match self {
            Self::Float32(x) => x.shape(),
            Self::Float64(x) => x.shape(),
            Self::Float16(x) => x.shape(),
            Self::BFloat16(x) => x.shape(),
        };
        [shape[0], shape[1]]
    }

    /// Borrows f32 and f64; converts f16 and bf16 to f32, which is exact.
    pub(crate) fn values(&self) -> PyResult<Values<'_>> {
        Ok(match self {
            Self::Float32(x) => Values::Float32(Cow::Borrowed(slice(x.as_slice())?)),
            Self::Float64(x) => Values::Float64(slice(x.as_slice())?),
            Self::Float16(x) => widen_all(slice(x.as_slice())?, |x| x.to_f32())?,
            Self::BFloat16(x) => widen_all(slice(x.as_slice())?, |&x| bf16::from_bits(x).to_f32())?,
        })
    }
}

fn widen_all<'a, T>(values: &[T], widen: impl Fn(&T) -> f32) -> PyResult<Values<'a>> {
    let mut wide = reserve(values.len()).map_err(|error| to_exception(error.into()))?;
    wide.extend(values.iter().map(widen));
    Ok(Values::Float32(Cow::Owned(wide)))
}

/// A slice over an array, or the exception for one that is not contiguous and aligned.
pub(crate) fn slice<T>(slice: Result<&[T], impl std::error::Error>) -> PyResult<&[T]> {
    slice.map_err(|_| PyTypeError::new_err("arrays must be C-contiguous and aligned"))
}

/// `numpy.empty`, which raises `MemoryError` if the allocation fails; the wrapper of NumPy's C
/// interface panics instead. `numpy.zeros` would release the interpreter's lock meanwhile: if the
/// interpreter is finalizing, Python ends the thread that requests the lock again, which aborts the
/// process if there are frames of Rust on its stack. (`detach` of `pyo3` blocks such a thread.)
static EMPTY: PyOnceLock<Py<PyAny>> = PyOnceLock::new();

/// A new matrix with unspecified values, to be written to.
///
/// # Errors
/// `MemoryError`.
pub(crate) fn empty_matrix<'py, T: Element>(
    py: Python<'py>,
    [rows, width]: [usize; 2],
) -> PyResult<Bound<'py, PyArray2<T>>> {
    let empty = EMPTY.import(py, "numpy", "empty")?;
    Ok(empty.call1(((rows, width), T::get_dtype(py)))?.cast_into()?)
}

/// Does all lazy initialization when the module is imported: the first call may come from a
/// `__del__` during shutdown, when modules can no longer be imported.
pub(crate) fn initialize_numpy(py: Python<'_>) -> PyResult<()> {
    // NumPy's C interface, and the table in which the `numpy` crate counts borrows.
    let matrix = empty_matrix::<f32>(py, [1, 1])?;
    matrix.try_readwrite().map(drop)?;
    matrix.try_readonly().map(drop)?;
    // PyO3's check that an interpreter exists, made by the first thread that attaches to it.
    py.detach(|| Python::attach(|_| ()));
    Ok(())
}
