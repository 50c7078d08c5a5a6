//! Triplets to gradient: `docs/numerics.md`, "pair coefficient", "gradient row" and "angular
//! gradient".

use super::Chosen;
use crate::{
    Problem, Real, Rule,
    distance::{GradientStep, inner},
    gradient_inputs::GradientScale,
    points::Points,
};
use std::collections::BTreeMap;

/// What the triplets put on a pair `(r, m)`: derivatives times weights of the triplets of anchor
/// `r` and of anchor `m`, each summed up before it is weighted, and the pair's ranking value.
#[derive(Debug, Clone, Copy)]
struct Pair<T> {
    of_r: f64,
    of_m: f64,
    value: T,
}

type Pairs<T> = BTreeMap<(u32, u32), Pair<T>>;

/// Writes the gradient to the anchors `[M, D]`, in original row order; of a square batch the whole
/// gradient, to anchors and candidates.
///
/// ```
/// use triplet_core::{
///     Batch, Distance, GradientScale, Objective, Problem, ProblemBuffers, Rule, reference,
/// };
/// let batch = Batch::new(&[0.0_f32, 1.0, 1.5, 3.0], 1, &[0, 0, 1, 2])?;
/// let objective = Objective { distance: Distance::SquaredL2, rule: Rule::SemiHard, margin: 2.0 };
/// let mut buffers = ProblemBuffers::default();
/// let problem = Problem::new(&batch, objective, &mut buffers)?;
/// let chosen = reference::Chosen { anchor: 0, positive: Some(1), negative: Some(2), near: 1.0, far: 2.25 };
/// let scale = GradientScale::new(problem.distance(), 1.0, 1.0, None);
/// let mut gradient = [0.0; 4];
/// reference::gradient(&problem, &[chosen], scale, &mut gradient);
/// assert_eq!(gradient, [1.0, 2.0, -3.0, 0.0]); // of d_01 - d_02
/// # Ok::<(), triplet_core::Error>(())
/// ```
pub fn gradient<T: Real>(
    problem: &Problem<'_, T>,
    triplets: &[Chosen<T>],
    scale: GradientScale<'_, T>,
    out: &mut [T],
) {
    let mut pairs = Pairs::new();
    each_pair(problem, triplets, |anchor, row, derivative, value| {
        pair(&mut pairs, (anchor, row), value).of_r += derivative;
        if problem.is_square() {
            pair(&mut pairs, (row, anchor), value).of_m += derivative;
        }
    });
    accumulate(problem, [problem.anchors(), problem.candidates()], &pairs, scale, out);
}

/// Writes the gradient to the candidates `[N, D]` of a problem whose anchors are other rows.
///
/// ```
/// use triplet_core::{
///     Batch, Distance, GradientScale, Identity, Objective, Problem, ProblemBuffers, Rule, reference,
/// };
/// let anchors = Batch::new(&[0.0_f32], 1, &[7])?;
/// let candidates = Batch::new(&[1.0_f32, 1.5], 1, &[7, 8])?;
/// let objective = Objective { distance: Distance::SquaredL2, rule: Rule::SemiHard, margin: 2.0 };
/// let mut buffers = ProblemBuffers::default();
/// let problem = Problem::against([&anchors, &candidates], Identity::Disjoint, objective, &mut buffers)?;
///
/// let chosen = reference::mine(&problem, |_| vec![1.0, 2.25]);
/// let scale = GradientScale::new(problem.distance(), problem.normalizer(), 1.0, None);
/// let (mut to_anchors, mut to_candidates) = ([0.0; 1], [0.0; 2]);
/// reference::gradient(&problem, &chosen, scale, &mut to_anchors);
/// reference::gradient_to_candidates(&problem, &chosen, scale, &mut to_candidates);
/// assert_eq!((to_anchors, to_candidates), ([1.0], [2.0, -3.0]));
/// # Ok::<(), triplet_core::Error>(())
/// ```
pub fn gradient_to_candidates<T: Real>(
    problem: &Problem<'_, T>,
    triplets: &[Chosen<T>],
    scale: GradientScale<'_, T>,
    out: &mut [T],
) {
    let mut pairs = Pairs::new();
    each_pair(problem, triplets, |anchor, row, derivative, value| {
        pair(&mut pairs, (row, anchor), value).of_m += derivative;
    });
    accumulate(problem, [problem.candidates(), problem.anchors()], &pairs, scale, out);
}

