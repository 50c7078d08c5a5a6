//! Mined triplets: who with whom, and whether it matters.

use crate::{
    NO_ROW, Problem, Real,
    terms::{self, Verdict},
};
use core::ops::Range;

/// The triplets of a batch, one a slot (see [`Problem::slots`]), in parallel arrays.
///
/// Distances are the *searched* ones (squared for L2). With one slot a positive
/// pair, the positive is implied by the slot and `positives` is empty.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Mined<T: Real> {
    /// Original row of each slot's negative; [`NO_ROW`] where the anchor has none.
    pub negatives: Vec<u32>,
    /// Distance of anchor and positive; empty unless [`Problem::keeps_distances`].
    pub positive_distances: Vec<T>,
    /// Distance of anchor and negative; likewise.
    pub negative_distances: Vec<T>,
    /// Original row of each anchor's farthest positive, [`NO_ROW`] where it has
    /// none; only for rules with one triplet an anchor.
    pub positives: Vec<u32>,
    /// A flag a slot: whether its triplet has a slope. See [`Problem::words`].
    pub active: Vec<u64>,
    /// Sum of the terms of each anchor, by position.
    pub sums: Vec<f64>,
    /// Counts over the batch, filled in by the engine.
    pub verdict: Verdict,
}

/// The part of [`Mined`] that belongs to consecutive anchors.
#[derive(Debug)]
pub struct MinedPart<'m, T> {
    positions: Range<usize>,
    first_slot: usize,
    first_word: usize,
    negatives: &'m mut [u32],
    positive_distances: &'m mut [T],
    negative_distances: &'m mut [T],
    positives: &'m mut [u32],
    active: &'m mut [u64],
    sums: &'m mut [f64],
}

/// The part of [`Mined`] that belongs to one anchor: see there.
#[derive(Debug)]
pub struct AnchorPart<'m, T> {
    /// Its chosen negatives.
    pub negatives: &'m mut [u32],
    /// Distances of its positives, if kept.
    pub positive_distances: &'m mut [T],
    /// Distances of its negatives, if kept.
    pub negative_distances: &'m mut [T],
    /// Its farthest positive, with one triplet an anchor.
    pub positives: &'m mut [u32],
    active: &'m mut [u64],
    sum: &'m mut f64,
}

/// One triplet, in original row indices and reported distances.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Triplet<T> {
    /// The anchor.
    pub anchor: u32,
    /// Its positive; `None` for a hard rule's anchor without one.
    pub positive: Option<u32>,
    /// Its negative; `None` where the anchor has none.
    pub negative: Option<u32>,
    /// Distance of anchor and positive.
    pub positive_distance: T,
    /// Distance of anchor and negative.
    pub negative_distance: T,
}

impl<T: Real> Mined<T> {
    /// Makes room for the triplets of a problem; the contents are unspecified.
    pub fn resize(&mut self, problem: &Problem<'_, T>) {
        let slots = problem.slot_count();
        let kept = if problem.keeps_distances() { slots } else { 0 };
        self.negatives.resize(slots, NO_ROW);
        self.positive_distances.resize(kept, T::ZERO);
        self.negative_distances.resize(kept, T::ZERO);
        self.positives.resize(if problem.rule().one_per_anchor() { slots } else { 0 }, NO_ROW);
        self.active.resize(problem.word_count(), 0);
        self.sums.resize(problem.batch_size(), 0.0);
        if slots == 0 {
            self.sums.fill(0.0);
        }
        self.verdict = Verdict::default();
    }

