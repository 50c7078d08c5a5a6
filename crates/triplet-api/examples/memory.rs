//! Time and memory of a call against the bytes that it may take: the table of the page on speed.
//!
//! `cargo run --release -p triplet-api --example memory -- 4096x32x2 [l2] [threads]`: rows, width, classes.

#[path = "../tests/support/peak.rs"]
mod peak;

use std::time::Instant;
use triplet_api::{
    BackendOptions, Batch, Distance, Error, Loss, MemoryLimits, Result, TripletSemiHardLoss, Workspace,
};

/// The shares of what a call without a limit takes.
const SHARES: [f64; 7] = [1.0, 0.75, 0.5, 0.35, 0.25, 0.15, 0.1];
/// Calls of each, the first of which takes its memory.
const CALLS: usize = 4;

/// Normally distributed rows of length 1, in classes that take turns.
fn rows([rows, width, classes]: [usize; 3]) -> (Vec<f32>, Vec<i64>) {
    let mut random = fastrand::Rng::with_seed(42);
    let mut normal = || {
        let (radius, angle) = (random.f32().max(1e-9), random.f32());
        (-2.0 * radius.ln()).sqrt() * (core::f32::consts::TAU * angle).cos()
    };
    let mut all = Vec::with_capacity(rows * width);
    for _ in 0..rows {
        let row: Vec<f32> = (0..width).map(|_| normal()).collect();
        let norm = row.iter().map(|x| x * x).sum::<f32>().sqrt();
        all.extend(row.iter().map(|x| x / norm));
    }
    (all, (0..rows).map(|row| (row % classes) as i64).collect())
}

/// The least seconds of a call, and the most bytes that its workspace held.
fn measure(
    loss: TripletSemiHardLoss,
    batch: &Batch<'_, f32>,
    limits: MemoryLimits,
    threads: usize,
) -> Result<(f64, usize, bool)> {
    let options = BackendOptions { threads: Some(threads), ..Default::default() };
    let mut workspace = Workspace::new(options)?.with_limits(limits);
    let before = peak::held();
    let (mut least, mut most, mut kept) = (f64::INFINITY, 0, true);
    for call in 0..CALLS {
        let (seconds, peak) = peak::peak_of(|| {
            let start = Instant::now();
            kept = loss.evaluate(batch, &mut workspace)?.keeps_triplets();
            Ok::<_, Error>(start.elapsed().as_secs_f64())
        });
        least = least.min(seconds?);
        // Before the first call takes its memory, it tries an allocation of as much as it reckons with.
        if call > 0 {
            most = most.max(peak - before);
        }
    }
    Ok((least, most, kept))
}

fn run(shape: [usize; 3], distance: Distance, threads: usize) -> Result<()> {
    let [_, width, _] = shape;
    let (x, labels) = rows(shape);
    let batch = Batch::new(&x, width, &labels)?;
    let loss = TripletSemiHardLoss { distance, ..Default::default() };
    let (time, full, _) = measure(loss, &batch, MemoryLimits::default(), threads)?;
    let mut workspace = Workspace::default();
    let pairs = loss.forward(&batch, Default::default(), &mut workspace)?.statistics().positive_pairs;
    drop(workspace);
    println!(
        "{shape:?} {distance:?}, {threads} thread(s): {:.1} MB, {:.2} bytes a pair beside 3 x the input, {:.1} ms",
        full as f64 / 1e6,
        (full as f64 - 3.0 * size_of_val(&x[..]) as f64) / pairs as f64,
        1e3 * time
    );
    println!("| share | budget MB | peak MB | time | triplets |");
    for share in SHARES {
        let bytes = (share * full as f64) as usize;
        match measure(loss, &batch, MemoryLimits { bytes, ..Default::default() }, threads) {
            Ok((seconds, peak, kept)) => println!(
                "| {:.0} % | {:.1} | {:.1} | {:.2} | {} |",
                100.0 * share,
                bytes as f64 / 1e6,
                peak as f64 / 1e6,
                seconds / time,
                if kept { "kept" } else { "in parts" }
            ),
            Err(error) => println!("| {:.0} % | {error} |", 100.0 * share),
        }
    }
    Ok(())
}

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let mut given = std::env::args().skip(1);
    let Some(shape) = given.next() else {
        return Err("give rows, width and classes, such as 4096x32x2".into());
    };
    let shape: Vec<usize> = shape.split('x').map(str::parse).collect::<std::result::Result<_, _>>()?;
    let distance = given.next().map_or(Ok(Distance::SquaredL2), |name| name.parse())?;
    let threads = given.next().map_or(Ok(1), |threads| threads.parse())?;
    Ok(run(shape.try_into().map_err(|_| "a shape is rows x width x classes")?, distance, threads)?)
}

#[test]
fn runs() {
    run([200, 4, 2], Distance::L2, 1).unwrap();
}
