//! Gradients of anchors against other candidates: the scalar reference, against differences of the
//! loss, and against the gradient of the square batch that the two sides are cut from.

use triplet_core::{
    Batch, Distance, Engine, GradientScale, Identity, Objective, Problem, ProblemBuffers, Real, Rule, Scalar,
    Triplets,
    distance::{GradientStep, inner},
    reference::{Chosen, gradient, gradient_to_candidates, mine},
};

const WIDTH: usize = 3;

/// Half a unit in the last place of 1, in f32.
const UNIT: f64 = f32::EPSILON as f64 / 2.0;

/// Numbers in -1..1, determined by a seed.
fn numbers(seed: u64, count: usize) -> Vec<f64> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
    };
    (0..count).map(|_| next()).collect()
}

fn labels(rows: usize) -> Vec<i64> {
    (0..rows).map(|row| [3, 1, 3, 2, 1, 3, 9][row * 5 % 7]).collect()
}

fn weights(rows: usize) -> Vec<f64> {
    (0..rows).map(|row| [1.0, 0.0, 0.5, 2.25, 1.0 / 3.0][row % 5]).collect()
}

fn objectives() -> impl Iterator<Item = Objective> {
    let pairs = Distance::ALL.into_iter().flat_map(|distance| Rule::ALL.map(|rule| (distance, rule)));
    pairs.map(|(distance, rule)| Objective { distance, rule, margin: 0.3 })
}

/// The triplets, from the chain of every inner product.
fn chosen<T: Real>(problem: &Problem<'_, T>) -> Vec<Chosen<T>> {
    let (anchors, candidates) = (problem.anchors(), problem.candidates());
    mine(problem, |i| {
        let norm = |x: &[T]| inner(x, x);
        let value = |k| {
            let (x, y) = (anchors.row(i), candidates.row(k));
            problem.distance().ranking_value(inner(x, y), norm(x), norm(y))
        };
        (0..candidates.len() as u32).map(value).collect()
    })
}

/// Distances by their definitions, from the rows as they were given.
fn plain_distance(distance: Distance, x: &[f64], y: &[f64]) -> f64 {
    let dot = |x: &[f64], y: &[f64]| x.iter().zip(y).map(|(a, b)| a * b).sum::<f64>();
    let difference: Vec<f64> = x.iter().zip(y).map(|(a, b)| a - b).collect();
    let squared = dot(&difference, &difference);
    match distance {
        Distance::SquaredL2 => squared,
        Distance::L2 => squared.sqrt(),
        Distance::Angular => 1.0 - dot(x, y) / (dot(x, x) * dot(y, y)).sqrt(),
    }
}

/// The weighted sum of the terms of given triplets, by their definitions; how close a hinge comes to
/// its kink.
fn plain_loss(
    objective: Objective,
    [anchors, candidates]: [&[f64]; 2],
    triplets: &[Chosen<f64>],
    weights: &[f64],
) -> (f64, f64) {
    let row = |side: &[f64], row: u32| side[row as usize * WIDTH..][..WIDTH].to_vec();
    let (mut loss, mut closest) = (0.0, f64::INFINITY);
    for triplet in triplets {
        let anchor = row(anchors, triplet.anchor);
        let to = |k| plain_distance(objective.distance, &anchor, &row(candidates, k));
        let near = triplet.positive.map_or(0.0, to);
        // Without a negative: distance 0, or for the hard rules the positive's.
        let stand_in = if objective.rule.one_per_anchor() { near } else { 0.0 };
        let far = triplet.negative.map_or(stand_in, to);
        let term = if objective.rule == Rule::HardSoft {
            (near - far).exp().ln_1p()
        } else {
            let hinge = objective.margin + near - far;
            closest = f64::min(closest, hinge.abs());
            hinge.max(0.0)
        };
        loss += weights[triplet.anchor as usize] * term;
    }
    (loss, closest)
}

