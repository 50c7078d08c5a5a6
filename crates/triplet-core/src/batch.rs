//! Validated input: embeddings `[B, D]` and labels `[B]`, checked once.

use crate::{Error, Real, Result, real::Key};
use half::{bf16, f16};
use ndarray::{ArrayView, ArrayView1, Dimension};
use std::borrow::Cow;

/// A validated batch: `B` embedding rows of width `D`, row-major, and one label a row.
///
/// Every component is finite, and no squared distance between two rows can overflow.
/// `B` may be 0 or 1; `D` is at least 1. Contiguous input is borrowed, never copied.
///
/// ```
/// let batch = triplet_core::Batch::new(&[0.0_f32, 1.0, 1.5, 3.0], 1, &[0, 0, 1, 2])?;
/// assert_eq!((batch.rows(), batch.width()), (4, 1));
///
/// let error = triplet_core::Batch::new(&[0.0, f32::NAN], 1, &[0, 0]).unwrap_err();
/// assert!(error.to_string().starts_with("embeddings[1, 0] is NaN"));
/// # Ok::<(), triplet_core::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Batch<'a, T: Real = f32> {
    embeddings: Cow<'a, [T]>,
    labels: Cow<'a, [i64]>,
    width: usize,
    largest: T,
}

impl<'a, T: Real> Batch<'a, T> {
    /// The most rows a batch can have: row indices are 31-bit, the last is [`crate::NO_ROW`].
    pub const MAX_ROWS: usize = i32::MAX as usize - 1;

    /// A batch over a row-major slice of `labels.len()` rows of `width` components.
    ///
    /// # Errors
    /// Width zero, a length that is not rows times width, a component that is not
    /// finite, and a row so long that squared distances overflow.
    pub fn new(embeddings: &'a [T], width: usize, labels: &'a [i64]) -> Result<Self> {
        Self::checked(Cow::Borrowed(embeddings), width, Cow::Borrowed(labels))
    }

    /// A batch that owns its data.
    ///
    /// # Errors
    /// As [`Batch::new`].
    pub fn owned(embeddings: Vec<T>, width: usize, labels: Vec<i64>) -> Result<Batch<'static, T>> {
        Batch::checked(Cow::Owned(embeddings), width, Cow::Owned(labels))
    }

    /// A batch over array views of any memory layout; a layout other than
    /// contiguous row-major is copied.
    ///
    /// ```
    /// use ndarray::{arr1, arr2};
    /// let (x, y) = (arr2(&[[0.0_f32, 1.0], [1.0, 0.0]]), arr1(&[7, 7]));
    /// assert_eq!(triplet_core::Batch::from_views(x.view(), y.view())?.width(), 2);
    /// # Ok::<(), triplet_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// Embeddings that do not have two dimensions, and all that [`Batch::new`] refuses.
    pub fn from_views<N: Dimension>(
        embeddings: ArrayView<'a, T, N>,
        labels: ArrayView1<'a, i64>,
    ) -> Result<Self> {
        let &[rows, width] = embeddings.shape() else {
            return Err(Error::NotAMatrix { shape: embeddings.shape().to_vec() });
        };
        if width == 0 {
            return Err(Error::ZeroWidth { rows });
        }
        let embeddings = match embeddings.to_slice() {
            Some(slice) => Cow::Borrowed(slice),
            None => Cow::Owned(embeddings.iter().copied().collect()),
        };
        let labels = match labels.to_slice() {
            Some(slice) => Cow::Borrowed(slice),
            None => Cow::Owned(labels.to_vec()),
        };
        Self::checked(embeddings, width, labels)
    }

    fn checked(embeddings: Cow<'a, [T]>, width: usize, labels: Cow<'a, [i64]>) -> Result<Self> {
        let len = embeddings.len();
        if width == 0 {
            return Err(Error::ZeroWidth { rows: labels.len() });
        }
        if !len.is_multiple_of(width) {
            return Err(Error::RaggedSlice { len, width });
        }
        let rows = len / width;
        if labels.len() != rows {
            return Err(Error::LengthMismatch { labels: labels.len(), rows, width });
        }
        check_rows(rows, Self::MAX_ROWS)?;
        let largest = check_magnitudes(&embeddings, width)?;
        Ok(Self { embeddings, labels, width, largest })
    }

    /// Number of rows, `B`.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.labels.len()
    }

    /// Embedding width, `D`.
    #[must_use]
    pub fn width(&self) -> usize {
        self.width
    }

    /// The largest magnitude of a component; 0 for an empty batch.
    #[must_use]
    pub fn largest(&self) -> T {
        self.largest
    }

    /// All components, row-major `[B, D]`.
    #[must_use]
    pub fn embeddings(&self) -> &[T] {
        &self.embeddings
    }

    /// The labels `[B]`.
    #[must_use]
    pub fn labels(&self) -> &[i64] {
        &self.labels
    }
}

