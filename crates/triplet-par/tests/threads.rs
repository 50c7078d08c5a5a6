//! How many threads a batch is worth: one for a small one, all for a large one.

use triplet_core::{Batch, Engine, Objective, Problem, ProblemBuffers, Triplets};
use triplet_par::{Parallel, Rayon};
use triplet_simd::Selected;

const THREADS: usize = 3;

/// Threads that a call used, on rows of this shape.
fn threads(engine: &mut Parallel<f32>, rows: usize, width: usize) -> usize {
    let x: Vec<f32> = (0..rows * width).map(|i| (i * 7919 % 1013) as f32 / 500.0 - 1.0).collect();
    let labels: Vec<i64> = (0..rows as i64).map(|row| row / 4).collect();
    let batch = Batch::new(&x, width, &labels).unwrap();
    let objective = Objective { distance: Default::default(), rule: Default::default(), margin: 1.0 };
    let mut space = ProblemBuffers::default();
    let problem = Problem::new(&batch, objective, &mut space).unwrap();
    engine.mine(&problem, &mut Triplets::default()).unwrap();
    engine.executed().threads
}

#[test]
fn a_small_batch_stays_on_the_calling_thread_and_a_large_one_uses_all() {
    let mut engine = Parallel::new(Selected::best().unwrap(), Rayon::with_threads(THREADS).unwrap());
    // 3 million multiply-adds, half the square of the rows times the width, are worth a thread.
    for (rows, width, expected) in [
        (16, 8, 1),
        (216, 128, 1),
        (217, 128, THREADS),
        (100, 599, 1),
        (100, 600, THREADS),
        (4, 1000, 1),
        (2450, 1, THREADS),
        (2448, 1, 1),
    ] {
        assert_eq!(threads(&mut engine, rows, width), expected, "{rows} x {width}");
    }
    // No fewer and no more than asked for.
    for threads_wanted in [1, 2, 4] {
        let mut engine = Parallel::with_threads(threads_wanted).unwrap();
        assert_eq!(threads(&mut engine, 400, 64), threads_wanted);
    }
}
