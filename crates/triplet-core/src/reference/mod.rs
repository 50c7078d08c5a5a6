//! The scalar backend: mining, gradient and retrieval straight from `docs/numerics.md`, which the
//! answers of the other engines are compared with.
//!
//! It shares distance, term, FMA and rounding with the engines and nothing else: which triplets
//! there are, what each adds to which row, and which neighbours come first, is stated here
//! a second time, in the plainest code, so that a fault of an engine shows as a difference.

mod gradient;
mod mining;
mod nearest;
mod retrieval;
mod shares;

pub use gradient::{gradient, gradient_to_candidates};
pub use mining::{Chosen, mine};
pub use retrieval::retrieve;

use crate::{
    Engine, Error, ExecutionInfo, GradientInputs, NO_ROW, Problem, Real, Result, Triplets,
    distance::inner,
    gradient_inputs::GradientScale,
    nearest::{Mutual, Nearest, NearestTask, Portion},
    retrieval::{RetrievalTask, Score},
    shares::Share,
};

/// The scalar reference: no SIMD, no threads, no tables, no state. The example of
/// [the crate](crate) mines with it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Scalar;

impl<T: Real> Engine<T> for Scalar {
    fn mine(&mut self, problem: &Problem<'_, T>, out: &mut Triplets<T>) -> Result<()> {
        record(problem, &mine_all(problem), out);
        Ok(())
    }

    fn mine_share(&mut self, problem: &Problem<'_, T>, share: &Share, out: &mut Triplets<T>) -> Result<()> {
        if !problem.is_square() {
            return Err(Error::NotSquare { backend: "scalar" });
        }
        shares::mine(problem, share, out);
        Ok(())
    }

    /// Mines once more: what another engine left in `inputs.triplets` is not looked at.
    fn gradient(&mut self, inputs: GradientInputs<'_, T>, out: &mut [T]) -> Result<()> {
        gradient(inputs.problem, &mine_all(inputs.problem), inputs.scale, out);
        Ok(())
    }

    fn gradient_to_candidates(&mut self, inputs: GradientInputs<'_, T>, out: &mut [T]) -> Result<()> {
        if inputs.problem.is_square() {
            return Err(Error::Square { backend: "scalar" });
        }
        gradient_to_candidates(inputs.problem, &mine_all(inputs.problem), inputs.scale, out);
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

    fn search_nearest(
        &mut self,
        task: &NearestTask<'_, T>,
        portion: &Portion<'_, T>,
        found: &mut Nearest<T>,
    ) -> Result<()> {
        task.check(portion)?;
        let (labels, rows) = (portion.points.labels(), 0..portion.points.len());
        let candidates: Vec<_> =
            rows.map(|row| portion.first_row + row as u32).zip(portion.points.rows_iter()).collect();
        nearest::search(task, &candidates, labels, |_, _| true, found);
        Ok(())
    }

    fn search_nearest_mutual(
        &mut self,
        task: &NearestTask<'_, T>,
        mutual: Mutual,
        found: &mut Nearest<T>,
    ) -> Result<()> {
        task.check_mutual(mutual)?;
        let points = task.anchors();
        let candidates: Vec<_> =
            (0..points.len()).map(|row| mutual.row(row)).zip(points.rows_iter()).collect();
        nearest::search(task, &candidates, points.labels(), |row, other| mutual.looks_at(row, other), found);
        Ok(())
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
    mine(problem, ranking_values(problem))
}

/// Gives the ranking values `[N]` of an anchor, from the chains of their inner products.
fn ranking_values<T: Real>(problem: &Problem<'_, T>) -> impl FnMut(u32) -> Vec<T> {
    let (anchors, candidates) = (problem.anchors(), problem.candidates());
    let columns = 0..candidates.len() as u32;
    let norms: Vec<T> = columns.clone().map(|k| inner(candidates.row(k), candidates.row(k))).collect();
    move |i| {
        let x = anchors.row(i);
        let norm = inner(x, x);
        let value =
            |k: u32| problem.distance().ranking_value(inner(x, candidates.row(k)), norm, norms[k as usize]);
        columns.clone().map(value).collect()
    }
}

/// Writes triplets, by ascending anchor and positive, in the layout of [`Triplets`].
///
/// ```
/// use triplet_core::{Batch, Distance, Objective, Problem, ProblemBuffers, Rule, Triplets, reference};
/// let batch = Batch::new(&[0.0_f32, 1.0, 1.5, 3.0], 1, &[0, 0, 1, 2])?;
/// let objective = Objective { distance: Distance::SquaredL2, rule: Rule::SemiHard, margin: 2.0 };
/// let mut buffers = ProblemBuffers::default();
/// let problem = Problem::new(&batch, objective, &mut buffers)?;
/// let chosen = |anchor, positive, negative, far| reference::Chosen {
///     anchor, positive: Some(positive), negative: Some(negative), near: 1.0, far,
/// };
/// let mut triplets = Triplets::default();
/// reference::record(&problem, &[chosen(0, 1, 2, 2.25), chosen(1, 0, 3, 4.0)], &mut triplets);
/// assert_eq!(triplets.negatives, [2, 3]);
/// assert_eq!(triplets.sums, [0.75, 0.0, 0.0, 0.0]); // the terms are evaluated
/// # Ok::<(), triplet_core::Error>(())
/// ```
pub fn record<T: Real>(problem: &Problem<'_, T>, chosen: &[Chosen<T>], out: &mut Triplets<T>) {
    record_counting(problem, chosen, out, |_| true);
}

/// As [`record`], and counts the triplets of some anchors alone.
fn record_counting<T: Real>(
    problem: &Problem<'_, T>,
    chosen: &[Chosen<T>],
    out: &mut Triplets<T>,
    is_counted: impl Fn(u32) -> bool,
) {
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
        let counted = place.evaluate_terms_with(problem, &near, &far);
        if is_counted(anchor) {
            counts += counted;
        }
    }
    out.counts = counts;
}
