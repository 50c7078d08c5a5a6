//! Where rows come from.

mod file;
mod state;

pub use file::{Element, FileRows};
pub use state::FileState;

use std::io;

/// Rows `[n, D]` that are read some at a time, from any thread.
///
/// ```
/// use triplet_dataset::{InMemory, Rows};
/// let rows = InMemory::new(&[1.0_f32, 2.0, 3.0, 4.0], 2);
/// let mut row = [0.0; 2];
/// rows.read(1, &mut row).unwrap();
/// assert_eq!((rows.len(), rows.width(), row), (2, 2, [3.0, 4.0]));
/// ```
pub trait Rows<T>: Sync {
    /// How many there are.
    fn len(&self) -> usize;

    /// Whether there is none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Components of each.
    fn width(&self) -> usize;

    /// Fills `out` with whole rows from the `first` on.
    ///
    /// # Errors
    /// What the system says; rows past the end.
    fn read(&self, first: usize, out: &mut [T]) -> io::Result<()>;
}

/// Rows in memory; see the example of [`Rows`].
#[derive(Debug, Clone, Copy)]
pub struct InMemory<'a, T> {
    values: &'a [T],
    width: usize,
}

impl<'a, T> InMemory<'a, T> {
    /// Rows after each other.
    #[must_use]
    pub fn new(values: &'a [T], width: usize) -> Self {
        Self { values, width }
    }
}

impl<T: Copy + Sync> Rows<T> for InMemory<'_, T> {
    fn len(&self) -> usize {
        self.values.len().checked_div(self.width).unwrap_or(0)
    }

    fn width(&self) -> usize {
        self.width
    }

    fn read(&self, first: usize, out: &mut [T]) -> io::Result<()> {
        let start = first * self.width;
        let rows = self.values.get(start..start + out.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
        out.copy_from_slice(rows);
        Ok(())
    }
}
