//! Triplets one by one, in original rows and distances.

use super::Triplets;
use crate::{NO_ROW, Problem, Real};

/// One triplet, in original rows and distances (not ranking values); see the example of
/// [`Triplets`].
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

/// The rows of one triplet, by original index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TripletRows {
    /// The anchor.
    pub anchor: u32,
    /// Its positive; `None` for a hard rule's anchor without one.
    pub positive: Option<u32>,
    /// Its negative; `None` where the anchor has none.
    pub negative: Option<u32>,
}

impl<T: Real> Triplets<T> {
    /// Original row of a slot's positive, or [`NO_ROW`].
    #[inline]
    #[must_use]
    pub fn positive(&self, problem: &Problem<'_, T>, position: usize, slot: usize) -> u32 {
        match self.positives.get(slot) {
            Some(&row) => row,
            None => problem.positive(position, slot - problem.slots().of(position).start),
        }
    }

    /// Distances of the pairs that exist, positives and chosen negatives, of
    /// every k-th slot so that at most `most` slots are visited.
    #[must_use]
    pub fn sample_distances(&self, problem: &Problem<'_, T>, most: usize) -> (Vec<T>, Vec<T>) {
        let slots = problem.slots();
        let step = slots.count().div_ceil(most.max(1)).max(1);
        let visited = (0..slots.count()).step_by(step);
        let distance = problem.distance();
        let (mut near, mut far) = (Vec::with_capacity(visited.len()), Vec::with_capacity(visited.len()));
        for slot in visited {
            let negative = self.negatives[slot];
            let kept = self.positive_distances.get(slot).zip(self.negative_distances.get(slot));
            // A hard rule's anchor may have no positive, and whether it has needs no position.
            let without_positive = self.positives.get(slot) == Some(&NO_ROW);
            match kept {
                Some((&positive_distance, &negative_distance)) => {
                    if !without_positive {
                        near.push(distance.of_ranking_value(positive_distance));
                    }
                    if negative != NO_ROW {
                        far.push(distance.of_ranking_value(negative_distance));
                    }
                }
                None => {
                    let position = slots.anchor_of(slot);
                    let anchor = problem.anchor_at(position);
                    let positive = self.positive(problem, position, slot);
                    for (row, list) in [(positive, &mut near), (negative, &mut far)] {
                        if row != NO_ROW {
                            let value = problem.comparison().ranking_value(anchor, row);
                            list.push(distance.of_ranking_value(value));
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
        self.slot_rows(problem).map(move |(slot, rows)| {
            let TripletRows { anchor, positive, negative } = rows;
            let value = |row: u32| problem.comparison().ranking_value(anchor, row);
            let (near, far) = match self.positive_distances.get(slot) {
                Some(&near) => (near, self.negative_distances[slot]),
                None => {
                    // A slot without a positive is a hard rule's, whose distances are kept.
                    let near = positive.map_or(T::ZERO, value);
                    (near, negative.map_or_else(|| problem.missing_negative(near).1, value))
                }
            };
            Triplet {
                anchor,
                positive,
                negative,
                positive_distance: problem.distance().of_ranking_value(near),
                negative_distance: problem.distance().of_ranking_value(far),
            }
        })
    }

    /// The rows of the triplets by ascending anchor, then positive; no distance is looked up or computed.
    pub fn rows<'m>(&'m self, problem: &'m Problem<'m, T>) -> impl Iterator<Item = TripletRows> + 'm {
        self.slot_rows(problem).map(|(_, rows)| rows)
    }

    fn slot_rows<'m>(
        &'m self,
        problem: &'m Problem<'m, T>,
    ) -> impl Iterator<Item = (usize, TripletRows)> + 'm {
        let some = |row: u32| (row != NO_ROW).then_some(row);
        (0..problem.anchors().len() as u32).flat_map(move |anchor| {
            let position = problem.position_of(anchor);
            problem.slots().of(position).map(move |slot| {
                let positive = some(self.positive(problem, position, slot));
                (slot, TripletRows { anchor, positive, negative: some(self.negatives[slot]) })
            })
        })
    }
}
