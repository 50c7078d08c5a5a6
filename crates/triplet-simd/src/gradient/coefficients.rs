//! What all triplets together put on each pair of rows.
//!
//! The gradient of a batch is a sum over pairs of rows `(r, m)`: the coefficient
//! `c_rm` times the derivative of their distance. It is symmetric, positive for positive pairs
//! and negative for negative pairs. Only pairs of some triplet that has a gradient
//! have one.
//!
//! `c_rm = (s_r w_r + s_m w_m) / d`, f64, rounded once: `s_r` adds up the derivatives of
//! the terms of the triplets of anchor `r` that use the pair, `w` are the anchors' weights, and
//! `1 / d` is there for L2 only.

use super::{
    chosen_by::{Choices, for_each_with_gradient},
    pair_counts::{ChosenBy, NegativePair, RowBuffers, Sums, TABLE_FROM},
};
use triplet_core::{GradientInputs, Problem, Real};

/// One term of a gradient row: `c_rm` and its `m`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Entry<T> {
    /// The other row, `m`, by original index.
    pub(crate) row: u32,
    /// The coefficient, rounded once.
    pub(crate) coefficient: T,
}

/// The coefficients of a window of rows, row by row.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Coefficients<'a, T: Real> {
    inputs: GradientInputs<'a, T>,
    choices: Choices<'a>,
    /// Whether every coefficient is a count: no weights, no distances, derivatives 0 or 1.
    counts: bool,
}

/// A row of a class: its original index, and its position in class order.
#[derive(Debug, Clone, Copy)]
struct Place {
    row: u32,
    position: usize,
}

/// Keys of the ranking values from a row to all rows, by position, for when they were
/// not kept.
pub(crate) type RowDistances<'a, T> = Option<&'a [<T as Real>::Key]>;

impl<'a, T: Real> Coefficients<'a, T> {
    /// From evaluated triplets, and the choices of a window of rows.
    pub(crate) fn new(inputs: GradientInputs<'a, T>, choices: Choices<'a>) -> Self {
        let GradientInputs { problem, scale, .. } = inputs;
        let counts = scale.weights.is_none()
            && !problem.rule().one_per_anchor()
            && problem.rule().has_unit_derivatives()
            && !problem.distance().needs_pair_distance();
        Self { inputs, choices, counts }
    }

    /// The problem these belong to.
    pub(crate) fn problem(&self) -> &'a Problem<'a, T> {
        self.inputs.problem
    }

    /// What every component is multiplied by at the end.
    pub(crate) fn scale(&self) -> T {
        self.inputs.scale.scale
    }

    /// Appends the coefficients of an original row of the window to `entries`:
    /// ascending `m`, none of them zero.
    pub(crate) fn row(
        &self,
        row: u32,
        distances: RowDistances<'_, T>,
        buffers: &mut RowBuffers,
        entries: &mut Vec<Entry<T>>,
    ) {
        let problem = self.problem();
        let position = problem.classes().positions()[row as usize] as usize;
        let many = problem.slots().of(position).len().saturating_add(self.choices.len(row)) >= TABLE_FROM;
        if self.counts && many {
            return self.row_of_counts(
                row,
                position,
                buffers.dense_sums(problem.candidates().len()),
                entries,
            );
        }
        if self.counts {
            return self.row_of_counts(row, position, buffers.sorted_sums(), entries);
        }
        buffers.begin(problem.candidates().len(), many);
        let own = position..position + 1;
        if many {
            for_each_with_gradient(self.inputs, own, |_, slot, chosen| {
                buffers.count(ChosenBy::Own, chosen, slot);
            });
            self.choices.of(self.inputs, row, |anchor, slot| buffers.count(ChosenBy::Other, anchor, slot));
            buffers.collect();
        } else {
            for_each_with_gradient(self.inputs, own, |_, slot, chosen| {
                buffers.note(ChosenBy::Own, chosen, slot);
            });
            self.choices.of(self.inputs, row, |anchor, slot| buffers.note(ChosenBy::Other, anchor, slot));
            buffers.sort();
        }
        self.merge(row, position, distances, buffers, entries);
    }

    /// Every coefficient is a whole number: positives count up, negatives down.
    fn row_of_counts(&self, row: u32, position: usize, mut sums: impl Sums, entries: &mut Vec<Entry<T>>) {
        let (problem, triplets) = (self.problem(), self.inputs.triplets);
        let classes = problem.classes();
        for_each_with_gradient(self.inputs, position..position + 1, |_, _, chosen| sums.add(chosen, -1));
        self.choices.of(self.inputs, row, |anchor, _| sums.add(anchor, -1));
        let span = classes.span(position);
        let own = position - span.start;
        // The flags of the class: a row of whole words an anchor.
        let flag_words = |position| problem.slots().flag_words(position);
        let (first_word, end_word) = (flag_words(span.start).start, flag_words(span.end - 1).end);
        let flags = &triplets.has_gradient[first_word..end_word];
        let words = flags.len() / span.len();
        let flag = |anchor: usize, rank: usize| (flags[anchor * words + rank / 64] >> (rank % 64) & 1) as i32;
        for (other, &member) in classes.order()[span].iter().enumerate() {
            let count = match other.cmp(&own) {
                core::cmp::Ordering::Less => flag(own, other) + flag(other, own - 1),
                core::cmp::Ordering::Equal => 0,
                core::cmp::Ordering::Greater => flag(own, other - 1) + flag(other, own),
            };
            if count != 0 {
                sums.add(member, count);
            }
        }
        sums.drain(|row, count| {
            if count != 0 {
                entries.push(Entry { row, coefficient: T::from_f64(f64::from(count)) });
            }
        });
    }

