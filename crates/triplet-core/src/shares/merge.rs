//! What several ranks found for an anchor, put together.

use super::{WholeUnits, shared_slots};
use crate::{NO_ROW, Problem, Real, Triplets, rule, terms::TripletCounts};
use core::ops::Range;

/// Whose anchors are merged, and from what.
#[derive(Debug, Clone, Copy)]
pub struct Merging<'a, T> {
    /// Which anchors were searched alone, and are left as they are.
    pub whole: &'a WholeUnits,
    /// The first of the anchors, by original row.
    pub first: usize,
    /// After the last of them.
    pub end: usize,
    /// What each rank found for the slots of these anchors, as [`shared_slots`] lists them: candidates by original row,
    /// [`NO_ROW`] for none.
    pub found: &'a [&'a [u32]],
    /// The ranking values of these, where they and the distances of the positives are kept; without, all are computed
    /// again.
    pub values: Option<&'a [&'a [T]]>,
}

impl<T> Merging<'_, T> {
    /// The anchors, by original row.
    #[must_use]
    pub fn rows(&self) -> Range<usize> {
        self.first..self.end
    }
}

/// Takes the best of what was found for each slot, writes it to `out` and evaluates the terms of these anchors; adds
/// what they count to `out.counts`.
///
/// `values(anchor, rows, out)` gives the ranking values of an anchor and some candidates, where they are not known.
///
/// The example of [`crate::Engine::mine_share`] ends with it.
pub fn merge<T: Real>(
    problem: &Problem<'_, T>,
    merging: &Merging<'_, T>,
    mut values: impl FnMut(u32, &[u32], &mut Vec<T>),
    out: &mut Triplets<T>,
) {
    let Merging { whole, found, values: known, .. } = *merging;
    let known = known.filter(|_| out.keeps_distances());
    let mut anchor = AnchorCandidates::default();
    let mut merged: Vec<Anchor<T>> = Vec::new();
    let mut next = 0;
    for row in merging.rows() {
        let position = problem.position_of(row as u32);
        let slots = problem.slots().of(position);
        if whole.contains(position) || slots.is_empty() {
            continue;
        }
        let lists = next..next + slots.len();
        next = lists.end;
        let positives = slots.clone().map(|slot| out.positive(problem, position, slot));
        anchor.list(positives, found.iter().map(|found| &found[lists.clone()]));
        match known {
            Some(known) => {
                anchor.values.clear();
                anchor.values.extend_from_slice(&out.positive_distances[slots]);
                known.iter().for_each(|known| anchor.values.extend_from_slice(&known[lists.clone()]));
            }
            None => values(row as u32, &anchor.rows, &mut anchor.values),
        }
        merged.push(anchor.best(problem, position));
    }
    merged.sort_unstable_by_key(|anchor| anchor.position);
    let mut counts = TripletCounts::default();
    let keeps = out.keeps_distances();
    let positions = 0..problem.anchors().len();
    let mut rest = merged.iter().peekable();
    for mut part in out.parts(problem, positions.map(|position| position..position + 1)) {
        let Some(anchor) = rest.next_if(|anchor| anchor.position == part.positions().start) else { continue };
        let place = part.anchor(problem, anchor.position);
        place.negatives.copy_from_slice(&anchor.negatives);
        if keeps {
            place.positive_distances.copy_from_slice(&anchor.near);
            place.negative_distances.copy_from_slice(&anchor.far);
        }
        counts += place.evaluate_terms_with(problem, &anchor.near, &anchor.far);
    }
    out.counts += counts;
    debug_assert_eq!(next, shared_slots(problem, whole, merging.rows()).count());
}

/// The triplets of an anchor, merged.
struct Anchor<T> {
    position: usize,
    negatives: Vec<u32>,
    near: Vec<T>,
    far: Vec<T>,
}

/// The rows that an anchor is compared with: its positives, then, slot by slot, what each rank found.
struct AnchorCandidates<T> {
    rows: Vec<u32>,
    values: Vec<T>,
    slots: usize,
}

impl<T> Default for AnchorCandidates<T> {
    fn default() -> Self {
        Self { rows: Vec::new(), values: Vec::new(), slots: 0 }
    }
}

impl<T: Real> AnchorCandidates<T> {
    fn list<'f>(
        &mut self,
        positives: impl ExactSizeIterator<Item = u32>,
        found: impl Iterator<Item = &'f [u32]>,
    ) {
        self.slots = positives.len();
        self.rows.clear();
        self.rows.extend(positives);
        found.for_each(|found| self.rows.extend_from_slice(found));
    }

    fn best(&self, problem: &Problem<'_, T>, position: usize) -> Anchor<T> {
        let Self { rows, values, slots } = self;
        let mut merged = Anchor { position, negatives: Vec::new(), near: Vec::new(), far: Vec::new() };
        for slot in 0..*slots {
            let near = if rows[slot] == NO_ROW { T::ZERO } else { values[slot] };
            let threshold = problem.threshold(near);
            // A candidate that reaches the threshold, by its excess, else the farthest.
            let (mut nearest, mut farthest) = (None, None);
            for place in (*slots + slot..rows.len()).step_by(*slots).filter(|&place| rows[place] != NO_ROW) {
                let (key, row) = (values[place].key(), rows[place]);
                if key >= threshold {
                    let candidate = (key, row);
                    if nearest.is_none_or(|best| rule::nearer(candidate, best)) {
                        nearest = Some(candidate);
                    }
                } else if farthest.is_none_or(|best| rule::farther((key, row), best)) {
                    farthest = Some((key, row));
                }
            }
            let chosen = nearest.or(farthest).map(|(key, row)| (row, T::from_key(key)));
            let (row, far) = chosen.unwrap_or_else(|| problem.missing_negative(near));
            merged.negatives.push(row);
            merged.near.push(near);
            merged.far.push(far);
        }
        merged
    }
}
