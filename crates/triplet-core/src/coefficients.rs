//! What all triplets together put on each pair of rows.
//!
//! The gradient of a batch is a sum over pairs of rows `(r, m)`: the coefficient
//! `c_rm` times the derivative of their distance. It is symmetric; positive pairs
//! pull (+), negative pairs push (-). Only pairs that some triplet with a slope
//! uses have one, a handful a row.

use crate::{Mined, NO_ROW, Problem, Real};

/// One term of a gradient row: `c_rm` and its `m`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Entry<T> {
    /// The other row, `m`, by original index.
    pub row: u32,
    /// The coefficient, rounded once.
    pub coefficient: T,
}

/// Memory behind [`Coefficients`], kept so that later calls allocate nothing.
#[derive(Debug, Clone, Default)]
pub struct CoefficientSpace {
    positions: Vec<u32>,
    incoming_starts: Vec<u32>,
    incoming: Vec<u32>,
}

/// Memory of one worker that asks for rows.
#[derive(Debug, Clone, Default)]
pub struct RowSpace {
    pulls: Vec<(u32, f64)>,
    pushes: Vec<Push>,
}

/// What one of the two anchors of a negative pair puts on it.
#[derive(Debug, Clone, Copy)]
struct Push {
    /// The other row.
    row: u32,
    /// Slopes of the anchor's triplets with this negative, times its weight.
    strength: f64,
    /// The distance's own slope, the same from both sides.
    slope: f64,
}

/// The coefficients of a mined batch, row by row.
#[derive(Debug, Clone, Copy)]
pub struct Coefficients<'a, T: Real> {
    problem: &'a Problem<'a, T>,
    mined: &'a Mined<T>,
    weights: Option<&'a [f64]>,
    /// Position of each original row.
    positions: &'a [u32],
    /// Where each row's incoming anchors start, by original row, and their end.
    incoming_starts: &'a [u32],
    /// Anchors that chose the row in a triplet with a slope: ascending, once a choice.
    incoming: &'a [u32],
}

impl<'a, T: Real> Coefficients<'a, T> {
    /// Transposes the choices: for each row, the anchors that chose it.
    ///
    /// `weights` are factors by original row; without them every factor is 1.
    pub fn new(
        problem: &'a Problem<'a, T>,
        mined: &'a Mined<T>,
        weights: Option<&'a [f64]>,
        space: &'a mut CoefficientSpace,
    ) -> Self {
        let order = problem.classes().order();
        let CoefficientSpace { positions, incoming_starts, incoming } = space;
        positions.resize(order.len(), 0);
        for (&row, position) in order.iter().zip(0u32..) {
            positions[row as usize] = position;
        }
        // Counting sort by chosen row; anchors are walked in ascending order, so
        // every row's list ascends. Starts are one place ahead until it is done.
        incoming_starts.clear();
        incoming_starts.resize(order.len() + 2, 0);
        let mut total = 0;
        for_each_choice(problem, mined, positions, |_, chosen| {
            incoming_starts[chosen as usize + 2] += 1;
            total += 1;
        });
        for row in 2..incoming_starts.len() {
            incoming_starts[row] += incoming_starts[row - 1];
        }
        incoming.resize(total, NO_ROW);
        for_each_choice(problem, mined, positions, |anchor, chosen| {
            let end = &mut incoming_starts[chosen as usize + 1];
            incoming[*end as usize] = anchor;
            *end += 1;
        });
        Self { problem, mined, weights, positions, incoming_starts, incoming }
    }

    /// The problem these belong to.
    #[must_use]
    pub fn problem(&self) -> &'a Problem<'a, T> {
        self.problem
    }

    /// Fills `entries` with the coefficients of an original row: ascending `m`,
    /// none of them zero.
    pub fn row(&self, row: u32, space: &mut RowSpace, entries: &mut Vec<Entry<T>>) {
        let RowSpace { pulls, pushes } = space;
        pulls.clear();
        pushes.clear();
        if self.problem.rule().one_per_anchor() {
            self.hardest_pairs(row, pulls, pushes);
        } else {
            self.positive_pairs(row, pulls);
            self.own_negatives(row, pushes);
        }
        self.incoming_negatives(row, pushes);
        // A pair chosen from both sides has two neighbouring entries, whose sum does
        // not depend on their order.
        pushes.sort_unstable_by_key(|push| push.row);
        merge(pulls, pushes, entries);
    }

    fn weight(&self, row: u32) -> f64 {
        self.weights.map_or(1.0, |weights| weights[row as usize])
    }

    /// How strongly a slot's triplet pulls, before the anchor's weight.
    fn slope(&self, slot: usize) -> f64 {
        slope(self.problem, self.mined, slot)
    }

    /// Positive pairs of the semi-hard rules: each direction is a triplet of its own.
    fn positive_pairs(&self, row: u32, pulls: &mut Vec<(u32, f64)>) {
        let classes = self.problem.classes();
        let position = self.positions[row as usize] as usize;
        for other_position in classes.span(position).filter(|&p| p != position) {
            let other = classes.order()[other_position];
            let (here, there) =
                (classes.pair_slot(position, other_position), classes.pair_slot(other_position, position));
            let pull = self.slope(here) * self.weight(row) + self.slope(there) * self.weight(other);
            let searched = self.mined.positive_distances[here];
            pulls.push((other, pull * self.problem.distance().slope(searched)));
        }
    }