impl Batch<'static, f32> {
    /// A batch of IEEE half-precision rows, widened exactly to f32.
    ///
    /// # Errors
    /// As [`Batch::new`].
    pub fn from_f16(embeddings: &[f16], width: usize, labels: &[i64]) -> Result<Self> {
        let wide = embeddings.iter().map(|x| x.to_f32()).collect();
        Batch::owned(wide, width, labels.to_vec())
    }

    /// A batch of bfloat16 rows, widened exactly to f32.
    ///
    /// # Errors
    /// As [`Batch::new`].
    pub fn from_bf16(embeddings: &[bf16], width: usize, labels: &[i64]) -> Result<Self> {
        let wide = embeddings.iter().map(|x| x.to_f32()).collect();
        Batch::owned(wide, width, labels.to_vec())
    }
}

/// The largest squared norm of a row of `width` components whose squared distances stay finite.
///
/// `d <= n_i + n_j + 2|g| <= 4 max(n)`, and each chain of `width` roundings is off by
/// at most `width * epsilon` of its size (Higham's gamma), which the last factor covers.
///
/// ```
/// use triplet_core::{Batch, batch::norm_limit};
/// // A row whose squared norm is above the limit is refused.
/// let x = norm_limit::<f32>(1).sqrt() as f32;
/// assert!(Batch::new(&[0.5 * x], 1, &[0]).is_ok());
/// assert!(Batch::new(&[2.0 * x], 1, &[0]).is_err());
/// ```
#[must_use]
pub fn norm_limit<T: Real>(width: usize) -> f64 {
    let slack = (4.0 * width as f64 * T::EPSILON).min(0.5);
    T::MAX_FINITE / 4.0 * (1.0 - slack)
}

/// Refuses more rows than indices can name.
fn check_rows(rows: usize, limit: usize) -> Result<()> {
    if rows > limit { Err(Error::TooManyRows { rows, limit }) } else { Ok(()) }
}

/// Refuses components that are not finite and rows whose distances would overflow;
/// returns the largest magnitude.
///
/// One pass over the bits decides for almost every batch; the rows are walked only
/// when that pass cannot exclude a fault.
fn check_magnitudes<T: Real>(embeddings: &[T], width: usize) -> Result<T> {
    let top = embeddings.iter().fold(T::Key::ZERO, |top, x| top.max(x.abs().key()));
    let limit = norm_limit::<T>(width);
    if top < T::Key::END {
        let largest = T::from_key(top).to_f64();
        // A sum of `width` rounded squares; half the limit leaves room for rounding.
        if width as f64 * largest * largest <= limit / 2.0 {
            return Ok(T::from_key(top));
        }
    }
    for (row, x) in embeddings.chunks_exact(width).enumerate() {
        if let Some(column) = x.iter().position(|v| !v.is_finite()) {
            return Err(Error::NonFinite { row, column, value: x[column].to_f64() });
        }
    }
    for (row, x) in embeddings.chunks_exact(width).enumerate() {
        let squared_norm: f64 = x.iter().map(|v| v.to_f64() * v.to_f64()).sum();
        if squared_norm > limit || squared_norm.is_nan() {
            return Err(Error::NormOverflow { row, squared_norm, limit });
        }
    }
    Ok(T::from_key(top))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array2, Array3, arr1};

    #[test]
    fn shapes_are_refused_by_name() {
        let cube = Array3::<f32>::zeros((2, 2, 2));
        let error = Batch::from_views(cube.view(), arr1(&[0, 0]).view()).unwrap_err();
        assert_eq!(error, Error::NotAMatrix { shape: vec![2, 2, 2] });
        let empty = Array2::<f32>::zeros((2, 0));
        let error = Batch::from_views(empty.view(), arr1(&[0, 0]).view()).unwrap_err();
        assert_eq!(error, Error::ZeroWidth { rows: 2 });
        let error = Batch::new(&[0.0_f32; 5], 2, &[0, 0]).unwrap_err();
        assert_eq!(error, Error::RaggedSlice { len: 5, width: 2 });
        let error = Batch::new(&[0.0_f32; 4], 2, &[0]).unwrap_err();
        assert_eq!(error, Error::LengthMismatch { labels: 1, rows: 2, width: 2 });
    }

    #[test]
    fn overflow_is_found_at_its_row_and_just_below_it_is_accepted() {
        let edge = (norm_limit::<f32>(1) as f32).sqrt();
        let below = edge * (1.0 - f32::EPSILON);
        assert!(Batch::new(&[below, -below], 1, &[0, 0]).is_ok());
        let above = edge * (1.0 + 2.0 * f32::EPSILON);
        let error = Batch::new(&[0.0, above], 1, &[0, 0]).unwrap_err();
        assert!(matches!(error, Error::NormOverflow { row: 1, .. }), "{error}");
        let error = Batch::new(&[0.0, 1e200, 1e200], 1, &[0, 0, 0]).unwrap_err();
        assert!(matches!(error, Error::NormOverflow { row: 1, .. }), "{error}");
    }

    #[test]
    fn one_row_more_than_the_limit_is_too_many() {
        assert_eq!(check_rows(7, 7), Ok(()));
        assert_eq!(check_rows(8, 7), Err(Error::TooManyRows { rows: 8, limit: 7 }));
        assert_eq!(check_rows(usize::MAX, 7), Err(Error::TooManyRows { rows: usize::MAX, limit: 7 }));
    }
}
