//! All that an engine does, on three threads: the bits of the scalar reference, and how many threads
//! it is worth.

use triplet_core::{
    Batch, Comparison, Distance, Engine, GradientInputs, GradientScale, Identity, Objective, Points, Problem,
    ProblemBuffers, Rule, Scalar, Triplets,
    points::PointsBuffers,
    retrieval::{RetrievalTask, Score},
};
use triplet_par::Parallel;

const THREADS: usize = 3;

fn numbers(count: usize) -> Vec<f32> {
    (0..count).map(|i| (i * 7919 % 1013) as f32 / 500.0 - 1.0).collect()
}

/// What is looked at of a problem of so many rows, with eight rows a class.
fn with<R>(rows: usize, width: usize, look: impl FnOnce(&Problem<'_, f32>) -> R) -> R {
    let x = numbers(rows * width);
    let labels: Vec<i64> = (0..rows as i64).map(|row| row / 8).collect();
    let batch = Batch::new(&x, width, &labels).unwrap();
    let objective = Objective { distance: Distance::L2, rule: Rule::SemiHard, margin: 1.0 };
    let mut buffers = ProblemBuffers::default();
    look(&Problem::new(&batch, objective, &mut buffers).unwrap())
}

fn engine() -> Parallel<f32> {
    Parallel::with_threads(THREADS).unwrap()
}

#[test]
fn triplets_and_gradients_are_those_of_the_reference_together_and_apart() {
    // Few multiply-adds and many.
    for (rows, width, threads) in [(24, 5, 1), (240, 120, THREADS)] {
        with(rows, width, |problem| {
            let scale = GradientScale::new(Distance::L2, problem.normalizer(), 1.0, None);
            let (mut expected, mut gradient) = (Triplets::default(), vec![f32::NAN; rows * width]);
            Scalar.mine_and_gradient(problem, &mut expected, scale, &mut gradient).unwrap();
            let mut apart = engine();
            let (mut mined, mut out) = (Triplets::default(), vec![f32::NAN; rows * width]);
            apart.mine(problem, &mut mined).unwrap();
            assert_eq!(mined, expected);
            apart.gradient(GradientInputs { problem, triplets: &mined, scale }, &mut out).unwrap();
            assert_eq!((&out, apart.executed().threads), (&gradient, threads));
            let mut together = engine();
            let (mut mined, mut out) = (Triplets::default(), vec![f32::NAN; rows * width]);
            together.mine_and_gradient(problem, &mut mined, scale, &mut out).unwrap();
            assert_eq!((mined, out, together.executed().threads), (expected, gradient, threads));
        });
    }
}

#[test]
fn a_search_has_the_scores_of_the_reference_and_is_worth_its_queries_times_its_references() {
    let mut engine = engine();
    // 3 million multiply-adds are worth a thread: 60 x 500 x 100.
    for (rows, candidates, width, threads) in [(59, 500, 100, 1), (60, 500, 100, THREADS), (3, 4, 5, 1)] {
        let (x, y) = (numbers(rows * width), numbers(candidates * width));
        let labels: Vec<i64> = (0..candidates as i64).map(|row| row % 7).collect();
        let (queries, references) =
            (Batch::new(&x, width, &labels[..rows]).unwrap(), Batch::new(&y, width, &labels).unwrap());
        let (mut left, mut right) = (PointsBuffers::default(), PointsBuffers::default());
        let comparison = Comparison::between(
            Points::new(&queries, Distance::L2, &mut left),
            Points::new(&references, Distance::L2, &mut right),
            Identity::Disjoint,
            Distance::L2,
        );
        let task = RetrievalTask::new(comparison, 5);
        let (mut expected, mut scores) = (vec![Score::default(); rows], vec![Score::default(); rows]);
        Scalar.retrieve(&task, &mut expected);
        engine.retrieve(&task, &mut scores);
        assert_eq!((scores, engine.executed().threads), (expected, threads), "{rows} x {candidates}");
    }
}

#[test]
fn fewer_choices_listed_at_a_time_take_less_memory() {
    with(80, 2, |problem| {
        let mut engine = engine();
        let all = engine.bytes_needed(problem, true);
        engine.limit_listed_choices(100);
        // 2 bytes each of 80 * 7 triplets, or of 100.
        assert_eq!(all - engine.bytes_needed(problem, true), 2 * (560 - 100));
    });
}
