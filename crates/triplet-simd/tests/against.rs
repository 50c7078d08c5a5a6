//! Anchors against other candidates, on every instruction set and some threads, against the scalar reference.

mod support;

use fastrand::Rng;
use support::Scoped;
use triplet_core::{
    Batch, Distance, Engine, GradientInputs, GradientScale, Identity, Objective, Problem, ProblemBuffers,
    Real, Rule, Scalar, Triplets,
};
use triplet_simd::{Element, Fused, Isa, Selected};

const SEED: u64 = 15;

/// One side: rows, labels and ids.
struct Side<T> {
    rows: Vec<T>,
    labels: Vec<i64>,
    ids: Vec<i64>,
}

/// Rows of small whole numbers, so that many distances tie, or of any.
fn side<T: Real>(rng: &mut Rng, rows: usize, width: usize, classes: i64, lattice: bool) -> Side<T> {
    let mut component = || if lattice { f64::from(rng.i32(-2..3)) } else { rng.f64() * 2.0 - 1.0 };
    let values = (0..rows * width).map(|_| T::from_f64(component())).collect();
    let labels = (0..rows).map(|_| rng.i64(0..classes)).collect();
    let ids = (0..rows).map(|_| rng.i64(0..60)).collect();
    Side { rows: values, labels, ids }
}

/// Everything that a call gives, as bits.
#[derive(Debug, PartialEq)]
struct Answer {
    negatives: Vec<u32>,
    positives: Vec<u32>,
    distances: [Vec<u64>; 2],
    sums: Vec<u64>,
    gradients: [Vec<u64>; 2],
    counts: String,
}

fn answer<T: Element>(
    engine: &mut dyn Engine<T>,
    problem: &Problem<'_, T>,
    weights: Option<&[f64]>,
    kept: usize,
) -> Answer {
    let mut triplets = Triplets::with_most_distances(kept);
    let scale = GradientScale::new(problem.distance(), problem.normalizer(), 0.7, weights);
    let mut gradient = vec![T::from_f64(f64::NAN); problem.anchors().len() * problem.anchors().width()];
    let candidates = problem.candidates();
    let mut to_candidates = vec![T::from_f64(f64::NAN); candidates.len() * candidates.width()];
    engine.mine(problem, &mut triplets).unwrap();
    let inputs = GradientInputs { problem, triplets: &triplets, scale };
    engine.gradient(inputs, &mut gradient).unwrap();
    engine.gradient_to_candidates(inputs, &mut to_candidates).unwrap();
    let bits = |values: &[T]| values.iter().map(|value| value.to_f64().to_bits()).collect::<Vec<_>>();
    Answer {
        distances: [bits(&triplets.positive_distances), bits(&triplets.negative_distances)],
        sums: triplets.sums.iter().map(|sum| sum.to_bits()).collect(),
        gradients: [bits(&gradient), bits(&to_candidates)],
        counts: format!("{:?}", triplets.counts),
        negatives: triplets.negatives,
        positives: triplets.positives,
    }
}

