//! A batch made ready for the search: rows to compare, classes, and what to look for.

use crate::{Batch, Classes, Distance, Error, NO_ROW, Real, Result, Rule, distance, distance::Scaling};
use core::ops::Range;

/// What is asked of a batch: distance, rule and margin.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Question {
    /// The distance between rows.
    pub distance: Distance,
    /// The rule that picks and judges triplets.
    pub rule: Rule,
    /// The margin of the hinge, in units of the reported distance.
    pub margin: f64,
}

/// What a large batch may keep in memory; beyond it, things are computed again.
///
/// Chosen negatives are always kept, 4 bytes a triplet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Triplets whose two distances are kept, 8 bytes each; with more, none are.
    pub distances: usize,
    /// Choices listed at a time for the gradient, 4 bytes each.
    pub choices: usize,
}

impl Default for Limits {
    /// A gigabyte of distances, a quarter of choices.
    fn default() -> Self {
        Self { distances: 1 << 27, choices: 1 << 26 }
    }
}

/// Memory behind a [`Problem`], kept by the caller so that later calls allocate nothing.
#[derive(Debug, Clone, Default)]
pub struct ProblemSpace<T: Real> {
    classes: Classes,
    unit_rows: Vec<T>,
    scalings: Vec<Scaling>,
    /// What the problem's answers may keep.
    pub limits: Limits,
}

/// A validated batch, its classes and the question: all that an engine needs.
#[derive(Debug, Clone, Copy)]
pub struct Problem<'a, T: Real> {
    rows: &'a [T],
    width: usize,
    classes: &'a Classes,
    scalings: &'a [Scaling],
    distance: Distance,
    rule: Rule,
    margin: T,
    limits: Limits,
}

impl<'a, T: Real> Problem<'a, T> {
    /// Groups the batch by label and, for the angular distance, normalises its rows.
    ///
    /// # Errors
    /// A margin that is not finite in the element type.
    pub fn new(batch: &'a Batch<'_, T>, question: Question, space: &'a mut ProblemSpace<T>) -> Result<Self> {
        let Question { distance, rule, margin } = question;
        let rounded = T::from_f64(margin);
        if !margin.is_finite() || !rounded.is_finite() {
            return Err(Error::Margin { value: margin });
        }
        space.classes.rebuild(batch.labels());
        let width = batch.width();
        let mut rows = batch.embeddings();
        space.scalings.clear();
        if distance == Distance::Angular {
            space.unit_rows.resize(rows.len(), T::ZERO);
            let units = space.unit_rows.chunks_exact_mut(width);
            space
                .scalings
                .extend(rows.chunks_exact(width).zip(units).map(|(x, u)| distance::normalise(x, u)));
            rows = &space.unit_rows;
        }
        Ok(Self {
            rows,
            width,
            classes: &space.classes,
            scalings: &space.scalings,
            distance,
            rule,
            margin: rounded,
            limits: space.limits,
        })
    }

    /// The rows that are compared, `[B, D]` row-major: normalised for angular.
    #[must_use]
    pub fn rows(&self) -> &'a [T] {
        self.rows
    }

    /// One of those rows, by original index.
    #[inline]
    #[must_use]
    pub fn row(&self, row: u32) -> &'a [T] {
        let start = row as usize * self.width;
        &self.rows[start..start + self.width]
    }

    /// Batch size, `B`.
    #[must_use]
    pub fn batch_size(&self) -> usize {
        self.classes.rows()
    }

    /// Embedding width, `D`.
    #[must_use]
    pub fn width(&self) -> usize {
        self.width
    }

    /// The rows grouped by label.
    #[must_use]
    pub fn classes(&self) -> &'a Classes {
        self.classes
    }

    /// The distance in use.
    #[must_use]
    pub fn distance(&self) -> Distance {
        self.distance
    }

    /// The rule in use.
    #[must_use]
    pub fn rule(&self) -> Rule {
        self.rule
    }

    /// The margin, rounded to the element type.
    #[must_use]
    pub fn margin(&self) -> T {
        self.margin
    }

    /// How a row was normalised; `None` unless the distance is angular.
    #[must_use]
    pub fn scaling(&self, row: u32) -> Option<Scaling> {
        self.scalings.get(row as usize).copied()
    }

    /// The slots of the triplets of the anchor at a class-sorted position.
    #[inline]
    #[must_use]
    pub fn slots(&self, position: usize) -> Range<usize> {
        if self.rule.one_per_anchor() { position..position + 1 } else { self.classes.pair_slots(position) }
    }

    /// Number of slots in all.
    #[must_use]
    pub fn slot_count(&self) -> usize {
        if self.rule.one_per_anchor() { self.batch_size() } else { self.classes.positive_pairs() as usize }
    }

    /// The words of the flags of an anchor, one flag a slot.
    #[inline]
    #[must_use]
    pub fn words(&self, position: usize) -> Range<usize> {
        if self.rule.one_per_anchor() { position..position + 1 } else { self.classes.pair_words(position) }
    }

    /// Words of flags in all.
    #[must_use]
    pub fn word_count(&self) -> usize {
        if self.rule.one_per_anchor() { self.batch_size() } else { self.classes.word_count() }
    }

    /// The position of the anchor that a slot belongs to.
    #[must_use]
    pub fn anchor_of_slot(&self, slot: usize) -> usize {
        if self.rule.one_per_anchor() { slot } else { self.classes.anchor_of_slot(slot) }
    }

    /// Whether the distances of the triplets are kept.
    #[must_use]
    pub fn keeps_distances(&self) -> bool {
        self.rule.one_per_anchor() || self.slot_count() <= self.limits.distances
    }

    /// Whether the gradient needs distances that are not kept.
    #[must_use]
    pub fn lacks_distances(&self) -> bool {
        self.distance == Distance::L2 && !self.keeps_distances()
    }

    /// The most choices to list at a time.
    #[must_use]
    pub fn listed_choices(&self) -> usize {
        self.limits.choices
    }

    /// The searched distance of two original rows, by the chain of every backend.
    #[must_use]
    pub fn searched(&self, i: u32, k: u32) -> T {
        let inner = |a: u32, b: u32| distance::inner(self.row(a), self.row(b));
        self.distance.searched(inner(i, k), inner(i, i), inner(k, k))
    }

    /// What the sum over all triplets is divided by: `N`, or `B` with one triplet an anchor.
    #[must_use]
    pub fn divisor(&self) -> f64 {
        self.slot_count() as f64
    }

    /// The smallest key that a negative may have for a triplet with this positive.
    #[inline]
    #[must_use]
    pub fn floor(&self, positive: T) -> T::Key {
        self.rule.floor(positive, self.distance, self.margin)
    }

    /// What is written to a slot whose anchor has no negative, given the distance
    /// of its positive: TFA's distance 0, or, with one triplet an anchor, the
    /// row's largest distance (which is the positive's).
    #[inline]
    #[must_use]
    pub fn without_negative(&self, positive: T) -> (u32, T) {
        (NO_ROW, if self.rule.one_per_anchor() { positive } else { T::ZERO })
    }
}
