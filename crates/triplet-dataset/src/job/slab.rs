//! Some anchors: their thresholds, and what is found for each.

use super::{class_index::ClassIndex, positives::Positives, request::Request};
use crate::{Record, Result};
use core::ops::Range;
use triplet_core::{
    NO_ROW, Points, Real,
    nearest::{Nearest, NearestTask},
};

/// Anchors whose search is not complete.
pub(super) struct Slab<T: Real> {
    pub(super) rows: Range<usize>,
    pub(super) positives: Positives<T>,
    pub(super) thresholds: Vec<T::Key>,
    pub(super) nearest: Nearest<T>,
}

/// Records that are handed over at a time.
const HANDED: usize = 1 << 14;

impl<T: Real> Slab<T> {
    /// Nothing is found yet.
    pub(super) fn new(request: &Request<'_, T>, rows: Range<usize>, positives: Positives<T>) -> Self {
        let of = |&value: &T| request.conditions.threshold(value, request.distance);
        let thresholds: Vec<T::Key> = positives.values.iter().map(of).collect();
        let nearest = Nearest::empty(thresholds.len(), rows.len(), request.keep, request.takes_farthest());
        Self { rows, positives, thresholds, nearest }
    }

    /// The thresholds of each anchor, as a task on these rows.
    pub(super) fn task<'t>(
        &'t self,
        request: &Request<'_, T>,
        points: Points<'t, T>,
    ) -> Result<NearestTask<'t, T>> {
        task(request, points, &self.positives.starts, &self.thresholds)
    }

    /// Gives the records of all anchors, some at a time.
    pub(super) fn list(
        &self,
        request: &Request<'_, T>,
        classes: &ClassIndex,
        give: &mut dyn FnMut(&[Record<T>]) -> Result<()>,
    ) -> Result<()> {
        let distance = |value: T| request.distance.of_ranking_value(value);
        let mut records = Vec::new();
        for (index, anchor) in self.rows.clone().enumerate() {
            let slots = self.positives.starts[index]..self.positives.starts[index + 1];
            let mut all = classes.positives(request, anchor);
            for slot in slots {
                let positive = self.positives.chosen(slot).or_else(|| all.next()).unwrap_or(NO_ROW);
                let near = distance(self.positives.values[slot]);
                let found = (0..).zip(self.nearest.of(slot));
                let record = |rank: u32, reaches: bool, (negative, value): (u32, T)| Record {
                    anchor: anchor as u32,
                    positive,
                    negative,
                    rank,
                    reaches,
                    near,
                    far: distance(value),
                };
                let before = records.len();
                records.extend(found.map(|(rank, found)| record(rank, true, found)));
                if records.len() == before {
                    records.extend(self.nearest.farthest(index).map(|found| record(0, false, found)));
                }
            }
            if records.len() >= HANDED {
                give(&records)?;
                records.clear();
            }
        }
        give(&records)
    }
}

/// A task on some rows with these thresholds.
pub(super) fn task<'t, T: Real>(
    request: &Request<'_, T>,
    points: Points<'t, T>,
    starts: &'t [usize],
    thresholds: &'t [T::Key],
) -> Result<NearestTask<'t, T>> {
    let task = NearestTask::new(points, request.distance, starts, thresholds)?;
    let limit = request.conditions.limit::<T>(request.distance);
    Ok(task.keeping(request.keep).within(limit).with_farthest(request.takes_farthest()))
}