/// Both gradients, by the reference, against central differences of [`plain_loss`] over the triplets
/// that were mined: those do not change within the step, since nothing is close to a tie.
#[track_caller]
fn check_against_differences(sides: [(&[f64], &[i64]); 2], identity: Identity<'_>) {
    const STEP: f64 = 1e-6;
    // Of second order in the step, and the loss's rounding over the step.
    const TOLERANCE: f64 = 1e-7;
    let [anchors, candidates] = sides.map(|(x, labels)| Batch::new(x, WIDTH, labels).unwrap());
    let weights = weights(anchors.rows());
    for objective in objectives() {
        let mut buffers = ProblemBuffers::default();
        let problem = Problem::against([&anchors, &candidates], identity, objective, &mut buffers).unwrap();
        let triplets = chosen(&problem);
        let loss = |x: [&[f64]; 2]| plain_loss(objective, x, &triplets, &weights);
        let (_, closest) = loss([sides[0].0, sides[1].0]);
        assert!(closest > 1e3 * STEP, "{objective:?}: a hinge is {closest} from its kink");
        let scale = GradientScale::new(objective.distance, 1.0, 1.0, Some(&weights));
        let mut found = [vec![f64::NAN; sides[0].0.len()], vec![f64::NAN; sides[1].0.len()]];
        gradient(&problem, &triplets, scale, &mut found[0]);
        gradient_to_candidates(&problem, &triplets, scale, &mut found[1]);
        for (side, found) in found.iter().enumerate() {
            assert!(found.iter().any(|g| g.abs() > 0.05), "{objective:?}: all small on side {side}");
            for (at, &found) in found.iter().enumerate() {
                let moved = |by: f64| {
                    let mut x = [sides[0].0.to_vec(), sides[1].0.to_vec()];
                    x[side][at] += by;
                    loss([&x[0], &x[1]]).0
                };
                let expected = (moved(STEP) - moved(-STEP)) / (2.0 * STEP);
                let off = (found - expected).abs();
                assert!(
                    off <= TOLERANCE * (1.0 + expected.abs()),
                    "{objective:?}, component {at} of side {side}: {found}, not {expected}"
                );
            }
        }
    }
}

#[test]
fn gradients_of_both_sides_are_the_differences_of_the_loss() {
    let (x, y) = (numbers(1, 9 * WIDTH), numbers(2, 16 * WIDTH));
    // Label 7 is no candidate's: an anchor without positives.
    let anchor_labels: Vec<i64> = labels(8).into_iter().chain([7]).collect();
    let candidate_labels = labels(16);
    let sides = [(&x[..], &anchor_labels[..]), (&y[..], &candidate_labels[..])];
    check_against_differences(sides, Identity::Disjoint);
    // Some candidates are left out, of the anchor's class and of another.
    let of_candidates: [i64; 16] = core::array::from_fn(|k| k as i64 % 11);
    let ids = Identity::Ids { anchors: &[0, 1, 2, 3, 4, 5, 6, 7, 8], candidates: &of_candidates };
    check_against_differences(sides, ids);
}

#[test]
fn gradients_without_negatives_are_the_differences_of_the_loss() {
    let (mut x, y) = (numbers(3, 4 * WIDTH), numbers(4, 5 * WIDTH));
    // Anchors of label 1 have positives only, the one of label 2 negatives only, one of them close.
    x[2 * WIDTH..3 * WIDTH].copy_from_slice(&[y[0] + 0.2, y[1] - 0.1, y[2] + 0.1]);
    check_against_differences([(&x, &[1, 1, 2, 1]), (&y, &[1; 5])], Identity::Disjoint);
}

/// Sums of the magnitudes of what is added to each row's gradient, in the norm of the largest
/// component, and the number of additions; before the scale.
fn magnitudes(problem: &Problem<'_, f32>, triplets: &[Chosen<f32>], weights: &[f64]) -> (Vec<f64>, usize) {
    let largest = |x: &[f32]| x.iter().fold(0.0_f64, |most, &x| most.max(f64::from(x).abs()));
    let distance = problem.distance();
    let mut sums = vec![0.0; problem.anchors().len()];
    let mut additions = vec![0; sums.len()];
    for triplet in triplets {
        let [near, far] = [triplet.near, triplet.far].map(|value| distance.of_ranking_value(value));
        let derivative = problem.rule().term(problem.margin(), near, far).derivative;
        let pairs = [(triplet.positive, triplet.near), (triplet.negative, triplet.far)];
        for (other, value) in pairs.into_iter().filter_map(|(row, value)| row.map(|row| (row, value))) {
            let coefficient = derivative * weights[triplet.anchor as usize] * distance.derivative(value);
            let (x, y) = (problem.anchors().row(triplet.anchor), problem.candidates().row(other));
            let step = match distance.gradient_step() {
                GradientStep::Difference => {
                    let steps: Vec<f32> = x.iter().zip(y).map(|(x, y)| x - y).collect();
                    largest(&steps)
                }
                GradientStep::UnitRow => 1.0,
            };
            for row in [triplet.anchor, other] {
                sums[row as usize] += coefficient * step;
                additions[row as usize] += 1;
            }
        }
    }
    (sums, additions.into_iter().max().unwrap_or_default())
}

/// The losses of the anchors, by row, in bits.
fn losses(problem: &Problem<'_, f32>) -> Vec<u64> {
    let mut triplets = Triplets::default();
    Scalar.mine(problem, &mut triplets).unwrap();
    let anchors = 0..problem.anchors().len() as u32;
    anchors.map(|anchor| triplets.sums[problem.position_of(anchor)].to_bits()).collect()
}

