//! Random and adversarial batches, each determined by a seed and a number.

mod adversarial;

use fastrand::Rng;
use triplet_core::Real;

/// A batch, and how to ask for it again.
#[derive(Debug, Clone)]
pub struct Sample {
    /// Family, sizes, seed and number.
    pub name: String,
    /// Row-major `[B, D]`; exactly representable in f32 and f64.
    pub embeddings: Vec<f32>,
    /// Embedding width.
    pub width: usize,
    /// One label a row.
    pub labels: Vec<i64>,
}

impl Sample {
    /// The rows in an element type, exactly.
    #[must_use]
    pub fn rows<T: Real>(&self) -> Vec<T> {
        self.embeddings.iter().map(|&x| T::from_f64(f64::from(x))).collect()
    }
}

/// Block edges: panel heights and register tiles of the lane types, the block, the
/// depth of a cache block for each panel height.
const EDGES: [usize; 14] = [1, 2, 4, 6, 8, 12, 24, 48, 64, 96, 128, 192, 256, 288];

/// Rows a class around which the search changes from thresholds to sorted candidates, so that
/// random classes fall on both sides.
const SWITCH: usize = 65;

/// The `number`-th batch of a seed: `B` between 1 and 300, `D` up to 300 and at times
/// around 512 and 1024.
#[must_use]
pub fn sample(seed: u64, number: u64) -> Sample {
    let mut rng = Rng::with_seed(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ number);
    let rows = size(&mut rng);
    let width = size(&mut rng);
    let classes = match rng.u32(0..7) {
        0 => 1,
        1 => 2,
        2 => rng.usize(1..=10),
        3 => (rows / 8).max(1),
        4 => (rows / 2).max(1),
        5 => (rows / SWITCH).max(1),
        _ => rows,
    };
    // Now and then a wide batch, for the cuts of the chain; few rows keep it cheap.
    let (rows, width) = if number % 16 == 7 {
        (rows.min(40), [255, 256, 257, 511, 512, 513, 1023, 1030][rng.usize(..8)])
    } else {
        (rows, width)
    };
    let classes = classes.min(rows);
    let is_adversarial = matches!(number % 7, 3 | 5);
    let (family, embeddings) = if is_adversarial {
        adversarial::embeddings(&mut rng, rows, width)
    } else {
        embeddings(&mut rng, rows, width)
    };
    let names: Vec<i64> = if is_adversarial && rng.bool() {
        let kind = rng.u32(..);
        (0..classes).map(|class| adversarial::label(kind, class)).collect()
    } else {
        (0..classes).map(|_| rng.i64(..)).collect()
    };
    let labels = labels(&mut rng, rows, &names);
    let name = format!("{family} b{rows} d{width} c{classes} (seed {seed}, batch {number})");
    Sample { name, embeddings, width, labels }
}

/// A size between 1 and 300: small ones and block edges (and one off) come often.
fn size(rng: &mut Rng) -> usize {
    match rng.u32(0..4) {
        0 => rng.usize(1..=12),
        1 => {
            let edge = EDGES[rng.usize(..EDGES.len())];
            (edge + rng.usize(0..3)).saturating_sub(1).max(1)
        }
        2 => rng.usize(1..=64),
        _ => libm::pow(300.0, rng.f64()) as usize,
    }
}

fn embeddings(rng: &mut Rng, rows: usize, width: usize) -> (&'static str, Vec<f32>) {
    let len = rows * width;
    let family = rng.u32(0..12);
    let mut x: Vec<f32> = (0..len).map(|_| normal(rng)).collect();
    let name = match family {
        0 => "normal",
        1 => {
            for row in x.chunks_exact_mut(width) {
                let norm = row.iter().map(|v| v * v).sum::<f32>().sqrt().max(1e-6);
                row.iter_mut().for_each(|v| *v /= norm);
            }
            "unit"
        }
        2 => {
            x.iter_mut().for_each(|v| *v = (*v * 2.0).round());
            "integers"
        }
        3 => {
            // A handful of distinct rows, most of them repeated.
            let distinct = rng.usize(1..=4).min(rows);
            for row in distinct..rows {
                let from = rng.usize(..distinct);
                x.copy_within(from * width..(from + 1) * width, row * width);
            }
            "duplicates"
        }
        4 => {
            let first: Vec<f32> = x[..width].to_vec();
            x.chunks_exact_mut(width).for_each(|row| row.copy_from_slice(&first));
            "collapsed"
        }
        5 => {
            x.iter_mut().for_each(|v| *v *= 1e17 / (width as f32).sqrt());
            "huge"
        }
        6 => {
            x.iter_mut().for_each(|v| *v *= 1e-20);
            "tiny"
        }
        7 => {
            x.iter_mut().for_each(|v| *v *= f32::from_bits(1 << rng.u32(1..20)));
            "subnormal"
        }
        8 => {
            x.iter_mut().for_each(|v| *v *= 10f32.powi(rng.i32(-18..=8)));
            "mixed magnitudes"
        }
        9 => {
            // Tight clusters on a common offset: cancellation in every distance.
            x.iter_mut().for_each(|v| *v = 100.0 + *v * 1e-3);
            "offset"
        }
        10 => {
            x.iter_mut().for_each(|v| *v = if rng.bool() { 0.0 } else { v.signum() });
            "ternary"
        }
        _ => {
            x.iter_mut().for_each(|v| *v = if rng.u32(0..8) == 0 { *v } else { -0.0 });
            "sparse with negative zeros"
        }
    };
    (name, x)
}

fn labels(rng: &mut Rng, rows: usize, names: &[i64]) -> Vec<i64> {
    let classes = names.len();
    let mut labels: Vec<i64> = (0..rows)
        .map(|row| match classes {
            c if c == rows => names[row],
            _ => names[rng.usize(..classes)],
        })
        .collect();
    match rng.u32(0..3) {
        0 => labels.sort_unstable(),
        1 => (0..rows).for_each(|row| labels[row] = names[row % classes]),
        _ => {}
    }
    labels
}

/// A standard normal number (Box and Muller). `libm`: the platform's logarithm and cosine may
/// differ in their last bit, and batches must not.
pub fn normal(rng: &mut Rng) -> f32 {
    let radius = (-2.0 * libm::log(1.0 - rng.f64())).sqrt();
    (radius * libm::cos(core::f64::consts::TAU * rng.f64())) as f32
}
