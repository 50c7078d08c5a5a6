//! Batches whose values are chosen to be slow: none may take more than three times as long, per triplet, as random
//! rows of the same shape.

use super::least;
use anyhow::{Result, ensure};
use triplet_api::Workspace;
use triplet_testkit::inputs::unit_rows;

/// How many times as long as random rows one may take, per triplet.
const MOST: f64 = 3.0;
/// Rows a class.
const PER_CLASS: usize = 8;

/// A batch and what is particular about it.
struct Family {
    name: &'static str,
    rows: Vec<f32>,
    labels: Vec<i64>,
}

/// Batches of so many rows, of which random ones are the first.
fn families(rows: usize, width: usize) -> Vec<Family> {
    let (random, labels) = unit_rows(rows, width, PER_CLASS, 7);
    let of = |name, change: &dyn Fn(usize, usize, f32) -> f32| Family {
        name,
        rows: random.iter().enumerate().map(|(i, &x)| change(i / width, i % width, x)).collect(),
        labels: labels.clone(),
    };
    let (first, second) = random.split_at(width);
    let mut half = of("half of the rows in one class", &|_, _, x| x);
    half.labels.iter_mut().step_by(2).for_each(|label| *label = -1);
    let mut falling = of("each next candidate nearer", &|r, k, _| {
        // Along a line, the steps growing: from any row on, later rows are nearer than earlier ones are.
        if k == 0 { (rows - r) as f32 * (1.0 + (rows - r) as f32 / rows as f32) } else { 0.0 }
    });
    falling.labels = (0..rows).map(|row| (row % (rows / PER_CLASS)) as i64).collect();
    vec![
        of("random rows", &|_, _, x| x),
        of("all rows equal", &|_, k, _| first[k]),
        of("two points", &|r, k, _| if r % 2 == 0 { first[k] } else { second[k] }),
        of("two points, each of its own classes", &|r, k, _| {
            if labels[r] % 2 == 0 { first[k] } else { second[k] }
        }),
        of("a lattice of three values", &|_, _, x| (x * 8.0).round().clamp(-1.0, 1.0)),
        falling,
        of("rows of geometric lengths", &|r, _, x| x * 2_f32.powi(r as i32 % 41 - 20)),
        of("one row of length 1e6", &|r, _, x| if r == 3 { x * 1e6 } else { x }),
        of("far from the origin", &|_, _, x| x + 300.0),
        of("subnormal components", &|_, _, x| x * 1e-39),
        of("subnormal squares", &|_, _, x| x * 1e-20),
        half,
    ]
}

/// Times all of them against random rows; prints, and judges.
pub(super) fn run(rounds: usize, workspace: &mut Workspace<f32>) -> Result<()> {
    let mut slow = Vec::new();
    for (rows, width) in [(256, 128), (1024, 128), (4096, 128), (2048, 17)] {
        let families = families(rows, width);
        let mut times = vec![f64::INFINITY; families.len()];
        for _ in 0..rounds {
            for (family, time) in families.iter().zip(&mut times) {
                *time = time.min(least(&family.rows, width, &family.labels, workspace)?);
            }
        }
        let triplets: Vec<_> = families.iter().map(|family| pairs(&family.labels) as f64).collect();
        for (i, family) in families.iter().enumerate().skip(1) {
            let each = times[i] / times[0] * triplets[0] / triplets[i];
            println!(
                "{rows} x {width}, {}: {:.2} times random rows, {each:.2} per triplet",
                family.name,
                times[i] / times[0]
            );
            if each > MOST {
                slow.push(format!("{rows} x {width}, {}", family.name));
            }
        }
    }
    ensure!(slow.is_empty(), "more than {MOST} times random rows, per triplet: {}", slow.join("; "));
    Ok(())
}

/// Ordered pairs of one label.
fn pairs(labels: &[i64]) -> usize {
    let mut sorted = labels.to_vec();
    sorted.sort_unstable();
    sorted.chunk_by(|a, b| a == b).map(|class| class.len() * (class.len() - 1)).sum()
}
