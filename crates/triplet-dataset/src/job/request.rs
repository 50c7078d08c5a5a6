//! What is asked of a data set.

use crate::{Error, Result, Rows};
use core::ops::Range;
use std::io;
use triplet_core::{Batch, Distance, Error as CoreError, Real, nearest::Conditions};

/// Rows and their labels.
#[derive(Clone, Copy)]
pub struct Side<'a, T> {
    /// The rows, `[n, D]`.
    pub rows: &'a dyn Rows<T>,
    /// One label a row.
    pub labels: &'a [i64],
}

/// Which negatives are searched for, of which rows, among which.
#[derive(Clone, Copy)]
pub struct Request<'a, T: Real> {
    /// The anchors; they are the candidates too, unless others are given.
    pub anchors: Side<'a, T>,
    /// Other rows to search among. Positives of an anchor are those of its label.
    pub candidates: Option<Side<'a, T>>,
    /// The distance between rows.
    pub distance: Distance,
    /// What a negative has to be.
    pub conditions: Conditions,
    /// Negatives for each anchor and positive. With more than one, or with conditions besides the rule, pairs for which nothing
    /// is beyond the threshold have none, where the rule alone takes the farthest.
    pub keep: usize,
    /// Which part of the anchors, from 1 on, of how many.
    pub part: (usize, usize),
    /// Bytes that the job keeps within, besides labels: 36 a row.
    pub memory: u64,
    /// Threads that read and sort; the engine has its own.
    pub threads: usize,
}

impl<'a, T: Real> Request<'a, T> {
    /// The semi-hard negative of every pair of rows, by squared distance, within 2 GiB.
    #[must_use]
    pub fn of(rows: Side<'a, T>) -> Self {
        Self {
            anchors: rows,
            candidates: None,
            distance: Distance::SquaredL2,
            conditions: Conditions::default(),
            keep: 1,
            part: (1, 1),
            memory: 2 << 30,
            threads: std::thread::available_parallelism().map_or(1, usize::from),
        }
    }

    /// The rows that are searched.
    #[must_use]
    pub fn candidates(&self) -> Side<'a, T> {
        self.candidates.unwrap_or(self.anchors)
    }

    /// Whether the anchors are the candidates.
    #[must_use]
    pub fn is_square(&self) -> bool {
        self.candidates.is_none()
    }

    /// The anchors of the part.
    #[must_use]
    pub fn part_rows(&self) -> Range<usize> {
        let (rows, (part, parts)) = (self.anchors.labels.len() as u128, self.part);
        let cut = |part: usize| (rows * part as u128 / parts as u128) as usize;
        cut(part - 1)..cut(part)
    }

    /// Whether an anchor none of whose candidates is beyond a threshold takes the farthest.
    pub(crate) fn takes_farthest(&self) -> bool {
        self.keep == 1 && self.conditions.are_the_rule() && !self.conditions.rule.one_per_anchor()
    }

    pub(super) fn check(&self) -> Result<()> {
        let (part, parts) = self.part;
        if part == 0 || part > parts {
            return Err(Error::Part { part, parts });
        }
        if self.keep == 0 {
            return Err(Error::NoNegatives);
        }
        self.conditions.check(self.distance)?;
        let sides = [("anchors", Some(self.anchors)), ("candidates", self.candidates)];
        for (side, Side { rows, labels }) in sides.into_iter().filter_map(|(side, rows)| Some((side, rows?)))
        {
            if rows.len() != labels.len() {
                return Err(Error::Labels { side, labels: labels.len(), rows: rows.len() });
            }
            let limit = Batch::<T>::MAX_ROWS;
            if rows.len() > limit {
                return Err(CoreError::TooManyRows { rows: rows.len(), limit }.into());
            }
        }
        let (anchors, candidates) = (self.anchors.rows.width(), self.candidates().rows.width());
        if anchors != candidates {
            return Err(CoreError::WidthMismatch { anchors, candidates }.into());
        }
        if anchors == 0 {
            return Err(CoreError::ZeroWidth { rows: self.anchors.rows.len() }.into());
        }
        Ok(())
    }
}

/// Reads rows into memory of the caller.
pub(crate) fn read<T>(rows: &dyn Rows<T>, some: Range<usize>, out: &mut [T]) -> Result<()> {
    let last = some.end.saturating_sub(1);
    rows.read(some.start, out).map_err(|error: io::Error| Error::Read { first: some.start, last, error })
}

/// Bytes that are checked at a time.
const CHECKED: usize = 8 << 20;

/// Reads all rows once and refuses what no batch may contain, by row; gives each piece to `take`, which may stop it.
///
/// # Errors
/// A component that is not finite, a row whose distances would overflow; what cannot be read; [`Error::Stopped`].
pub fn check_rows<T: Real>(rows: &dyn Rows<T>, take: &mut dyn FnMut(&[T]) -> bool) -> Result<()> {
    let width = rows.width().max(1);
    let some = (CHECKED / size_of::<T>() / width).max(1);
    let (mut values, labels) = (Vec::new(), vec![0; some]);
    for first in (0..rows.len()).step_by(some) {
        let end = rows.len().min(first + some);
        values.resize((end - first) * width, T::ZERO);
        read(rows, first..end, &mut values)?;
        Batch::new(&values, width, &labels[..end - first])
            .map_err(|error| Error::of_whole_set(error, |row| first + row))?;
        if !take(&values) {
            return Err(Error::Stopped);
        }
    }
    Ok(())
}
