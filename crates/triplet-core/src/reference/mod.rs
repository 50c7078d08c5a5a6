//! The scalar backend: mining, gradient and retrieval straight from `docs/numerics.md`, for the
//! engines to be held to.
//!
//! It shares distance, term, FMA and rounding with the engines and nothing else: which triplets
//! there are, what each adds to which row, and which neighbours come first, is stated here by
//! itself, in the plainest code, so that a fault of an engine is a difference.

mod gradient;
mod mining;
mod retrieval;

pub use gradient::{gradient, gradient_to_candidates};
pub use mining::{Chosen, mine};
pub use retrieval::retrieve;

use crate::{
    Engine, ExecutionInfo, GradientInputs, NO_ROW, Problem, Real, Result, Triplets,
    distance::inner,
    gradient_inputs::GradientScale,
    retrieval::{RetrievalTask, Score},
};

/// The scalar reference: no SIMD, no threads, no tables, no state.
#[derive(Debug, Clone, Copy, Default)]
pub struct Scalar;

impl<T: Real> Engine<T> for Scalar {
    fn mine(&mut self, problem: &Problem<'_, T>, out: &mut Triplets<T>) -> Result<()> {
        record(problem, &mine_all(problem), out);
        Ok(())
    }

    /// Mines once more: what another engine left in `inputs.triplets` is not looked at.
    fn gradient(&mut self, inputs: GradientInputs<'_, T>, out: &mut [T]) -> Result<()> {
        gradient(inputs.problem, &mine_all(inputs.problem), inputs.scale, out);
        Ok(())
    }

    fn mine_and_gradient(
        &mut self,
        problem: &Problem<'_, T>,
        triplets: &mut Triplets<T>,
        scale: GradientScale<'_, T>,
        out: &mut [T],
    ) -> Result<()> {
        let chosen = mine_all(problem);
        record(problem, &chosen, triplets);
        gradient(problem, &chosen, scale, out);
        Ok(())
    }

    fn retrieve(&mut self, task: &RetrievalTask<'_, T>, scores: &mut [Score]) {
        retrieve(task, scores);
    }

    fn bytes_needed(&self, problem: &Problem<'_, T>, with_gradient: bool) -> usize {
        // A triplet, and in the map of the gradient four entries of it.
        let of_slot = size_of::<Chosen<T>>() + if with_gradient { 4 * 64 } else { 0 };
        problem.slots().count().saturating_mul(of_slot)
    }

    fn executed(&self) -> ExecutionInfo {
        ExecutionInfo { backend: "scalar", isa: "none", threads: 1 }
    }
}

/// The triplets of a problem, from the chain of every inner product.
fn mine_all<T: Real>(problem: &Problem<'_, T>) -> Vec<Chosen<T>> {
    let (anchors, candidates) = (problem.anchors(), problem.candidates());
    let columns = 0..candidates.len() as u32;
    let norms: Vec<T> = columns.clone().map(|k| inner(candidates.row(k), candidates.row(k))).collect();
    mine(problem, |i| {
        let x = anchors.row(i);
        let norm = inner(x, x);
        let value =
            |k: u32| problem.distance().ranking_value(inner(x, candidates.row(k)), norm, norms[k as usize]);
        columns.clone().map(value).collect()
    })
}

/// Writes triplets, by ascending anchor and positive, to where engines leave theirs.
pub fn record<T: Real>(problem: &Problem<'_, T>, chosen: &[Chosen<T>], out: &mut Triplets<T>) {
    out.resize(problem);
    let keeps = out.keeps_distances();
    let mut counts = out.counts;
    let positions = 0..problem.anchors().len();
    for mut part in out.parts(problem, positions.map(|position| position..position + 1)) {
        let position = part.positions().start;
        let anchor = problem.anchor_at(position);
        let first = chosen.partition_point(|triplet| triplet.anchor < anchor);
        let own = &chosen[first..first + problem.slots().of(position).len()];
        let place = part.anchor(problem, position);
        for (slot, triplet) in own.iter().enumerate() {
            place.negatives[slot] = triplet.negative.unwrap_or(NO_ROW);
        }
        if problem.rule().one_per_anchor() {
            place.positives[0] = own[0].positive.unwrap_or(NO_ROW);
        }
        let near: Vec<T> = own.iter().map(|triplet| triplet.near).collect();
        let far: Vec<T> = own.iter().map(|triplet| triplet.far).collect();
        if keeps {
            place.positive_distances.copy_from_slice(&near);
            place.negative_distances.copy_from_slice(&far);
        }
        counts += place.evaluate_terms_with(problem, &near, &far);
    }
    out.counts = counts;
}
