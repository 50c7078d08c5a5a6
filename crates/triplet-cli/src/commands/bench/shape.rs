//! Inputs to measure with.

use std::fmt;

/// One input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Shape {
    pub(crate) rows: usize,
    pub(crate) width: usize,
    pub(crate) spread: Spread,
}

/// How rows are spread over classes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Spread {
    /// So many rows a class.
    PerClass(usize),
    /// So many classes of equal size, give or take a row.
    Classes(usize),
}

impl Spread {
    /// The number asked for.
    pub(crate) fn number(self) -> usize {
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
    pub(crate) fn classes(self) -> usize {
        match self.spread {
            Spread::PerClass(rows) => self.rows.div_ceil(rows),
            Spread::Classes(classes) => classes,
        }
        .clamp(1, self.rows)
    }

    /// The same with fewer rows.
    pub(crate) fn with_rows(self, rows: usize) -> Self {
        Self { rows, ..self }
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} x {}, {}", self.rows, self.width, self.spread)
    }
}

/// Unit rows in random directions and shuffled labels, from a seed.
pub(crate) fn input(shape: Shape, seed: u64) -> (Vec<f32>, Vec<i64>) {
    let mut rng = fastrand::Rng::with_seed(seed);
    let mut embeddings = Vec::with_capacity(shape.rows * shape.width);
    for _ in 0..shape.rows {
        let start = embeddings.len();
        embeddings.extend((0..shape.width).map(|_| crate::train::random::normal(&mut rng)));
        let row = &mut embeddings[start..];
        let norm = row.iter().map(|x| x * x).sum::<f32>().sqrt().max(f32::MIN_POSITIVE);
        row.iter_mut().for_each(|x| *x /= norm);
    }
    let classes = shape.classes();
    let mut labels: Vec<i64> = (0..shape.rows).map(|row| (row * classes / shape.rows) as i64).collect();
    rng.shuffle(&mut labels);
    (embeddings, labels)
}