fn pair<T: Real>(pairs: &mut Pairs<T>, rows: (u32, u32), value: T) -> &mut Pair<T> {
    pairs.entry(rows).or_insert(Pair { of_r: 0.0, of_m: 0.0, value })
}

/// Calls `add(anchor, row, derivative, ranking value)` for the positive of each triplet, and with
/// the derivative negated for its negative.
fn each_pair<T: Real>(
    problem: &Problem<'_, T>,
    triplets: &[Chosen<T>],
    mut add: impl FnMut(u32, u32, f64, T),
) {
    let distance = |value| problem.distance().of_ranking_value(value);
    for &Chosen { anchor, positive, negative, near, far } in triplets {
        let derivative = problem.rule().term(problem.margin(), distance(near), distance(far)).derivative;
        match problem.rule() {
            // What stands in for a hard rule's negative is the positive's own distance: they cancel.
            Rule::Hard | Rule::HardSoft if negative.is_none() => continue,
            Rule::SemiHard | Rule::SemiHardLiteral | Rule::Hard | Rule::HardSoft => {}
        }
        if let Some(positive) = positive {
            add(anchor, positive, derivative, near);
        }
        if let Some(negative) = negative {
            add(anchor, negative, -derivative, far);
        }
    }
}

/// One chain a component for each row `r` of a side, over the rows `m` of the other, ascending.
fn accumulate<T: Real>(
    problem: &Problem<'_, T>,
    [own, other]: [Points<'_, T>; 2],
    pairs: &Pairs<T>,
    scale: GradientScale<'_, T>,
    out: &mut [T],
) {
    let distance = problem.distance();
    let weight =
        |row: u32, of: f64| if of == 0.0 { 0.0 } else { of * scale.weights.map_or(1.0, |w| w[row as usize]) };
    for (r, acc) in (0..).zip(out.chunks_exact_mut(own.width())) {
        acc.fill(T::ZERO);
        for (&(_, m), pair) in pairs.range((r, 0)..=(r, u32::MAX)) {
            let strength = weight(r, pair.of_r) + weight(m, pair.of_m);
            let coefficient = T::from_f64(strength * distance.derivative(pair.value));
            if coefficient == T::ZERO {
                continue;
            }
            for ((a, &x), &y) in acc.iter_mut().zip(own.row(r)).zip(other.row(m)) {
                *a = match distance.gradient_step() {
                    GradientStep::Difference => coefficient.fma(x - y, *a),
                    GradientStep::UnitRow => coefficient.fma(y, *a),
                };
            }
        }
        match distance.gradient_step() {
            GradientStep::Difference => acc.iter_mut().for_each(|a| *a = *a * scale.scale),
            GradientStep::UnitRow => {
                acc.iter_mut().for_each(|a| *a = -*a * scale.scale);
                project(own, r, acc);
            }
        }
    }
}

/// Back through the normalisation of a row: `(v - u (u.v)) / norm`.
fn project<T: Real>(points: Points<'_, T>, row: u32, acc: &mut [T]) {
    let (unit, Some(scaling)) = (points.row(row), points.scaling(row)) else { return };
    let along = if scaling.own_norm { inner(unit, acc) } else { T::ZERO };
    let inverse_norm = T::from_f64(scaling.inverse_norm);
    for (a, &u) in acc.iter_mut().zip(unit) {
        *a = (-along).fma(u, *a) * inverse_norm;
    }
}