    /// Negatives that the row chose itself, one entry each: slopes are added up
    /// first (whole numbers, unless there is but one) and weighted once.
    fn own_negatives(&self, row: u32, pushes: &mut Vec<Push>) {
        let position = self.positions[row as usize] as usize;
        for slot in self.problem.slots(position) {
            let (chosen, strength) = (self.mined.negatives[slot], self.slope(slot));
            if chosen != NO_ROW && strength != 0.0 {
                let searched = self.mined.negative_distances[slot];
                pushes.push(Push { row: chosen, strength, slope: self.problem.distance().slope(searched) });
            }
        }
        pushes.sort_unstable_by_key(|push| push.row);
        pushes.dedup_by(|next, kept| {
            let same = next.row == kept.row;
            kept.strength += if same { next.strength } else { 0.0 };
            same
        });
        let weight = self.weight(row);
        pushes.iter_mut().for_each(|push| push.strength *= weight);
    }

    /// The one triplet of the row as anchor, for hard rules, and the anchors of its
    /// class that chose the row as their farthest positive.
    fn hardest_pairs(&self, row: u32, pulls: &mut Vec<(u32, f64)>, pushes: &mut Vec<Push>) {
        self.own_negatives(row, pushes);
        let classes = self.problem.classes();
        let position = self.positions[row as usize] as usize;
        for other_position in classes.span(position).filter(|&p| p != position) {
            let other = classes.order()[other_position];
            let mut pull = 0.0;
            let mut slope = 0.0;
            for (anchor, from, to) in [(row, position, other), (other, other_position, row)] {
                if self.mined.positives[from] == to {
                    pull += self.slope(from) * self.weight(anchor);
                    slope = self.problem.distance().slope(self.mined.positive_distances[from]);
                }
            }
            pulls.push((other, pull * slope));
        }
    }

    /// Anchors that chose the row as their negative.
    fn incoming_negatives(&self, row: u32, pushes: &mut Vec<Push>) {
        let (start, end) = (self.incoming_starts[row as usize], self.incoming_starts[row as usize + 1]);
        for anchors in self.incoming[start as usize..end as usize].chunk_by(|a, b| a == b) {
            let anchor = anchors[0];
            let mut slots = self.problem.slots(self.positions[anchor as usize] as usize);
            // One of the anchor's own slots knows the distance and, with one slot, the slope.
            let slot = slots.find(|&slot| self.mined.negatives[slot] == row).unwrap_or(0);
            let slopes =
                if self.problem.rule().one_per_anchor() { self.slope(slot) } else { anchors.len() as f64 };
            pushes.push(Push {
                row: anchor,
                strength: slopes * self.weight(anchor),
                slope: self.problem.distance().slope(self.mined.negative_distances[slot]),
            });
        }
    }
}

/// The slope of a slot's term; 0 where a hard rule has no negative, since the
/// distance that stands in for it is the positive's own and the two cancel.
fn slope<T: Real>(problem: &Problem<'_, T>, mined: &Mined<T>, slot: usize) -> f64 {
    let rule = problem.rule();
    if rule.one_per_anchor() && mined.negatives[slot] == NO_ROW {
        return 0.0;
    }
    let reported = |searched| problem.distance().reported(searched);
    let (positive, negative) = (mined.positive_distances[slot], mined.negative_distances[slot]);
    rule.term(problem.margin(), reported(positive), reported(negative)).slope
}

/// Calls `visit(anchor, negative)` for each triplet with a slope, anchors ascending.
fn for_each_choice<T: Real>(
    problem: &Problem<'_, T>,
    mined: &Mined<T>,
    positions: &[u32],
    mut visit: impl FnMut(u32, u32),
) {
    for (&position, anchor) in positions.iter().zip(0u32..) {
        for slot in problem.slots(position as usize) {
            let chosen = mined.negatives[slot];
            if chosen != NO_ROW && slope(problem, mined, slot) != 0.0 {
                visit(anchor, chosen);
            }
        }
    }
}

/// Merges pulls and pushes, both ascending and disjoint, rounding each pair once.
fn merge<T: Real>(pulls: &[(u32, f64)], pushes: &[Push], entries: &mut Vec<Entry<T>>) {
    entries.clear();
    let mut push_groups = pushes.chunk_by(|a, b| a.row == b.row).peekable();
    let mut add = |row: u32, value: f64| {
        let coefficient = T::from_f64(value);
        if coefficient != T::ZERO {
            entries.push(Entry { row, coefficient });
        }
    };
    let total = |group: &[Push]| -group.iter().map(|push| push.strength).sum::<f64>() * group[0].slope;
    for &(row, pull) in pulls {
        while let Some(group) = push_groups.next_if(|group| group[0].row < row) {
            add(group[0].row, total(group));
        }
        add(row, pull);
    }
    for group in push_groups {
        add(group[0].row, total(group));
    }
}
