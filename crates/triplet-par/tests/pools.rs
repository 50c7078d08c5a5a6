//! Callers of all kinds at once: inside a pool, outside, several sharing one pool.

use triplet_core::{Batch, Engine, Objective, Problem, ProblemBuffers, Scalar, Triplets};
use triplet_par::{Parallel, Rayon};
use triplet_simd::Selected;

const ROWS: usize = 300;
const WIDTH: usize = 80;

fn negatives(engine: &mut dyn Engine<f32>) -> Vec<u32> {
    let x: Vec<f32> = (0..ROWS * WIDTH).map(|i| ((i * 7919 % 10_007) as f32) / 5000.0 - 1.0).collect();
    let labels: Vec<i64> = (0..ROWS as i64).map(|row| row % 40).collect();
    let batch = Batch::new(&x, WIDTH, &labels).unwrap();
    let objective = Objective { distance: Default::default(), rule: Default::default(), margin: 1.0 };
    let mut space = ProblemBuffers::default();
    let problem = Problem::new(&batch, objective, &mut space).unwrap();
    let mut mined = Triplets::default();
    engine.mine(&problem, &mut mined).unwrap();
    mined.negatives
}

fn many_calls(executor: Rayon, expected: &[u32]) {
    let mut engine = Parallel::new(Selected::best().unwrap(), executor);
    for _ in 0..50 {
        assert_eq!(negatives(&mut engine), expected);
    }
}

#[test]
fn callers_inside_a_pool_do_not_wait_for_each_other() {
    let expected = negatives(&mut Scalar);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
    pool.scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|_| many_calls(Rayon::current(), &expected));
        }
    });
}

#[test]
fn callers_outside_may_share_a_pool() {
    let expected = negatives(&mut Scalar);
    let shared = Rayon::with_threads(3).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| many_calls(shared.clone(), &expected));
            scope.spawn(|| many_calls(Rayon::current(), &expected));
        }
    });
}
