//! The nearest rows of each of some anchors, whatever their labels: a distance from which on they count, a limit, and rows that
//! do not count are given.

use crate::{Control, Error, Progress, Result, Rows, job::read_rows};
use core::ops::Range;
use std::time::Instant;
use triplet_core::{
    Batch, Distance, Engine, Points, Real,
    nearest::{Excluded, Nearest, NearestTask, Portion, first_key, last_key},
    points::PointsBuffers,
};

/// What is searched for.
///
/// ```
/// use triplet_core::{Distance, Scalar};
/// use triplet_dataset::{Control, InMemory, NearestRows};
/// let (queries, rows) = (InMemory::new(&[0.0_f32, 2.0], 1), InMemory::new(&[0.5_f32, 1.5, 4.0], 1));
/// let asked = NearestRows {
///     least: Some(&[0.0, 1.0]),                       // of the second query, from distance 1 on
///     excluded: Some((&[0, 1, 1], &[0])),             // row 0 does not count for the first
///     ..NearestRows::new(&queries, &rows, Distance::L2, 2)
/// };
/// let found = asked.search(&mut Scalar, &mut |_| Control::GoOn)?;
/// assert!(found.of(0).map(|(row, _)| row).eq([1, 2]) && found.of(1).map(|(row, _)| row).eq([0, 2]));
/// # Ok::<(), triplet_dataset::Error>(())
/// ```
pub struct NearestRows<'a, T> {
    /// The rows that search, `[M, D]`.
    pub anchors: &'a dyn Rows<T>,
    /// The rows that are searched, `[N, D]`.
    pub candidates: &'a dyn Rows<T>,
    /// The distance between them.
    pub distance: Distance,
    /// How many are wanted of each.
    pub keep: usize,
    /// The least distance that counts, of each anchor.
    pub least: Option<&'a [f64]>,
    /// The largest distance that counts.
    pub most: Option<f64>,
    /// Rows that do not count for an anchor: where those of each start, and the end; ascending.
    pub excluded: Option<(&'a [usize], &'a [u32])>,
    /// Bytes that the search keeps within, besides what it finds.
    pub memory: u64,
}

/// Bytes of an engine that do not grow with rows.
const FIXED: u64 = 48 << 20;
/// Rows of a slab at most.
const MOST_ROWS: usize = 1 << 16;
/// And at least, whatever the memory.
const LEAST_ROWS: usize = 64;

impl<'a, T: Real> NearestRows<'a, T> {
    /// So many of each, at any distance, within 2 GiB.
    #[must_use]
    pub fn new(
        anchors: &'a dyn Rows<T>,
        candidates: &'a dyn Rows<T>,
        distance: Distance,
        keep: usize,
    ) -> Self {
        Self { anchors, candidates, distance, keep, least: None, most: None, excluded: None, memory: 2 << 30 }
    }

    /// Searches; `watch` is told after every step, and may stop it.
    ///
    /// # Errors
    /// Rows that are refused, by number; lists that do not fit the anchors; [`Error::Stopped`].
    pub fn search(
        &self,
        engine: &mut dyn Engine<T>,
        watch: &mut dyn FnMut(&Progress) -> Control,
    ) -> Result<Nearest<T>> {
        let (anchors, candidates) = (self.anchors.len(), self.candidates.len());
        self.check()?;
        let mut found = Nearest::empty(anchors, anchors, self.keep, false);
        let width = self.anchors.width() as u64;
        // Read, brought to unit length, packed, in words; and candidates that are kept twice over.
        let row =
            width * (3 * size_of::<T>() as u64 + 2) + self.keep as u64 * 6 * size_of::<T>() as u64 + 128;
        let slab = (self.memory.saturating_sub(FIXED) / (2 * row)) as usize;
        let slab = slab.clamp(LEAST_ROWS, MOST_ROWS);
        let (start, mut here) = (Instant::now(), 0);
        let all_pairs = anchors as u64 * candidates as u64;
        for own in cut(anchors, slab) {
            let mut rows = vec![T::ZERO; own.len() * self.anchors.width()];
            read_rows(self.anchors, own.clone(), &mut rows)?;
            let mut slab_found = Nearest::empty(own.len(), own.len(), self.keep, false);
            for others in cut(candidates, slab) {
                self.step(engine, (&own, &rows), &others, &mut slab_found)?;
                here += own.len() as u64 * others.len() as u64;
                let progress = Progress {
                    pairs: here,
                    all_pairs,
                    here,
                    elapsed: start.elapsed(),
                    records: own.start as u64,
                };
                if watch(&progress) == Control::Stop {
                    return Err(Error::Stopped);
                }
            }
            let places = own.start * self.keep..own.end * self.keep;
            found.rows[places.clone()].copy_from_slice(&slab_found.rows);
            found.values[places].copy_from_slice(&slab_found.values);
        }
        Ok(found)
    }