    /// Merges the class's rows and the pairs of the tally; both ascend.
    fn merge(
        &self,
        row: u32,
        position: usize,
        distances: RowDistances<'_, T>,
        buffers: &RowBuffers,
        entries: &mut Vec<Entry<T>>,
    ) {
        let mut add = |row: u32, value: f64| {
            let coefficient = T::from_f64(value);
            if coefficient != T::ZERO {
                entries.push(Entry { row, coefficient });
            }
        };
        let mut negatives = buffers.pairs.iter().peekable();
        let classes = self.problem().classes();
        let span = classes.span(position);
        for (other, &member) in span.clone().zip(&classes.order()[span]) {
            if other == position {
                continue;
            }
            while let Some(pair) = negatives.next_if(|pair| pair.row < member) {
                add(pair.row, -self.of_negative_pair(row, *pair, distances));
            }
            let places = [Place { row, position }, Place { row: member, position: other }];
            add(member, self.of_positive_pair(places, distances));
        }
        for pair in negatives {
            add(pair.row, -self.of_negative_pair(row, *pair, distances));
        }
    }

    #[inline]
    fn weight(&self, row: u32) -> f64 {
        self.inputs.scale.weights.map_or(1.0, |weights| weights[row as usize])
    }

    /// The derivative of the term of an anchor's triplet; `rank` counts from its first slot.
    #[inline]
    fn derivative(&self, position: usize, rank: usize) -> f64 {
        let (problem, triplets) = (self.problem(), self.inputs.triplets);
        if !triplets.has_gradient(problem, position, rank) {
            return 0.0;
        }
        if problem.rule().has_unit_derivatives() {
            return 1.0;
        }
        let slot = problem.slots().of(position).start + rank;
        let distance = |values: &[T]| problem.distance().of_ranking_value(values[slot]);
        let (near, far) = (distance(&triplets.positive_distances), distance(&triplets.negative_distances));
        problem.rule().term(problem.margin(), near, far).derivative
    }

    /// The coefficient of a positive pair, before it is rounded.
    fn of_positive_pair(&self, [r, m]: [Place; 2], distances: RowDistances<'_, T>) -> f64 {
        let (problem, triplets) = (self.problem(), self.inputs.triplets);
        let hardest = problem.rule().one_per_anchor();
        let span = problem.classes().span(r.position);
        let weighted = |anchor: Place, positive: Place| {
            if hardest {
                // A hard rule's anchor has a triplet with its farthest positive only.
                return if triplets.positives[anchor.position] == positive.row {
                    self.derivative(anchor.position, 0) * self.weight(anchor.row)
                } else {
                    0.0
                };
            }
            let rank = positive.position - span.start - usize::from(positive.position > anchor.position);
            self.derivative(anchor.position, rank) * self.weight(anchor.row)
        };
        let strength = weighted(r, m) + weighted(m, r);
        if !problem.distance().needs_pair_distance() {
            return strength;
        }
        let value = if !triplets.keeps_distances() {
            let computed = || problem.comparison().ranking_value(r.row, m.row);
            distances.map_or_else(computed, |all| T::from_key(all[m.position]))
        } else if hardest {
            let anchor = if triplets.positives[r.position] == m.row { r } else { m };
            triplets.positive_distances[anchor.position]
        } else {
            triplets.positive_distances[problem.classes().pair_slot(r.position, m.position)]
        };
        strength * problem.distance().derivative(value)
    }

    /// The magnitude of the coefficient of a negative pair, before it is rounded.
    fn of_negative_pair(&self, row: u32, pair: NegativePair, distances: RowDistances<'_, T>) -> f64 {
        let (problem, triplets) = (self.problem(), self.inputs.triplets);
        let position = |row: u32| problem.classes().positions()[row as usize] as usize;
        let derivatives = |anchor: u32, times: u32| match times {
            0 => 0.0,
            // The one triplet of the anchor.
            _ if problem.rule().one_per_anchor() => self.derivative(position(anchor), 0),
            _ => f64::from(times),
        };
        // The product is an exact zero for a row that did not choose the other.
        let strength = derivatives(row, pair.own) * self.weight(row)
            + derivatives(pair.row, pair.other) * self.weight(pair.row);
        if !problem.distance().needs_pair_distance() {
            return strength;
        }
        let value = if triplets.keeps_distances() {
            triplets.negative_distances[pair.slot as usize]
        } else {
            let computed = || problem.comparison().ranking_value(row, pair.row);
            distances.map_or_else(computed, |all| T::from_key(all[position(pair.row)]))
        };
        strength * problem.distance().derivative(value)
    }
}