fn compare<T: Element>(engines: &mut [(String, Fused<T, Scoped>)]) {
    let mut rng = Rng::with_seed(SEED);
    let sizes = [0, 1, 7, 48, 49, 150].into_iter().flat_map(|m| [0, 1, 30, 97, 150].map(|n| (m, n)));
    // And anchors of so many positives that their candidates are sorted.
    for (case, (anchors, candidates)) in sizes.chain([(60, 300)]).enumerate() {
        let width = [1, 3, 16, 33][case % 4];
        let classes = if candidates == 300 { 3 } else { [1, 2, 9, 40][case / 2 % 4] };
        let [left, right] =
            [anchors, candidates].map(|rows| side::<T>(&mut rng, rows, width, classes, case % 3 == 0));
        let batches = [&left, &right].map(|side| Batch::new(&side.rows, width, &side.labels).unwrap());
        let weights: Vec<f64> = (0..anchors).map(|row| [1.0, 0.0, 2.5][row % 3]).collect();
        let ids = Identity::Ids { anchors: &left.ids, candidates: &right.ids };
        for (n, identity) in [Identity::Disjoint, ids, Identity::OwnRow].into_iter().enumerate() {
            if identity == Identity::OwnRow && anchors != candidates {
                continue;
            }
            let objectives = Distance::ALL.into_iter().flat_map(|d| Rule::ALL.map(|rule| (d, rule)));
            for (m, (distance, rule)) in objectives.enumerate() {
                let objective = Objective { distance, rule, margin: 0.5 };
                let mut buffers = ProblemBuffers::default();
                let sides = [&batches[0], &batches[1]];
                let problem = Problem::against(sides, identity, objective, &mut buffers).unwrap();
                let weights = ((n + m) % 2 == 0).then_some(&weights[..]);
                let kept = if m % 3 == 0 { 0 } else { usize::MAX };
                let expected = answer(&mut Scalar, &problem, weights, kept);
                for (name, engine) in &mut *engines {
                    let found = answer(engine, &problem, weights, kept);
                    assert!(
                        found == expected,
                        "{name}, {anchors} anchors x {width}, {candidates} candidates, {classes} classes, \
                         {objective:?}, {identity:?}, seed {SEED}: {found:?} instead of {expected:?}"
                    );
                }
            }
        }
    }
}

fn engines<T: Element>() -> Vec<(String, Fused<T, Scoped>)> {
    let all = Isa::available().flat_map(|isa| [1, 3].map(|threads| (isa, threads)));
    all.map(|(isa, threads)| {
        let name = format!("{} on {threads} threads, {}", isa.name(), T::NAME);
        (name, Fused::new("scoped", Selected::new(isa).unwrap(), Scoped(threads)))
    })
    .collect()
}

#[test]
fn rectangles_have_the_bits_of_the_reference_in_f32() {
    compare(&mut engines::<f32>());
}

#[test]
fn rectangles_have_the_bits_of_the_reference_in_f64() {
    compare(&mut engines::<f64>());
}

#[test]
fn anchors_cut_in_every_way_have_the_triplets_of_the_square_batch() {
    const ROWS: usize = 130;
    const WIDTH: usize = 9;
    let mut rng = Rng::with_seed(SEED + 1);
    let all = side::<f32>(&mut rng, ROWS, WIDTH, 12, false);
    let names: Vec<i64> = (0..ROWS as i64).collect();
    let batch = Batch::new(&all.rows, WIDTH, &all.labels).unwrap();
    let objective = Objective { distance: Distance::SquaredL2, rule: Rule::SemiHard, margin: 0.5 };
    let mut engine = Fused::<f32, _>::new("scoped", Selected::best().unwrap(), Scoped(2));
    let mut buffers = ProblemBuffers::default();
    let square = Problem::new(&batch, objective, &mut buffers).unwrap();
    let mut within = Triplets::default();
    engine.mine(&square, &mut within).unwrap();
    let mut expected: Vec<_> = within.triplets(&square).collect();
    expected.sort_by_key(|triplet| (triplet.anchor, triplet.positive));
    for size in [1, 20, 47, 48, 49, ROWS] {
        let mut found = Vec::new();
        for first in (0..ROWS).step_by(size) {
            let some = first..(first + size).min(ROWS);
            let rows = &all.rows[some.start * WIDTH..some.end * WIDTH];
            let anchors = Batch::new(rows, WIDTH, &all.labels[some.clone()]).unwrap();
            let identity = Identity::Ids { anchors: &names[some.clone()], candidates: &names };
            let mut buffers = ProblemBuffers::default();
            let problem = Problem::against([&anchors, &batch], identity, objective, &mut buffers).unwrap();
            let mut triplets = Triplets::default();
            engine.mine(&problem, &mut triplets).unwrap();
            found.extend(triplets.triplets(&problem).map(|mut triplet| {
                triplet.anchor += some.start as u32;
                triplet
            }));
        }
        assert_eq!(found, expected, "{size} anchors at a time");
    }
}