    fn check(&self) -> Result<()> {
        let anchors = self.anchors.len();
        if self.keep == 0 {
            return Err(Error::NoNegatives);
        }
        if let Some(least) = self.least.filter(|least| least.len() != anchors) {
            return Err(Error::Labels { side: "anchors", labels: least.len(), rows: anchors });
        }
        if let Some((starts, rows)) = self.excluded {
            let fits = starts.len() == anchors + 1 && starts[0] == 0 && starts[anchors] == rows.len();
            if !fits || !starts.is_sorted() {
                let (what, len) = ("excluded rows", rows.len());
                return Err(triplet_core::Error::Starts { what, starts: starts.len(), anchors, len }.into());
            }
        }
        Ok(())
    }

    fn step(
        &self,
        engine: &mut dyn Engine<T>,
        (own, rows): (&Range<usize>, &[T]),
        others: &Range<usize>,
        found: &mut Nearest<T>,
    ) -> Result<()> {
        let width = self.anchors.width();
        let mut candidates = vec![T::ZERO; others.len() * self.candidates.width()];
        read_rows(self.candidates, others.clone(), &mut candidates)?;
        let (labels, other_labels) = (vec![0; own.len()], vec![0; others.len()]);
        let batch = Batch::new(rows, width, &labels)
            .map_err(|error| Error::of_whole_set(error, |row| own.start + row))?;
        let candidates = Batch::new(&candidates, self.candidates.width(), &other_labels)
            .map_err(|error| Error::of_whole_set(error, |row| others.start + row))?;
        let [mut left, mut right] = [PointsBuffers::default(), PointsBuffers::default()];
        let starts: Vec<usize> = (0..=own.len()).collect();
        let thresholds: Vec<T::Key> = own
            .clone()
            .map(|anchor| first_key::<T>(self.least.map_or(0.0, |least| least[anchor]), self.distance))
            .collect();
        let (excluded_starts, excluded): (Vec<usize>, &[u32]) = match self.excluded {
            Some((starts, rows)) => {
                let first = starts[own.start];
                let own_starts = starts[own.start..=own.end].iter().map(|start| start - first).collect();
                (own_starts, &rows[first..starts[own.end]])
            }
            None => (vec![0; own.len() + 1], &[]),
        };
        let points = Points::new(&batch, self.distance, &mut left);
        let mut task = NearestTask::new(points, self.distance, &starts, &thresholds)?
            .keeping(self.keep)
            .excluding(Excluded::Rows { starts: &excluded_starts, rows: excluded });
        if let Some(most) = self.most {
            task = task.within(last_key::<T>(most, self.distance));
        }
        let points = Points::new(&candidates, self.distance, &mut right);
        Ok(engine.search_nearest(&task, &Portion { points, first_row: others.start as u32 }, found)?)
    }
}

fn cut(rows: usize, len: usize) -> impl Iterator<Item = Range<usize>> {
    (0..rows).step_by(len).map(move |first| first..rows.min(first + len))
}

/// The distances of pairs of rows, given by number.
///
/// ```
/// use triplet_core::Distance;
/// let pairs = triplet_dataset::pair_distances(&[0.0_f32, 3.0], &[4.0, 9.0], 1, Distance::L2, [(0, 0), (1, 1)].into_iter());
/// assert_eq!(pairs?, [4.0, 6.0]);
/// # Ok::<(), triplet_dataset::Error>(())
/// ```
///
/// # Errors
/// Rows that are refused.
pub fn pair_distances<T: Real>(
    left: &[T],
    right: &[T],
    width: usize,
    distance: Distance,
    pairs: impl Iterator<Item = (u32, u32)>,
) -> Result<Vec<T>> {
    let rows = |values: &[T]| vec![0; values.len().checked_div(width).unwrap_or(0)];
    let (left_labels, right_labels) = (rows(left), rows(right));
    let left = Batch::new(left, width, &left_labels)?;
    let right = Batch::new(right, width, &right_labels)?;
    let [mut a, mut b] = [PointsBuffers::default(), PointsBuffers::default()];
    let comparison = triplet_core::Comparison::between(
        Points::new(&left, distance, &mut a),
        Points::new(&right, distance, &mut b),
        triplet_core::Identity::Disjoint,
        distance,
    );
    Ok(pairs.map(|(x, y)| distance.of_ranking_value(comparison.ranking_value(x, y))).collect())
}