/// The rows of a batch in parts, each against all of them, have the triplets and losses of the square
/// batch bit for bit, and gradients that add up to its own within what rounding allows.
///
/// A component `v` is a chain of at most `n` additions of coefficient times step, where each
/// coefficient is rounded once, then scaled: it is off by at most `g(n + 2) A`, where `A` adds up the
/// magnitudes and `g(k) = k u / (1 - k u)`. Square batch and parts have the same floats as steps, and the
/// coefficients of a pair have one sign, so that both have the same exact sums and the same `A`. Adding
/// up the parts' sums counts as one addition for each. The way back through a normalisation adds, in
/// `v - u (u.v)`, the sum of `|u|` times the error of `v` and of the inner product, and two roundings.
#[test]
fn parts_of_a_square_batch_add_up_to_it() {
    const ROWS: usize = 40;
    const PARTS: [core::ops::Range<usize>; 3] = [0..13, 13..14, 14..ROWS];
    let x: Vec<f32> = numbers(5, ROWS * WIDTH).into_iter().map(|x| x as f32).collect();
    let (labels, weights) = (labels(ROWS), weights(ROWS));
    let ids: Vec<i64> = (0..ROWS as i64).map(|row| 1000 - row).collect();
    let batch = Batch::new(&x, WIDTH, &labels).unwrap();
    for objective in objectives() {
        let (mut buffers, mut part_buffers) = (ProblemBuffers::default(), ProblemBuffers::default());
        let square = Problem::new(&batch, objective, &mut buffers).unwrap();
        let triplets = chosen(&square);
        let scaled = |weights| GradientScale::new(objective.distance, 1.0, 1.0, Some(weights));
        let mut whole = vec![f32::NAN; x.len()];
        gradient(&square, &triplets, scaled(&weights), &mut whole);

        let mut sum = vec![0.0_f32; x.len()];
        let add = |sum: &mut [f32], more: &[f32]| sum.iter_mut().zip(more).for_each(|(a, b)| *a += b);
        let (mut of_parts, mut losses_of_parts) = (Vec::new(), Vec::new());
        for part in PARTS {
            let rows = part.start * WIDTH..part.end * WIDTH;
            let some = Batch::new(&x[rows.clone()], WIDTH, &labels[part.clone()]).unwrap();
            let identity = Identity::Ids { anchors: &ids[part.clone()], candidates: &ids };
            let problem = Problem::against([&some, &batch], identity, objective, &mut part_buffers).unwrap();
            let chosen = chosen(&problem);
            let scale = scaled(&weights[part.clone()]);
            let mut to_anchors = vec![f32::NAN; rows.len()];
            gradient(&problem, &chosen, scale, &mut to_anchors);
            add(&mut sum[rows], &to_anchors);
            let mut to_candidates = vec![f32::NAN; x.len()];
            gradient_to_candidates(&problem, &chosen, scale, &mut to_candidates);
            add(&mut sum, &to_candidates);
            let first = part.start as u32;
            of_parts.extend(chosen.into_iter().map(|one| Chosen { anchor: one.anchor + first, ..one }));
            losses_of_parts.extend(losses(&problem));
        }
        assert_eq!(of_parts, triplets, "{objective:?}");
        assert_eq!(losses_of_parts, losses(&square), "{objective:?}");

        let (magnitudes, additions) = magnitudes(&square, &triplets, &weights);
        let g = |k: usize| k as f64 * UNIT / (1.0 - k as f64 * UNIT);
        let mut largest_over_bound = 0.0_f64;
        for (row, magnitude) in magnitudes.into_iter().enumerate() {
            let magnitude = magnitude * objective.distance.derivative_scale();
            let mut bound = 2.0 * g(additions + 2 + PARTS.len()) * magnitude;
            if let Some(scaling) = square.anchors().scaling(row as u32) {
                let unit = square.anchors().row(row as u32);
                let total: f64 = unit.iter().map(|&u| f64::from(u).abs()).sum();
                bound += total * (bound + 2.0 * g(WIDTH) * total * magnitude);
                bound = (bound + 4.0 * g(2) * (1.0 + total) * magnitude) * scaling.inverse_norm;
            }
            for component in row * WIDTH..(row + 1) * WIDTH {
                let (whole, sum) = (f64::from(whole[component]), f64::from(sum[component]));
                let off = (whole - sum).abs();
                assert!(off <= bound, "{objective:?}, row {row}: {sum}, not {whole}; {off} above {bound}");
                if bound > 0.0 {
                    largest_over_bound = largest_over_bound.max(whole.abs() / bound);
                }
            }
        }
        assert!(largest_over_bound > 1e4, "{objective:?}: a bound of {largest_over_bound} says little");
    }
}
