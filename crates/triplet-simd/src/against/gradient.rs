//! The gradient to the anchors: each row from the anchor's own triplets.

use crate::{
    cpu::isa::{Element, Selected},
    executor::{Executor, run_tasks},
    gradient::{Chains, Entries, ROWS},
    inlined::from_fn,
    scratch::Scratch,
};
use triplet_core::{GradientInputs, Matches, NO_ROW};

/// What an anchor's triplets put on one of its pairs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pair<T> {
    /// The candidate, by original row.
    pub(super) row: u32,
    /// The sum of the derivatives of the terms that use the pair.
    sum: f64,
    /// Ranking value of the pair, where coefficients depend on it.
    pub(super) value: T,
}

/// Writes the gradient `[M, D]`, in original row order.
pub(crate) fn run<T: Element>(
    (executor, selected): (&dyn Executor, Selected),
    inputs: GradientInputs<'_, T>,
    matches: &Matches,
    scratches: &mut [Scratch<T>],
    out: &mut [T],
) {
    let problem = inputs.problem;
    let width = problem.anchors().width();
    let pieces = out.chunks_mut(ROWS * width).zip((0..).step_by(ROWS));
    run_tasks(executor, scratches, pieces, |scratch, (out, first)| {
        let rows: [u32; ROWS] = from_fn(|row| first + row as u32);
        let rows = &rows[..out.len() / width];
        let Scratch { against, entries, unconsumed, .. } = &mut *scratch;
        entries.clear();
        unconsumed.clear();
        for &row in rows {
            let start = entries.len();
            add_up(inputs, matches, row, &mut against.pairs);
            append(inputs, row, &against.pairs, entries);
            unconsumed.push(start..entries.len());
        }
        T::dispatch(selected, Chains::of_anchors(problem, inputs.scale.scale, rows, scratch, out));
    });
}

/// Lists an anchor's pairs, ascending. Sums of more than one derivative are whole numbers, so their order
/// changes no bit.
pub(super) fn add_up<T: Element>(
    inputs: GradientInputs<'_, T>,
    matches: &Matches,
    anchor: u32,
    pairs: &mut Vec<Pair<T>>,
) {
    let GradientInputs { problem, triplets, .. } = inputs;
    let position = problem.position_of(anchor);
    let slots = problem.slots().of(position);
    let needed = problem.distance().needs_pair_distance();
    pairs.clear();
    let mut add = |rank: usize, slot: usize, positive: u32| {
        if !triplets.has_gradient(problem, position, rank) {
            return;
        }
        let value = |row: u32, kept: &[T]| match kept.get(slot) {
            Some(&value) => value,
            None if needed && row != NO_ROW => problem.comparison().ranking_value(anchor, row),
            None => T::ZERO,
        };
        let negative = triplets.negatives[slot];
        let near = value(positive, &triplets.positive_distances);
        let far = value(negative, &triplets.negative_distances);
        let derivative = if problem.rule().has_unit_derivatives() {
            1.0
        } else {
            // Rules with other derivatives have one triplet an anchor, whose distances are kept.
            let distance = |value| problem.distance().of_ranking_value(value);
            problem.rule().term(problem.margin(), distance(near), distance(far)).derivative
        };
        for (row, sum, value) in [(positive, derivative, near), (negative, -derivative, far)] {
            if row != NO_ROW {
                pairs.push(Pair { row, sum, value });
            }
        }
    };
    if problem.rule().one_per_anchor() {
        add(0, slots.start, triplets.positives[position]);
    } else {
        for (rank, positive) in matches.positives(position, problem.classes()).enumerate() {
            add(rank, slots.start + rank, positive);
        }
    }
    pairs.sort_unstable_by_key(|pair| pair.row);
    pairs.dedup_by(|next, kept| {
        let same = next.row == kept.row;
        if same {
            kept.sum += next.sum;
        }
        same
    });
}

/// Appends the terms of an anchor's row, unfinished where coefficients depend on the distance.
fn append<T: Element>(
    inputs: GradientInputs<'_, T>,
    anchor: u32,
    pairs: &[Pair<T>],
    entries: &mut Entries<T>,
) {
    let needed = inputs.problem.distance().needs_pair_distance();
    let terms = entries.append(pairs.len());
    for (at, pair) in pairs.iter().enumerate() {
        let strength = strength(inputs, anchor, *pair);
        terms.rows[at] = pair.row;
        terms.strengths[at] = strength;
        terms.coefficients[at] = if needed { pair.value } else { T::from_f64(strength) };
    }
}

/// The sum of a pair times the weight of the anchor.
pub(super) fn strength<T: Element>(inputs: GradientInputs<'_, T>, anchor: u32, pair: Pair<T>) -> f64 {
    let weight = inputs.scale.weights.map_or(1.0, |weights| weights[anchor as usize]);
    if pair.sum == 0.0 { 0.0 } else { pair.sum * weight }
}
