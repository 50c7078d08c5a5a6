//! Batches on purpose: ties and near ties, values at the edges of the formats, rows in the order that costs most.

use super::normal;
use fastrand::Rng;

/// A family and its rows, `[rows, width]`.
pub(super) fn embeddings(rng: &mut Rng, rows: usize, width: usize) -> (&'static str, Vec<f32>) {
    let mut x: Vec<f32> = (0..rows * width).map(|_| normal(rng)).collect();
    let name = match rng.u32(0..12) {
        0 => {
            copies(rng, &mut x, width, 7, ulps);
            "one ulp apart"
        }
        1 => {
            copies(rng, &mut x, width, 7, Rng::shuffle);
            // Distances from here are sums of the same squares, in other orders.
            x[..width].fill(0.0);
            "permuted components"
        }
        2 => {
            copies(rng, &mut x, width, 2, |_, _| {});
            "repeats"
        }
        3 => {
            let points = rng.u32(2..=3);
            x.iter_mut().for_each(|v| *v = rng.u32(0..points) as f32);
            "lattice"
        }
        4 => {
            steps_of_the_margin(rng, &mut x, width);
            "steps of the margin"
        }
        5 => {
            let direction = x[..width].to_vec();
            for (row, x) in x.chunks_exact_mut(width).enumerate() {
                x.iter_mut().zip(&direction).for_each(|(x, d)| *x = d * (rows - row) as f32);
            }
            "on a ray"
        }
        6 => {
            // From 2^55 down to 2^-75, whose squares are subnormal.
            let step = 130.0 / rows as f32;
            for (row, x) in x.chunks_exact_mut(width).enumerate() {
                let power = (2.0_f32).powi(55 - (row as f32 * step) as i32);
                x.iter_mut().for_each(|v| *v *= power / (width as f32).sqrt());
            }
            "geometric scales"
        }
        7 => {
            // Rows nearly as long as they may be, at times a little longer, and short ones.
            let longest = if rng.u32(0..8) == 0 { 9.3e18 } else { 9e18 };
            for row in x.chunks_exact_mut(width) {
                let norm = row.iter().map(|v| v * v).sum::<f32>().sqrt().max(1e-6);
                let length = [1e18, 1e-18, longest][rng.usize(..3)];
                row.iter_mut().for_each(|v| *v *= length / norm);
            }
            "1e18 and 1e-18"
        }
        8 => {
            let power = (2.0_f32).powi(-rng.i32(58..=76));
            x.iter_mut().for_each(|v| *v *= power);
            "subnormal squares"
        }
        9 => {
            halves_of_a_step(rng, &mut x, width);
            "halves of a step of screening"
        }
        10 => {
            let (offset, spread) = (rng.f32(), (2.0_f32).powi(-rng.i32(6..=20)));
            x.iter_mut().for_each(|v| *v = offset + spread * *v);
            "within the error of screening"
        }
        _ => {
            let direction = x[..width].to_vec();
            for row in x.chunks_exact_mut(width) {
                let factor = [1.0, -1.0, 0.0, -0.0, 1e-7, -2.0][rng.usize(..6)];
                row.iter_mut().zip(&direction).for_each(|(x, d)| *x = d * factor);
            }
            "antipodes and zeros"
        }
    };
    match rng.u32(0..4) {
        0 => by_distance(&mut x, width, false),
        1 => by_distance(&mut x, width, true),
        _ => {}
    }
    (name, x)
}

/// The name of the `class`-th of so many labels: at the ends of i64, or alike in their lower halves.
pub(super) fn label(kind: u32, class: usize) -> i64 {
    let class = class as i64;
    match kind % 4 {
        0 => i64::MIN + class,
        1 => i64::MAX - class,
        2 => class << 32,
        _ => -1 - (class << 8),
    }
}

/// Makes most rows, `often` of 8, changed copies of rows before them.
fn copies(rng: &mut Rng, x: &mut [f32], width: usize, often: u32, change: impl Fn(&mut Rng, &mut [f32])) {
    for row in 1..x.len() / width {
        if rng.u32(0..8) < often {
            let from = rng.usize(..row);
            x.copy_within(from * width..(from + 1) * width, row * width);
            change(rng, &mut x[row * width..(row + 1) * width]);
        }
    }
}

/// Moves up to two components to a neighbouring number.
fn ulps(rng: &mut Rng, row: &mut [f32]) {
    for _ in 0..rng.u32(0..=2) {
        let at = rng.usize(..row.len());
        row[at] = if rng.bool() { row[at].next_up() } else { row[at].next_down() };
    }
}

/// Whole steps along one component, so that terms of triplets are 0 or a rounding away from it.
fn steps_of_the_margin(rng: &mut Rng, x: &mut [f32], width: usize) {
    let (step, square) = ([0.2_f32, 0.5, 1.0, 1e-3, 1e3][rng.usize(..5)], rng.bool());
    let at = rng.usize(..width);
    x.fill([0.0, 0.25][rng.usize(..2)]);
    for row in x.chunks_exact_mut(width) {
        let steps = rng.u32(0..12) as f32 * step;
        row[at] = if square { steps.sqrt() } else { steps };
    }
}

/// Components half way between the integers of screening, and next to there; rows and their opposites, so that the centre is about 0.
fn halves_of_a_step(rng: &mut Rng, x: &mut [f32], width: usize) {
    for row in x.chunks_exact_mut(width) {
        let sign = if rng.bool() { 1.0 } else { -1.0 };
        for v in row.iter_mut() {
            let half = sign * (rng.i32(-300..300) as f32 + 0.5) / 32_767.0;
            *v = [half, half.next_up(), half.next_down()][rng.usize(..3)];
        }
        row[0] = sign;
    }
}

/// Sorts rows by their distance from the first, which stays.
fn by_distance(x: &mut [f32], width: usize, falling: bool) {
    let distance = |row: &[f32]| -> f64 {
        row.iter().zip(&x[..width]).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2)).sum()
    };
    let mut rows: Vec<(f64, &[f32])> = x.chunks_exact(width).map(|row| (distance(row), row)).collect();
    rows[1..].sort_by(|a, b| if falling { b.0.total_cmp(&a.0) } else { a.0.total_cmp(&b.0) });
    let sorted: Vec<f32> = rows.iter().flat_map(|(_, row)| row.iter().copied()).collect();
    x.copy_from_slice(&sorted);
}
