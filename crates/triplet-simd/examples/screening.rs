//! What screening saves: mining with and without it, in turn, on rows of several kinds.
//!
//! `cargo run --release -p triplet-simd --example screening -- 4096x128x8 avx512 1.5`: rows, width and rows a
//! class; an instruction set; seconds a kind of rows.

use std::time::{Duration, Instant};
use triplet_core::{Batch, Engine, Objective, Problem, ProblemBuffers, Triplets};
use triplet_simd::{Fused, Inline, Isa, Screening, Selected};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Uniform numbers from -1 to 1, always the same.
struct Random(u64);

impl Random {
    fn next(&mut self) -> f32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 40) as f32 / (1 << 23) as f32 - 1.0
    }

    fn row(&mut self, width: usize) -> Vec<f32> {
        (0..width).map(|_| (0..4).map(|_| self.next()).sum()).collect()
    }
}

fn normalised(mut row: Vec<f32>) -> Vec<f32> {
    let norm = row.iter().map(|x| x * x).sum::<f32>().sqrt();
    row.iter_mut().for_each(|x| *x /= norm);
    row
}

/// A kind of rows, and how far each is from the centre of its class.
const KINDS: [(&str, f32); 6] = [
    ("without structure", f32::INFINITY),
    ("classes, loose", 1.0),
    ("classes, tight", 0.2),
    ("collapsed classes", 1e-4),
    ("all rows equal", 0.0),
    ("every row four times", -1.0),
];

fn rows(spread: f32, [count, width, size]: [usize; 3]) -> Vec<f32> {
    let mut random = Random(1);
    let centres: Vec<_> = (0..count / size).map(|_| random.row(width)).collect();
    let row = |i: usize| match spread {
        f32::INFINITY => normalised(random.row(width)),
        0.0 => vec![0.5; width],
        spread if spread < 0.0 => centres[i / 4 % centres.len()].clone(),
        spread => {
            let noise = random.row(width);
            let centre = &centres[i / size];
            normalised(centre.iter().zip(noise).map(|(c, n)| c + spread * n).collect())
        }
    };
    (0..count).flat_map(row).collect()
}

fn main() -> Result<()> {
    let mut given = std::env::args().skip(1);
    let shape = given.next().unwrap_or_else(|| "1536x64x8".to_owned());
    let shape: Vec<usize> = shape.split('x').map(str::parse).collect::<std::result::Result<_, _>>()?;
    let shape: [usize; 3] = shape.try_into().map_err(|_| "a shape is rows x width x rows a class")?;
    let isa: Isa = given.next().map_or(Ok(Selected::best()?.isa()), |name| name.parse())?;
    let seconds: f64 = given.next().map_or(Ok(0.2), |seconds| seconds.parse())?;
    let [count, width, size] = shape;
    println!("{count} x {width}, {size} rows a class, {}: mining, the least of calls in turn", isa.name());
    println!(
        "{:22} {:>9} {:>9} {:>6} {:>9} {:>10}",
        "rows", "off ms", "auto ms", "ratio", "screened", "undecided"
    );
    let labels: Vec<i64> = (0..count).map(|i| (i / size) as i64).collect();
    for (name, spread) in KINDS {
        let rows = rows(spread, shape);
        let batch = Batch::new(&rows, width, &labels)?;
        let objective = Objective { distance: Default::default(), rule: Default::default(), margin: 0.2 };
        let mut space = ProblemBuffers::default();
        let problem = Problem::new(&batch, objective, &mut space)?;
        let mut sides = [Screening::Off, Screening::Auto].map(|screening| {
            Selected::new(isa).map(|selected| {
                let mut engine = Fused::<f32>::new("simd", selected, Inline);
                engine.set_screening(screening);
                (engine, Triplets::default(), Duration::MAX)
            })
        });
        let begun = Instant::now();
        let mut calls = 0;
        while calls < 2 || begun.elapsed().as_secs_f64() < seconds {
            for side in &mut sides {
                let (engine, triplets, least) = side.as_mut().map_err(|error| error.clone())?;
                let start = Instant::now();
                engine.mine(&problem, triplets)?;
                *least = start.elapsed().min(*least);
            }
            calls += 1;
        }
        let [off, auto] = sides.map(|side| side.expect("checked above"));
        if off.1.negatives != auto.1.negatives {
            return Err(format!("{name}: screening changed what is mined").into());
        }
        let screened = auto.0.screened();
        let all = (count * count / 2) as f64;
        let [before, after] = [off.2, auto.2].map(|time| time.as_secs_f64() * 1e3);
        println!(
            "{name:22} {before:9.3} {after:9.3} {:6.3} {:8.1}% {:9.2}%",
            after / before,
            100.0 * screened.pairs as f64 / all,
            100.0 * screened.undecided_share()
        );
    }
    Ok(())
}
