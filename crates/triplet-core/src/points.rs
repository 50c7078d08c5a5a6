//! Rows to compare: one side of a comparison, ready for inner products.

use crate::{
    Batch, Distance, Real,
    distance::{self, Scaling},
};

/// Rows `[n, D]` with one label each, brought to unit length where the distance is one of unit rows.
///
/// ```
/// use triplet_core::{Batch, Distance, points::{Points, PointsBuffers}};
///
/// let batch = Batch::new(&[3.0_f32, 4.0, 0.0, 2.0], 2, &[7, 8])?;
/// let mut buffers = PointsBuffers::default();
/// let points = Points::new(&batch, Distance::Angular, &mut buffers);
/// assert_eq!((points.len(), points.width()), (2, 2));
/// assert_eq!(points.row(1), [0.0, 1.0]);
/// assert_eq!(points.label(1), 8);
/// # Ok::<(), triplet_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Points<'a, T: Real> {
    rows: &'a [T],
    width: usize,
    labels: &'a [i64],
    scalings: &'a [Scaling],
}

/// Memory behind [`Points`], kept by the caller so that later calls allocate nothing; see the
/// example of [`Points`].
#[derive(Debug, Clone, Default)]
pub struct PointsBuffers<T: Real> {
    unit_rows: Vec<T>,
    scalings: Vec<Scaling>,
}

impl<'a, T: Real> Points<'a, T> {
    /// The rows of a batch, as a distance compares them.
    #[must_use]
    pub fn new(batch: &'a Batch<'_, T>, distance: Distance, buffers: &'a mut PointsBuffers<T>) -> Self {
        let width = batch.width();
        let mut rows = batch.embeddings();
        let PointsBuffers { unit_rows, scalings } = buffers;
        scalings.clear();
        if distance.needs_unit_rows() {
            unit_rows.resize(rows.len(), T::ZERO);
            distance::normalise_rows(rows, width, unit_rows, scalings);
            rows = unit_rows;
        }
        Self { rows, width, labels: batch.labels(), scalings }
    }

    /// Number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there is no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// Embedding width, `D`.
    #[must_use]
    pub fn width(&self) -> usize {
        self.width
    }

    /// All rows, `[n, D]` row-major.
    #[must_use]
    pub fn rows(&self) -> &'a [T] {
        self.rows
    }

    /// The rows one by one.
    pub fn rows_iter(&self) -> impl Iterator<Item = &'a [T]> + use<'a, T> {
        self.rows.chunks_exact(self.width)
    }

    /// One row, by original index.
    #[inline]
    #[must_use]
    pub fn row(&self, row: u32) -> &'a [T] {
        let start = row as usize * self.width;
        &self.rows[start..start + self.width]
    }

    /// The labels, `[n]`.
    #[must_use]
    pub fn labels(&self) -> &'a [i64] {
        self.labels
    }

    /// The label of a row.
    #[must_use]
    pub fn label(&self, row: u32) -> i64 {
        self.labels[row as usize]
    }

    /// How a row was brought to unit length; `None` if the distance compares rows as they are.
    #[must_use]
    pub fn scaling(&self, row: u32) -> Option<Scaling> {
        self.scalings.get(row as usize).copied()
    }

    /// Bytes that [`Points::new`] takes for so many rows.
    #[must_use]
    pub fn bytes_needed(rows: usize, width: usize, distance: Distance) -> usize {
        let unit_row = if distance.needs_unit_rows() {
            width.saturating_mul(size_of::<T>()) + size_of::<Scaling>()
        } else {
            0
        };
        rows.saturating_mul(unit_row)
    }
}
