//! Mined triplets: who with whom.

use crate::{NO_ROW, Problem, Real};

/// The triplets of a batch, one a slot (see [`Problem::slots`]), in parallel arrays.
///
/// Distances are the *searched* ones (squared for L2). With one slot a positive
/// pair, the positive is implied by the slot and `positives` is empty.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Mined<T: Real> {
    /// Original row of each slot's negative; [`NO_ROW`] where the anchor has none.
    pub negatives: Vec<u32>,
    /// Distance of anchor and positive.
    pub positive_distances: Vec<T>,
    /// Distance of anchor and negative.
    pub negative_distances: Vec<T>,
    /// Original row of each anchor's farthest positive, [`NO_ROW`] where it has
    /// none; only for rules with one triplet an anchor.
    pub positives: Vec<u32>,
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
        self.negatives.resize(slots, NO_ROW);
        self.positive_distances.resize(slots, T::ZERO);
        self.negative_distances.resize(slots, T::ZERO);
        self.positives.resize(if problem.rule().one_per_anchor() { slots } else { 0 }, NO_ROW);
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

    /// The triplets by ascending anchor, then positive.
    pub fn triplets<'m>(&'m self, problem: &'m Problem<'m, T>) -> impl Iterator<Item = Triplet<T>> + 'm {
        let positions = problem.classes().positions();
        let some = |row: u32| (row != NO_ROW).then_some(row);
        positions.iter().zip(0u32..).flat_map(move |(&position, anchor)| {
            let position = position as usize;
            problem.slots(position).map(move |slot| Triplet {
                anchor,
                positive: some(self.positive(problem, position, slot)),
                negative: some(self.negatives[slot]),
                positive_distance: problem.distance().reported(self.positive_distances[slot]),
                negative_distance: problem.distance().reported(self.negative_distances[slot]),
            })
        })
    }
}
