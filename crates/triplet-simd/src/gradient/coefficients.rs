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
    entries::{Appended, Entries},
    source::{Mined, Source},
    tally::{Sums, Tally, TallyBuffers},
};
use triplet_core::{GradientScale, Problem, Real};

/// The coefficients of some rows, row by row.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Coefficients<'a, T: Real, S> {
    problem: &'a Problem<'a, T>,
    scale: GradientScale<'a, T>,
    source: S,
    /// Whether every sum is a count: no weights, derivatives 0 or 1.
    counts: bool,
}

/// Keys of the ranking values from a row to all rows, by position, for when they were
/// not kept.
pub(crate) type RowDistances<'a, T> = Option<&'a [<T as Real>::Key]>;

impl<'a, T: Real, S: Source<T>> Coefficients<'a, T, S> {
    /// From evaluated triplets.
    pub(crate) fn new(problem: &'a Problem<'a, T>, scale: GradientScale<'a, T>, source: S) -> Self {
        Self {
            problem,
            scale,
            source,
            counts: scale.weights.is_none() && problem.rule().has_unit_derivatives(),
        }
    }

    /// The problem these belong to.
    pub(crate) fn problem(&self) -> &'a Problem<'a, T> {
        self.problem
    }

    /// Appends the terms of an original row to `entries`, ascending `m`. Where the distance of
    /// a pair is needed, they are unfinished.
    pub(crate) fn row(
        &self,
        row: u32,
        distances: RowDistances<'_, T>,
        buffers: &mut TallyBuffers<T>,
        entries: &mut Entries<T>,
    ) {
        let weights = self.scale.weights;
        match (self.counts, self.problem.distance().needs_pair_distance()) {
            (true, false) => self.add_up::<_, false>(row, distances, buffers.counts(), entries),
            (true, true) => self.add_up::<_, true>(row, distances, buffers.counts(), entries),
            (false, false) => {
                self.add_up::<_, false>(row, distances, buffers.weighted(row, weights), entries);
            }
            (false, true) => self.add_up::<_, true>(row, distances, buffers.weighted(row, weights), entries),
        }
    }

    fn add_up<U: Sums, const DISTANCES: bool>(
        &self,
        row: u32,
        distances: RowDistances<'_, T>,
        mut tally: Tally<'_, U, T>,
        entries: &mut Entries<T>,
    ) {
        let problem = self.problem;
        let positions = problem.classes().positions();
        let none = U::Derivative::from(false);
        let noted = if DISTANCES { self.source.mined().filter(|mined| mined.keeps_distances) } else { None };
        self.source.own(row, |slot, chosen| {
            tally.add(chosen, [-self.derivative::<U>(slot), none]);
            if let Some(mined) = noted {
                tally.note(chosen, mined.negative_distances[slot]);
            }
        });
        self.source.chosen_by(row, |anchor, slot| {
            tally.add(anchor, [none, -self.derivative::<U>(slot)]);
            if let Some(mined) = noted {
                tally.note(anchor, mined.negative_distances[slot]);
            }
        });
        match self.source.mined() {
            Some(mined) if problem.rule().one_per_anchor() => {
                self.add_hardest_positives(mined, row, &mut tally, noted.is_some());
            }
            _ => self.add_positives(row, &mut tally, noted),
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
    fn derivative<U: Sums>(&self, slot: usize) -> U::Derivative {
        let problem = self.problem;
        U::derivative(|| match self.source.mined() {
            Some(mined) if !problem.rule().has_unit_derivatives() => {
                let distance = |values: &[T]| problem.distance().of_ranking_value(values[slot]);
                let (near, far) = (distance(mined.positive_distances), distance(mined.negative_distances));
                problem.rule().term(problem.margin(), near, far).derivative
            }
            _ => 1.0,
        })
    }

    /// Adds the pairs of a row's class, with one triplet an ordered pair.
    #[inline(always)]
    fn add_positives<U: Sums>(&self, row: u32, tally: &mut Tally<'_, U, T>, noted: Option<&Mined<'_, T>>) {
        let problem = self.problem;
        let classes = problem.classes();
        let position = classes.positions()[row as usize] as usize;
        let span = classes.span(position);
        let own = position - span.start;
        let flags = self.source.class_flags(row);
        let first_slot = problem.slots().of(position).start;
        for (other, &member) in classes.order()[span].iter().enumerate() {
            let (rank, own_rank) = match other.cmp(&own) {
                core::cmp::Ordering::Less => (other, own - 1),
                core::cmp::Ordering::Equal => continue,
                core::cmp::Ordering::Greater => (other - 1, own),
            };
            let [mine, theirs] = flags([own, other], [own_rank, rank]);
            if mine || theirs {
                tally.add(member, [mine.into(), theirs.into()]);
                if let Some(mined) = noted {
                    tally.note(member, mined.positive_distances[first_slot + rank]);
                }
            }
        }
    }

    /// Adds the pairs of a row's class, with one triplet an anchor: with its farthest positive only.
    fn add_hardest_positives<U: Sums>(
        &self,
        mined: &Mined<'_, T>,
        row: u32,
        tally: &mut Tally<'_, U, T>,
        noted: bool,
    ) {
        let classes = self.problem.classes();
        let none = U::Derivative::from(false);
        let mut add = |anchor: usize, row: u32, side: usize| {
            if mined.has_gradient(anchor, 0) {
                let mut sides = [none; 2];
                sides[side] = self.derivative::<U>(anchor);
                tally.add(row, sides);
                if noted {
                    tally.note(row, mined.positive_distances[anchor]);
                }
            }
        };
        let position = classes.positions()[row as usize] as usize;
        let span = classes.span(position);
        for (other, &member) in span.clone().zip(&classes.order()[span]) {
            if mined.positives[position] == member {
                add(position, member, 0);
            }
            if mined.positives[other] == row {
                add(other, member, 1);
            }
        }
    }
}
