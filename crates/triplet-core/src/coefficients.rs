//! What all triplets together put on each pair of rows.
//!
//! The gradient of a batch is a sum over pairs of rows `(r, m)`: the coefficient
//! `c_rm` times the derivative of their distance. It is symmetric; positive pairs
//! pull (+), negative pairs push (-). Only pairs that some triplet with a slope
//! uses have one, a handful a row.
//!
//! `c_rm = (s_r w_r + s_m w_m) / d`, f64, rounded once: `s_r` adds up the slopes of
//! the triplets of anchor `r` that use the pair, `w` are the anchors' weights, and
//! `1 / d` is there for L2 only.

use crate::{
    Distance, Mined, NO_ROW, Problem, Real,
    tally::{NegativePair, RowSpace},
};

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
    active: Vec<u64>,
    starts: Vec<u32>,
    anchors: Vec<u32>,
}

/// The coefficients of a mined batch, row by row.
#[derive(Debug, Clone, Copy)]
pub struct Coefficients<'a, T: Real> {
    problem: &'a Problem<'a, T>,
    mined: &'a Mined<T>,
    weights: Option<&'a [f64]>,
    /// A bit a slot: whether its triplet has a slope.
    active: &'a [u64],
    /// Where each row's anchors start, by original row, and their end.
    starts: &'a [u32],
    /// Anchors that chose the row in a triplet with a slope, once a choice.
    anchors: &'a [u32],
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
        let CoefficientSpace { active, starts, anchors } = space;
        active.clear();
        active.resize(problem.slot_count().div_ceil(64), 0);
        // Counting sort by chosen row. Starts are one place ahead until it is done.
        starts.clear();
        starts.resize(problem.batch_size() + 2, 0);
        for slot in 0..problem.slot_count() {
            if slope(problem, mined, slot) != 0.0 {
                active[slot / 64] |= 1 << (slot % 64);
                let chosen = mined.negatives[slot];
                if chosen != NO_ROW {
                    starts[chosen as usize + 2] += 1;
                }
            }
        }
        let mut total = 0;
        for start in starts.iter_mut() {
            total += *start;
            *start = total;
        }
        anchors.resize(total as usize, NO_ROW);
        for (position, &anchor) in problem.classes().order().iter().enumerate() {
            for slot in problem.slots(position).filter(|&slot| bit(active, slot)) {
                let chosen = mined.negatives[slot];
                if chosen != NO_ROW {
                    let end = &mut starts[chosen as usize + 1];
                    anchors[*end as usize] = anchor;
                    *end += 1;
                }
            }
        }
        Self { problem, mined, weights, active, starts, anchors }
    }

    /// The problem these belong to.
    #[must_use]
    pub fn problem(&self) -> &'a Problem<'a, T> {
        self.problem
    }

    /// Fills `entries` with the coefficients of an original row: ascending `m`,
    /// none of them zero.
    pub fn row(&self, row: u32, space: &mut RowSpace, entries: &mut Vec<Entry<T>>) {
        let position = self.position(row);
        let own = self.problem.slots(position).filter(|&slot| bit(self.active, slot));
        let own = own.map(|slot| self.mined.negatives[slot]).filter(|&chosen| chosen != NO_ROW);
        let (start, end) = (self.starts[row as usize] as usize, self.starts[row as usize + 1] as usize);
        space.tally(own, &self.anchors[start..end], self.problem.batch_size());

        entries.clear();
        let mut add = |row: u32, value: f64| {
            let coefficient = T::from_f64(value);
            if coefficient != T::ZERO {
                entries.push(Entry { row, coefficient });
            }
        };
        // Positives and negatives are disjoint; both ascend.
        let mut pushes = space.pairs.iter().peekable();
        let classes = self.problem.classes();
        let span = classes.span(position);
        let (first_slot, positives, rank) =
            (classes.pair_slots(span.start).start, span.len() - 1, position - span.start);
        for (other_rank, &other_row) in classes.order()[span.clone()].iter().enumerate() {
            if other_rank == rank {
                continue;
            }
            while let Some(pair) = pushes.next_if(|pair| pair.row < other_row) {
                add(pair.row, -self.push(row, *pair));
            }
            let pull = if self.problem.rule().one_per_anchor() {
                self.hardest_pull(position, span.start + other_rank)
            } else {
                // The slots of the pair in its two orders.
                let slot = |a: usize, b: usize| first_slot + a * positives + b - usize::from(b > a);
                self.pull((row, slot(rank, other_rank)), (other_row, slot(other_rank, rank)))
            };
            add(other_row, pull);
        }
        for pair in pushes {
            add(pair.row, -self.push(row, *pair));
        }
    }

    fn position(&self, row: u32) -> usize {
        self.problem.classes().positions()[row as usize] as usize
    }

    #[inline]
    fn weight(&self, row: u32) -> f64 {
        self.weights.map_or(1.0, |weights| weights[row as usize])
    }

    /// The slope of a slot's term.
    #[inline]
    fn slope(&self, slot: usize) -> f64 {
        match bit(self.active, slot) {
            false => 0.0,
            // All slopes but the soft margin's are 0 or 1.
            true if self.problem.rule().one_per_anchor() => slope(self.problem, self.mined, slot),
            true => 1.0,
        }
    }

    /// What a positive pair is pulled by: anchor and slot, in both orders.
    #[inline]
    fn pull(&self, here: (u32, usize), there: (u32, usize)) -> f64 {
        let side = |(anchor, slot)| self.slope(slot) * self.weight(anchor);
        self.over_distance(side(here) + side(there), self.mined.positive_distances[here.1])
    }

    /// The same for a hard rule, whose anchors pull at their farthest positive only.
    fn hardest_pull(&self, here: usize, there: usize) -> f64 {
        let order = self.problem.classes().order();
        let chose = |anchor: usize, positive: usize| self.mined.positives[anchor] == order[positive];
        let side = |anchor: usize, positive: usize| {
            if chose(anchor, positive) { self.slope(anchor) * self.weight(order[anchor]) } else { 0.0 }
        };
        let anchor = if chose(here, there) { here } else { there };
        self.over_distance(side(here, there) + side(there, here), self.mined.positive_distances[anchor])
    }

    /// Over the distance for L2, as it is otherwise.
    #[inline]
    fn over_distance(&self, strength: f64, searched: T) -> f64 {
        if self.problem.distance() == Distance::L2 {
            strength * self.problem.distance().slope(searched)
        } else {
            strength
        }
    }

    /// What a negative pair is pushed by.
    #[inline]
    fn push(&self, row: u32, pair: NegativePair) -> f64 {
        if !self.problem.needs_slot_of_choice() {
            // Both products are exact zeros where nobody chose.
            return f64::from(pair.own) * self.weight(row) + f64::from(pair.other) * self.weight(pair.row);
        }
        let mut push = 0.0;
        let mut distance_slope = 1.0;
        for (anchor, chosen, times) in [(row, pair.row, pair.own), (pair.row, row, pair.other)] {
            if times == 0 {
                continue;
            }
            let mut slopes = f64::from(times);
            // The distance is the same from both sides, and a hard rule's slope is
            // the one triplet's: both are in a slot of the anchor's own.
            if self.problem.needs_slot_of_choice() {
                let mut slots = self.problem.slots(self.position(anchor));
                if let Some(slot) = slots.find(|&slot| self.mined.negatives[slot] == chosen) {
                    distance_slope = self.problem.distance().slope(self.mined.negative_distances[slot]);
                    if self.problem.rule().one_per_anchor() {
                        slopes = self.slope(slot);
                    }
                }
            }
            push += slopes * self.weight(anchor);
        }
        push * distance_slope
    }
}

#[inline]
fn bit(bits: &[u64], slot: usize) -> bool {
    bits[slot / 64] >> (slot % 64) & 1 == 1
}

/// The slope of a slot's term; 0 where a hard rule has no negative, since the
/// distance that stands in for it is the positive's own and the two cancel.
#[inline]
fn slope<T: Real>(problem: &Problem<'_, T>, mined: &Mined<T>, slot: usize) -> f64 {
    let rule = problem.rule();
    if rule.one_per_anchor() && mined.negatives[slot] == NO_ROW {
        return 0.0;
    }
    let reported = |searched| problem.distance().reported(searched);
    let (positive, negative) = (mined.positive_distances[slot], mined.negative_distances[slot]);
    rule.term(problem.margin(), reported(positive), reported(negative)).slope
}
