//! The gradient to the candidates: each row from the anchors whose triplets use it.

use super::gradient::{Pair, add_up, strength};
use crate::{
    cpu::isa::{Element, Selected},
    executor::{Executor, run_tasks},
    gradient::{Chains, Others, ROWS},
    inlined::from_fn,
    scratch::Scratch,
};
use triplet_core::{GradientInputs, Matches};

/// Anchors whose pairs a worker adds up at a time.
const ANCHORS: usize = 64;

/// What the triplets of an anchor put on a pair, turned round.
#[derive(Debug, Clone, Copy)]
struct Owed<T> {
    anchor: u32,
    strength: f64,
    value: T,
}

/// Writes the gradient `[N, D]`, in original row order.
pub(crate) fn run<T: Element>(
    (executor, selected): (&dyn Executor, Selected),
    inputs: GradientInputs<'_, T>,
    matches: &Matches,
    scratches: &mut [Scratch<T>],
    out: &mut [T],
) {
    let problem = inputs.problem;
    let anchors = problem.anchors().len() as u32;
    let mut parts: Vec<Vec<(u32, Pair<T>)>> = Vec::new();
    parts.resize_with((anchors as usize).div_ceil(ANCHORS), Vec::new);
    let pieces = parts.iter_mut().zip((0..anchors).step_by(ANCHORS));
    run_tasks(executor, scratches, pieces, |scratch, (part, first)| {
        for anchor in first..(first + ANCHORS as u32).min(anchors) {
            let pairs = &mut scratch.against.pairs;
            add_up(inputs, matches, anchor, pairs);
            part.extend(pairs.iter().map(|&pair| (anchor, pair)));
        }
    });
    let (starts, owed) = by_candidate(inputs, &parts);
    let needs_distance = problem.distance().needs_pair_distance();
    let width = problem.candidates().width();
    let pieces = out.chunks_mut(ROWS * width).zip((0..).step_by(ROWS));
    run_tasks(executor, scratches, pieces, |scratch, (out, first)| {
        let rows: [u32; ROWS] = from_fn(|row| first + row as u32);
        let rows = &rows[..out.len() / width];
        let Scratch { entries, unconsumed, .. } = &mut *scratch;
        entries.clear();
        unconsumed.clear();
        for &row in rows {
            let owed = &owed[starts[row as usize]..starts[row as usize + 1]];
            let start = entries.len();
            let terms = entries.append(owed.len());
            for (at, owed) in owed.iter().enumerate() {
                terms.rows[at] = owed.anchor;
                terms.strengths[at] = owed.strength;
                terms.coefficients[at] = if needs_distance { owed.value } else { T::from_f64(owed.strength) };
            }
            unconsumed.push(start..entries.len());
        }
        let of_anchors = Chains::of_anchors(problem, inputs.scale.scale, rows, scratch, out);
        let (side, others) = (problem.candidates(), Others::all(problem.anchors()));
        let chains = Chains { side, others, ..of_anchors };
        T::dispatch(selected, chains);
    });
}

/// Counting sort by candidate, anchors ascending: where each candidate's pairs start, and the end; the pairs.
fn by_candidate<T: Element>(
    inputs: GradientInputs<'_, T>,
    parts: &[Vec<(u32, Pair<T>)>],
) -> (Vec<usize>, Vec<Owed<T>>) {
    let all = || parts.iter().flatten();
    // Two places ahead while counted, one while pairs are placed.
    let mut starts = vec![0; inputs.problem.candidates().len() + 2];
    all().for_each(|(_, pair)| starts[pair.row as usize + 2] += 1);
    for row in 2..starts.len() {
        starts[row] += starts[row - 1];
    }
    let none = Owed { anchor: 0, strength: 0.0, value: T::ZERO };
    let mut owed = vec![none; all().count()];
    for &(anchor, pair) in all() {
        let next = &mut starts[pair.row as usize + 1];
        owed[*next] = Owed { anchor, strength: strength(inputs, anchor, pair), value: pair.value };
        *next += 1;
    }
    (starts, owed)
}
