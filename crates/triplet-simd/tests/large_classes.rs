//! The gradient of few, large classes, on every instruction set and some threads, against the scalar reference: with
//! distances that are kept (five classes) and computed again (fewer), with weights and without.

mod support;

use support::Scoped;
use triplet_core::{
    Batch, Distance, Engine, GradientInputs, GradientScale, Objective, Problem, ProblemBuffers, Rule, Scalar,
    Triplets,
};
use triplet_simd::{Fused, Isa, Selected};

const SEED: u64 = 14;
const WIDTH: usize = 19;

fn gradient(
    engine: &mut dyn Engine<f32>,
    problem: &Problem<'_, f32>,
    weights: Option<&[f64]>,
) -> (Vec<u32>, bool) {
    let most = if engine.gains_from_distances(problem, true) { usize::MAX } else { 0 };
    let mut triplets = Triplets::with_most_distances(most);
    engine.mine(problem, &mut triplets).unwrap();
    let scale = GradientScale::new(problem.distance(), problem.normalizer(), 1.0, weights);
    let mut out = vec![f32::NAN; problem.anchors().len() * WIDTH];
    engine.gradient(GradientInputs { problem, triplets: &triplets, scale }, &mut out).unwrap();
    (out.iter().map(|x| x.to_bits()).collect(), triplets.keeps_distances())
}

#[test]
fn the_gradient_of_few_classes_has_the_bits_of_the_reference() {
    let mut kept_and_not = [0; 2];
    for (rows, classes) in [(402, 5), (240, 3), (150, 2), (131, 1)] {
        let mut rng = fastrand::Rng::with_seed(SEED);
        let values: Vec<f32> = (0..rows * WIDTH).map(|_| rng.f32() - 0.5).collect();
        let labels: Vec<i64> = (0..rows as i64).map(|row| row % classes).collect();
        let weights: Vec<f64> = (0..rows).map(|row| [1.0, 0.0, 2.5][row % 3]).collect();
        let batch = Batch::new(&values, WIDTH, &labels).unwrap();
        for (distance, rule) in Distance::ALL
            .into_iter()
            .flat_map(|d| [Rule::SemiHard, Rule::SemiHardLiteral].map(|rule| (d, rule)))
        {
            let objective = Objective { distance, rule, margin: 0.05 };
            let mut buffers = ProblemBuffers::default();
            let problem = Problem::new(&batch, objective, &mut buffers).unwrap();
            for weights in [None, Some(&weights[..])] {
                let (expected, _) = gradient(&mut Scalar, &problem, weights);
                for (isa, threads) in Isa::available().flat_map(|isa| [1, 3].map(|threads| (isa, threads))) {
                    let mut engine = Fused::new("scoped", Selected::new(isa).unwrap(), Scoped(threads));
                    let (found, kept) = gradient(&mut engine, &problem, weights);
                    kept_and_not[usize::from(kept)] += usize::from(distance == Distance::L2);
                    assert!(
                        found == expected,
                        "{rows} rows in {classes} classes, {objective:?}, weights {weights:?}, {} on {threads} \
                         threads, seed {SEED}",
                        isa.name()
                    );
                }
            }
        }
    }
    assert!(kept_and_not.iter().all(|&cases| cases > 0), "distances kept and not: {kept_and_not:?}");
    let names: Vec<_> = Isa::available().map(Isa::name).collect();
    println!("covered: {}", names.join(", "));
}
