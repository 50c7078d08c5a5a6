//! The size of a batch, and how its rows are divided among classes.

use std::fmt;

/// Rows, width and classes of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Shape {
    /// Number of rows, `B`.
    pub rows: usize,
    /// Length of a row, `D`.
    pub width: usize,
    /// How rows are divided among classes.
    pub spread: Spread,
}

/// How rows are divided among classes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Spread {
    /// So many rows a class.
    PerClass(usize),
    /// So many classes of equal size, give or take a row.
    Classes(usize),
}

impl Spread {
    /// Rows a class, or the number of classes.
    #[must_use]
    pub fn number(self) -> usize {
        match self {
            Self::PerClass(number) | Self::Classes(number) => number,
        }
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PerClass(1) => write!(f, "1 row a class"),
            Self::PerClass(number) => write!(f, "{number} rows a class"),
            Self::Classes(1) => write!(f, "1 class"),
            Self::Classes(number) => write!(f, "{number} classes"),
        }
    }
}

impl Shape {
    /// Number of classes.
    #[must_use]
    pub fn classes(self) -> usize {
        match self.spread {
            Spread::PerClass(rows) => self.rows.div_ceil(rows),
            Spread::Classes(classes) => classes,
        }
        .clamp(1, self.rows)
    }

    /// The same with fewer rows.
    #[must_use]
    pub fn with_rows(self, rows: usize) -> Self {
        Self { rows, ..self }
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} x {}, {}", self.rows, self.width, self.spread)
    }
}
