//! What was found for every threshold.

use super::NearestTask;
use crate::{NO_ROW, Real};

/// The nearest candidates for every threshold of a task, nearest first; those of one distance by row. See the example of
/// [`NearestTask`].
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Nearest<T: Real> {
    /// As many places a threshold as are kept; [`NO_ROW`] where there are fewer candidates.
    pub rows: Vec<u32>,
    /// The ranking value of each.
    pub values: Vec<T>,
    /// The farthest candidate of each anchor, if it is looked for: [`NO_ROW`] for none. It means something where a
    /// threshold of the anchor is not reached.
    pub farthest_rows: Vec<u32>,
    /// Its ranking value.
    pub farthest_values: Vec<T>,
    keep: usize,
}

impl<T: Real> Nearest<T> {
    /// Nothing is found yet for so many thresholds, with `keep` candidates each, of so many anchors, and the farthest of each
    /// on request.
    #[must_use]
    pub fn empty(thresholds: usize, anchors: usize, keep: usize, farthest: bool) -> Self {
        let mut nearest = Self::default();
        nearest.clear(thresholds, anchors, keep, farthest);
        nearest
    }

    /// Nothing is found for a task yet.
    pub fn reset(&mut self, task: &NearestTask<'_, T>) {
        self.clear(task.thresholds().len(), task.anchors().len(), task.keep(), task.farthest());
    }

    fn clear(&mut self, thresholds: usize, anchors: usize, keep: usize, farthest: bool) {
        self.keep = keep;
        let places = thresholds * keep;
        let anchors = if farthest { anchors } else { 0 };
        for (rows, values, len) in [
            (&mut self.rows, &mut self.values, places),
            (&mut self.farthest_rows, &mut self.farthest_values, anchors),
        ] {
            rows.clear();
            rows.resize(len, NO_ROW);
            values.clear();
            values.resize(len, T::ZERO);
        }
    }

    /// Places a threshold.
    #[must_use]
    pub fn keep(&self) -> usize {
        self.keep
    }

    /// What was found for a threshold: rows and ranking values.
    pub fn of(&self, threshold: usize) -> impl Iterator<Item = (u32, T)> + '_ {
        let places = threshold * self.keep..(threshold + 1) * self.keep;
        let found = self.rows[places.clone()].iter().zip(&self.values[places]);
        found.map(|(&row, &value)| (row, value)).take_while(|&(row, _)| row != NO_ROW)
    }

    /// The farthest candidate of an anchor, if one was looked for and found.
    #[must_use]
    pub fn farthest(&self, anchor: usize) -> Option<(u32, T)> {
        let row = *self.farthest_rows.get(anchor)?;
        (row != NO_ROW).then(|| (row, self.farthest_values[anchor]))
    }

    /// What was found for a threshold becomes these, nearest first: at most as many as are kept.
    pub fn set(&mut self, threshold: usize, found: impl Iterator<Item = (u32, T)>) {
        let places = threshold * self.keep..(threshold + 1) * self.keep;
        let (rows, values) = (&mut self.rows[places.clone()], &mut self.values[places]);
        rows.fill(NO_ROW);
        values.fill(T::ZERO);
        for ((row, value), found) in rows.iter_mut().zip(values).zip(found) {
            (*row, *value) = found;
        }
    }

    /// Appends what another found for other thresholds and anchors, of each as many.
    pub fn append(&mut self, other: &Self) {
        self.rows.extend_from_slice(&other.rows);
        self.values.extend_from_slice(&other.values);
        self.farthest_rows.extend_from_slice(&other.farthest_rows);
        self.farthest_values.extend_from_slice(&other.farthest_values);
    }

    /// Takes the last places and anchors away, as many as another has, which becomes them.
    pub fn take_last(&mut self, other: &mut Self) {
        fn take<V: Copy>(all: &mut Vec<V>, last: &mut [V]) {
            let rest = all.len().saturating_sub(last.len());
            last.copy_from_slice(&all[rest..]);
            all.truncate(rest);
        }
        take(&mut self.rows, &mut other.rows);
        take(&mut self.values, &mut other.values);
        take(&mut self.farthest_rows, &mut other.farthest_rows);
        take(&mut self.farthest_values, &mut other.farthest_values);
    }

    /// Cuts it for engines that write it piece by piece.
    pub fn parts(&mut self) -> NearestParts<'_, T> {
        NearestParts {
            rows: &mut self.rows,
            values: &mut self.values,
            farthest_rows: &mut self.farthest_rows,
            farthest_values: &mut self.farthest_values,
        }
    }
}

/// What is left of a [`Nearest`] that is cut from the front, or a piece of it.
///
/// ```
/// use triplet_core::nearest::Nearest;
/// let mut nearest = Nearest::<f32>::empty(3, 0, 1, false);
/// nearest.rows = vec![7, 8, 9];
/// let mut parts = nearest.parts();
/// assert_eq!((parts.next(2, 0).rows, &*parts.rows), (&mut [7, 8][..], &[9][..]));
/// ```
#[derive(Debug)]
pub struct NearestParts<'a, T> {
    /// As [`Nearest::rows`].
    pub rows: &'a mut [u32],
    /// As [`Nearest::values`].
    pub values: &'a mut [T],
    /// As [`Nearest::farthest_rows`].
    pub farthest_rows: &'a mut [u32],
    /// As [`Nearest::farthest_values`].
    pub farthest_values: &'a mut [T],
}

impl<'a, T> NearestParts<'a, T> {
    /// The next so many places and anchors; fewer at the end.
    pub fn next(&mut self, places: usize, anchors: usize) -> NearestParts<'a, T> {
        let (places, anchors) = (places.min(self.rows.len()), anchors.min(self.farthest_rows.len()));
        NearestParts {
            rows: self.rows.split_off_mut(..places).unwrap_or_default(),
            values: self.values.split_off_mut(..places).unwrap_or_default(),
            farthest_rows: self.farthest_rows.split_off_mut(..anchors).unwrap_or_default(),
            farthest_values: self.farthest_values.split_off_mut(..anchors).unwrap_or_default(),
        }
    }
}