    /// Cuts everything at ranges of positions, which must follow one another from 0.
    pub fn parts<'m>(
        &'m mut self,
        problem: &'m Problem<'m, T>,
        ranges: impl Iterator<Item = Range<usize>> + Send + 'm,
    ) -> impl Iterator<Item = MinedPart<'m, T>> + Send + 'm {
        let mut rest = MinedPart {
            positions: 0..problem.batch_size(),
            first_slot: 0,
            first_word: 0,
            negatives: &mut self.negatives,
            positive_distances: &mut self.positive_distances,
            negative_distances: &mut self.negative_distances,
            positives: &mut self.positives,
            active: &mut self.active,
            sums: &mut self.sums,
        };
        ranges.map(move |range| rest.split_off(problem, range))
    }

    /// Original row of a slot's positive, or [`NO_ROW`].
    #[inline]
    #[must_use]
    pub fn positive(&self, problem: &Problem<'_, T>, position: usize, slot: usize) -> u32 {
        if let Some(&row) = self.positives.get(slot) {
            return row;
        }
        let classes = problem.classes();
        let span = classes.span(position);
        let rank = slot - classes.pair_slots(position).start;
        let member = span.start + rank;
        classes.order()[member + usize::from(member >= position)]
    }

    /// Whether a slot's triplet has a slope.
    #[inline]
    #[must_use]
    pub fn is_active(&self, problem: &Problem<'_, T>, position: usize, rank: usize) -> bool {
        self.active[problem.words(position).start + rank / 64] >> (rank % 64) & 1 == 1
    }

    /// Reported distances of the pairs that exist, positives and chosen negatives, of
    /// every k-th slot so that at most `most` slots are visited.
    #[must_use]
    pub fn sample_distances(&self, problem: &Problem<'_, T>, most: usize) -> (Vec<T>, Vec<T>) {
        let step = problem.slot_count().div_ceil(most.max(1)).max(1);
        let slots = (0..problem.slot_count()).step_by(step);
        let distance = problem.distance();
        let (mut near, mut far) = (Vec::with_capacity(slots.len()), Vec::with_capacity(slots.len()));
        for slot in slots {
            let negative = self.negatives[slot];
            let kept = self.positive_distances.get(slot).zip(self.negative_distances.get(slot));
            // A hard rule's anchor may have no positive, and whether it has needs no position.
            let nobody = self.positives.get(slot) == Some(&NO_ROW);
            match kept {
                Some((&positive_distance, &negative_distance)) => {
                    if !nobody {
                        near.push(distance.reported(positive_distance));
                    }
                    if negative != NO_ROW {
                        far.push(distance.reported(negative_distance));
                    }
                }
                None => {
                    let position = problem.anchor_of_slot(slot);
                    let anchor = problem.classes().order()[position];
                    let positive = self.positive(problem, position, slot);
                    for (row, list) in [(positive, &mut near), (negative, &mut far)] {
                        if row != NO_ROW {
                            list.push(distance.reported(problem.searched(anchor, row)));
                        }
                    }
                }
            }
        }
        (near, far)
    }

    /// The triplets by ascending anchor, then positive. Distances that were not kept
    /// are computed again, one at a time.
    pub fn triplets<'m>(&'m self, problem: &'m Problem<'m, T>) -> impl Iterator<Item = Triplet<T>> + 'm {
        let positions = problem.classes().positions();
        let some = |row: u32| (row != NO_ROW).then_some(row);
        positions.iter().zip(0u32..).flat_map(move |(&position, anchor)| {
            let position = position as usize;
            problem.slots(position).map(move |slot| {
                let (positive, negative) = (self.positive(problem, position, slot), self.negatives[slot]);
                let (near, far) = match self.positive_distances.get(slot) {
                    Some(&near) => (near, self.negative_distances[slot]),
                    None => {
                        let near = problem.searched(anchor, positive);
                        let far = some(negative).map(|negative| problem.searched(anchor, negative));
                        (near, far.unwrap_or_else(|| problem.without_negative(near).1))
                    }
                };
                Triplet {
                    anchor,
                    positive: some(positive),
                    negative: some(negative),
                    positive_distance: problem.distance().reported(near),
                    negative_distance: problem.distance().reported(far),
                }
            })
        })
    }
}

/// Takes the first `length` elements off a slice, or none of an empty one.
fn take<'m, E>(slice: &mut &'m mut [E], length: usize) -> &'m mut [E] {
    let length = length.min(slice.len());
    slice.split_off_mut(..length).unwrap_or_default()
}

impl<'m, T: Real> MinedPart<'m, T> {
    /// The positions of these anchors.
    #[must_use]
    pub fn positions(&self) -> Range<usize> {
        self.positions.clone()
    }

    /// Takes the first anchors off.
    fn split_off(&mut self, problem: &Problem<'_, T>, range: Range<usize>) -> Self {
        assert!(range.start == self.positions.start && range.end <= self.positions.end);
        self.positions.start = range.end;
        let (first_slot, first_word) = (self.first_slot, self.first_word);
        if !range.is_empty() {
            self.first_slot = problem.slots(range.end - 1).end;
            self.first_word = problem.words(range.end - 1).end;
        }
        let (slots, words) = (self.first_slot - first_slot, self.first_word - first_word);
        Self {
            first_slot,
            first_word,
            negatives: take(&mut self.negatives, slots),
            positive_distances: take(&mut self.positive_distances, slots),
            negative_distances: take(&mut self.negative_distances, slots),
            positives: take(&mut self.positives, slots),
            active: take(&mut self.active, words),
            sums: take(&mut self.sums, range.len()),
            positions: range,
        }
    }

    /// One of these anchors, by position.
    #[inline(always)]
    pub fn anchor(&mut self, problem: &Problem<'_, T>, position: usize) -> AnchorPart<'_, T> {
        let (slots, words) = (problem.slots(position), problem.words(position));
        let slots = slots.start - self.first_slot..slots.end - self.first_slot;
        let kept = if self.positive_distances.is_empty() { 0..0 } else { slots.clone() };
        let hardest = if self.positives.is_empty() { 0..0 } else { slots.clone() };
        AnchorPart {
            negatives: &mut self.negatives[slots],
            positive_distances: &mut self.positive_distances[kept.clone()],
            negative_distances: &mut self.negative_distances[kept],
            positives: &mut self.positives[hardest],
            active: &mut self.active[words.start - self.first_word..words.end - self.first_word],
            sum: &mut self.sums[position - self.positions.start],
        }
    }
}

impl<T: Real> AnchorPart<'_, T> {
    /// Judges the anchor's triplets once they are filled in, by kept distances.
    pub fn judge(self, problem: &Problem<'_, T>) -> Verdict {
        let Self { negatives, positive_distances, negative_distances, active, sum, .. } = self;
        terms::judge(problem, negatives, positive_distances, negative_distances, (active, sum))
    }

    /// The same by distances that are not kept.
    pub fn judge_by(self, problem: &Problem<'_, T>, positives: &[T], negatives: &[T]) -> Verdict {
        terms::judge(problem, self.negatives, positives, negatives, (self.active, self.sum))
    }
}
