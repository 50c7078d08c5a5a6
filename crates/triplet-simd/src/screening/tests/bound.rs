//! The bound on the error of a distance in words, against rows that are made to reach it.

use super::{selected, with_words};
use crate::{screening::words::PANEL, tests::rng};
use fastrand::Rng;
use triplet_core::Distance;

/// Makes one row, given its number and the width.
type Maker = fn(&mut Rng, usize, usize) -> Vec<f32>;

/// Rows of each kind.
const KINDS: [(&str, Maker); 12] = [
    ("uniform", |rng, _, width| uniform(rng, width)),
    ("unit", |rng, _, width| {
        let row = uniform(rng, width);
        let norm = row.iter().map(|x| x * x).sum::<f32>().sqrt();
        row.iter().map(|x| x / norm).collect()
    }),
    ("one component each", |rng, row, width| {
        let mut x = vec![0.0; width];
        x[row % width] = 1.0 + rng.f32();
        x
    }),
    ("far from the origin", |rng, _, width| uniform(rng, width).iter().map(|x| 1000.0 + x).collect()),
    ("very far from the origin", |rng, _, width| {
        uniform(rng, width).iter().map(|x| 100.0 + 1e-5 * x).collect()
    }),
    ("nearly equal", |rng, row, width| {
        let mut x = vec![0.3; width];
        x[row % width] += 1e-7 * rng.f32();
        x
    }),
    ("equal but one", |_, row, width| vec![if row == 0 { 2.0 } else { 0.5 }; width]),
    ("large", |rng, _, width| uniform(rng, width).iter().map(|x| x * 1e17).collect()),
    ("small", |rng, _, width| uniform(rng, width).iter().map(|x| x * 1e-18).collect()),
    ("subnormal", |rng, _, width| uniform(rng, width).iter().map(|x| x * 1e-40).collect()),
    ("of many magnitudes", |rng, _, width| {
        uniform(rng, width).iter().map(|x| x * 10.0_f32.powi(rng.i32(-12..3))).collect()
    }),
    ("halves of a lattice", |rng, _, width| (0..width).map(|_| rng.i32(-40..40) as f32 + 0.5).collect()),
];

fn uniform(rng: &mut Rng, width: usize) -> Vec<f32> {
    (0..width).map(|_| 2.0 * rng.f32() - 1.0).collect()
}

/// The largest error among all pairs, as a share of its bound; none where rows are not screened.
fn largest_share(rows: &[f32], width: usize, scale: (Distance, bool), name: &str) -> Option<f64> {
    let (distance, fine) = scale;
    let (selected, _) = *selected().first()?;
    let mut most = 0.0_f64;
    let screened = with_words(selected, rows, width, scale, |words, source| {
        let count = rows.len() / width;
        let product = |a: usize, b: usize| {
            let component = |row: usize, k: usize| {
                let number = words.panel(row / PANEL).rows[k / 2 * PANEL + row % PANEL];
                i32::from((number >> (16 * (k % 2))) as i16)
            };
            // Modulo 2^32, as the instructions do.
            (0..width).fold(0_i32, |sum, k| sum.wrapping_add(component(a, k).wrapping_mul(component(b, k))))
        };
        let at = |row: usize, k: usize| source.panel(row / PANEL).rows[k * PANEL + row % PANEL];
        let norm = |row: usize| source.panel(row / PANEL).norms[row % PANEL];
        let constant = |row: usize| words.panel(row / PANEL).constants[row % PANEL];
        for a in 0..count {
            for b in 0..a {
                let g = (0..width).fold(0.0, |g, k| f32::mul_add(at(a, k), at(b, k), g));
                let defined = f64::from(distance.ranking_value(g, norm(a), norm(b)));
                let number =
                    constant(a).wrapping_add(constant(b)).wrapping_sub(product(a, b).cast_unsigned());
                let error = [a, b].map(|row| words.errors(row / PANEL)[row % PANEL]);
                let allowed = error[0].min(error[1]);
                let (first, width) = words.scale().window(defined, Some(defined), allowed);
                let word = (number >> 16) as u16;
                assert!(
                    word.wrapping_sub(first) <= width,
                    "{name}: {a} and {b} at {defined}: {word} of {first} and {width} more"
                );
                // No number is larger than the largest that a window goes to.
                let (_, rest) = words.scale().window(defined, None, allowed);
                assert!(rest >= width, "{name}: {a} and {b}");
                let expected = words.scale().number(defined).round();
                // Words go round in fine scales alone.
                assert!(fine || expected + allowed < 4.295e9, "{name}: {a} and {b}");
                let difference = number.wrapping_sub(expected as i64 as u32).cast_signed();
                most = most.max((f64::from(difference).abs() - 0.5) / allowed);
            }
        }
    });
    screened.then_some(most)
}

#[test]
fn no_distance_in_words_is_farther_from_the_defined_one_than_its_bound() {
    for (kind, (name, make)) in KINDS.into_iter().enumerate() {
        for width in [1, 2, 3, 7, 64, 129] {
            for (distance, fine) in Distance::ALL.into_iter().flat_map(|d| [(d, false), (d, true)]) {
                let mut rng = rng((kind * 1000 + width) as u64);
                let rows: Vec<f32> = (0..100).flat_map(|row| make(&mut rng, row, width)).collect();
                let name = format!("{name} x {width}, {}, fine: {fine}", distance.name());
                let most = largest_share(&rows, width, (distance, fine), &name);
                assert!(most.is_none_or(|most| most <= 1.0), "{name}: {most:?}");
            }
        }
    }
}

#[test]
fn rows_whose_distances_f32_does_not_resolve_are_not_screened() {
    // A spread of 1e-5 at 100: the errors of the chain are larger than all distances.
    let mut rng = rng(1);
    let rows: Vec<f32> = (0..100 * 64).map(|_| 100.0 + 1e-5 * rng.f32()).collect();
    for equal in [false, true] {
        let rows: Vec<f32> = if equal { vec![0.7; 100 * 64] } else { rows.clone() };
        assert_eq!(largest_share(&rows, 64, (Distance::SquaredL2, false), "not resolved"), None);
    }
}

/// Rows along one direction, each component half a unit off: what rounding loses of one row is parallel to the other,
/// as in the inequality that the bound rests on.
#[test]
fn rows_made_for_it_come_near_the_bound() {
    const WIDTH: usize = 64;
    if selected().is_empty() {
        return;
    }
    let mut best = 0.0_f64;
    // The factor follows from the rows; among many lengths some are lost in the same direction.
    for seed in 0..40 {
        let mut rng = rng(500 + seed);
        let rows: Vec<f32> = (0..100)
            .flat_map(|row| {
                let sign = if row % 2 == 0 { 1.0 } else { -1.0 };
                let length = if row < 4 { 1.0 } else { 0.9 + 0.1 * rng.f32() };
                vec![sign * length; WIDTH]
            })
            .collect();
        let share = largest_share(&rows, WIDTH, (Distance::SquaredL2, false), "parallel");
        best = best.max(share.expect("rows to screen"));
    }
    assert!((0.6..=1.0).contains(&best), "{best}: the bound is far from any error, or the rows are");
}
