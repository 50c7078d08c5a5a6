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
    entries::{Appended, Entries},
    tally::{Sums, Tally, TallyBuffers},
};
use triplet_core::{GradientInputs, Problem, Real};

/// The coefficients of a window of rows, row by row.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Coefficients<'a, T: Real> {
    inputs: GradientInputs<'a, T>,
    choices: Choices<'a>,
    /// Whether every sum is a count: no weights, derivatives 0 or 1.
    counts: bool,
}

/// Keys of the ranking values from a row to all rows, by position, for when they were
/// not kept.
pub(crate) type RowDistances<'a, T> = Option<&'a [<T as Real>::Key]>;

impl<'a, T: Real> Coefficients<'a, T> {
    /// From evaluated triplets, and the choices of a window of rows.
    pub(crate) fn new(inputs: GradientInputs<'a, T>, choices: Choices<'a>) -> Self {
        let GradientInputs { problem, scale, .. } = inputs;
        Self { inputs, choices, counts: scale.weights.is_none() && problem.rule().has_unit_derivatives() }
    }

    /// The problem these belong to.
    pub(crate) fn problem(&self) -> &'a Problem<'a, T> {
        self.inputs.problem
    }

    /// What every component is multiplied by at the end.
    pub(crate) fn scale(&self) -> T {
        self.inputs.scale.scale
    }

    /// Appends the terms of an original row of the window to `entries`, ascending `m`. Where the distance of
    /// a pair is needed, they are unfinished.
    pub(crate) fn row(
        &self,
        row: u32,
        distances: RowDistances<'_, T>,
        buffers: &mut TallyBuffers<T>,
        entries: &mut Entries<T>,
    ) {
        let weights = self.inputs.scale.weights;
        match (self.counts, self.problem().distance().needs_pair_distance()) {
            (true, false) => self.add_up::<_, false>(row, distances, buffers.counts(), entries),
            (true, true) => self.add_up::<_, true>(row, distances, buffers.counts(), entries),
            (false, false) => {
                self.add_up::<_, false>(row, distances, buffers.weighted(row, weights), entries);
            }
            (false, true) => self.add_up::<_, true>(row, distances, buffers.weighted(row, weights), entries),
        }
    }

    fn add_up<S: Sums, const DISTANCES: bool>(
        &self,
        row: u32,
        distances: RowDistances<'_, T>,
        mut tally: Tally<'_, S, T>,
        entries: &mut Entries<T>,
    ) {
        let GradientInputs { problem, triplets, .. } = self.inputs;
        let positions = problem.classes().positions();
        let position = positions[row as usize] as usize;
        let none = S::Derivative::from(false);
        let noted = DISTANCES && triplets.keeps_distances();
        for_each_with_gradient(self.inputs, position..position + 1, |_, slot, chosen| {
            tally.add(chosen, [-self.derivative::<S>(slot), none]);
            if noted {
                tally.note(chosen, triplets.negative_distances[slot]);
            }
        });
        self.choices.of(self.inputs, row, |anchor, slot| {
            tally.add(anchor, [none, -self.derivative::<S>(slot)]);
            if noted {
                tally.note(anchor, triplets.negative_distances[slot]);
            }
        });
        if problem.rule().one_per_anchor() {
            self.add_hardest_positives(row, position, &mut tally, noted);
        } else {
            self.add_positives(position, &mut tally, noted);
        }
        let Appended { rows, coefficients, strengths } = entries.append(tally.len());
        let mut at = 0;
        tally.drain(|other, sum, noted| {
            rows[at] = other;
            coefficients[at] = if DISTANCES {
                strengths[at] = sum;
                distances.map_or(noted, |all| T::from_key(all[positions[other as usize] as usize]))
            } else {
                T::from_f64(sum)
            };
            at += 1;
        });
    }

    /// The derivative of the term of a triplet that has a gradient.
    #[inline(always)]
    fn derivative<S: Sums>(&self, slot: usize) -> S::Derivative {
        let (problem, triplets) = (self.problem(), self.inputs.triplets);
        S::derivative(|| {
            if problem.rule().has_unit_derivatives() {
                return 1.0;
            }
            let distance = |values: &[T]| problem.distance().of_ranking_value(values[slot]);
            let (near, far) =
                (distance(&triplets.positive_distances), distance(&triplets.negative_distances));
            problem.rule().term(problem.margin(), near, far).derivative
        })
    }

    /// Adds the pairs of a row's class, with one triplet an ordered pair.
    #[inline(always)]
    fn add_positives<S: Sums>(&self, position: usize, tally: &mut Tally<'_, S, T>, noted: bool) {
        let (problem, triplets) = (self.problem(), self.inputs.triplets);
        let classes = problem.classes();
        let span = classes.span(position);
        let own = position - span.start;
        // The flags of the class: a row of whole words an anchor.
        let flag_words = |position| problem.slots().flag_words(position);
        let (first_word, end_word) = (flag_words(span.start).start, flag_words(span.end - 1).end);
        let flags = &triplets.has_gradient[first_word..end_word];
        let words = flags.len() / span.len();
        let flag = |anchor: usize, rank: usize| flags[anchor * words + rank / 64] >> (rank % 64) & 1 == 1;
        let first_slot = problem.slots().of(position).start;
        for (other, &member) in classes.order()[span].iter().enumerate() {
            let (rank, other_rank) = match other.cmp(&own) {
                core::cmp::Ordering::Less => (other, own - 1),
                core::cmp::Ordering::Equal => continue,
                core::cmp::Ordering::Greater => (other - 1, own),
            };
            let [mine, theirs] = [flag(own, rank), flag(other, other_rank)];
            if mine || theirs {
                tally.add(member, [mine.into(), theirs.into()]);
                if noted {
                    tally.note(member, triplets.positive_distances[first_slot + rank]);
                }
            }
        }
    }

    /// Adds the pairs of a row's class, with one triplet an anchor: with its farthest positive only.
    fn add_hardest_positives<S: Sums>(
        &self,
        row: u32,
        position: usize,
        tally: &mut Tally<'_, S, T>,
        noted: bool,
    ) {
        let (problem, triplets) = (self.problem(), self.inputs.triplets);
        let none = S::Derivative::from(false);
        let mut add = |anchor: usize, row: u32, side: usize| {
            if triplets.has_gradient(problem, anchor, 0) {
                let mut sides = [none; 2];
                sides[side] = self.derivative::<S>(anchor);
                tally.add(row, sides);
                if noted {
                    tally.note(row, triplets.positive_distances[anchor]);
                }
            }
        };
        let span = problem.classes().span(position);
        for (other, &member) in span.clone().zip(&problem.classes().order()[span]) {
            if triplets.positives[position] == member {
                add(position, member, 0);
            }
            if triplets.positives[other] == row {
                add(other, member, 1);
            }
        }
    }
}
