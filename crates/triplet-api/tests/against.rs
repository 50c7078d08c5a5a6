//! Anchors against other candidates, through the whole call: every backend, losses, weights, errors.

use triplet_api::{
    Backend, BackendOptions, Batch, Candidates, CoreError, Distance, Error, Identity, Inputs, Loss, LossSpec,
    Objective, Reduction, Rule, Weights, Workspace,
};

const WIDTH: usize = 4;

/// Numbers that look random, between -1 and 1.
fn values(count: usize, seed: usize) -> Vec<f64> {
    (0..count).map(|i| ((i + seed) * 7919 % 1013) as f64 / 506.0 - 1.0).collect()
}

fn spec(distance: Distance, rule: Rule, reduction: Reduction) -> LossSpec {
    LossSpec { objective: Objective { distance, rule, margin: 0.4 }, reduction, require_positives: false }
}

fn workspace<T: triplet_api::Element>(backend: Backend) -> Workspace<T> {
    Workspace::new(BackendOptions { backend, isa: None, threads: Some(2) }).unwrap()
}

#[test]
fn every_exact_backend_gives_the_bits_of_the_reference() {
    let (left, right) = (values(70 * WIDTH, 1), values(110 * WIDTH, 50));
    let labels: Vec<i64> = (0..110).map(|row| row * row % 7).collect();
    let anchors = Batch::new(&left, WIDTH, &labels[..70]).unwrap();
    let others = Batch::new(&right, WIDTH, &labels).unwrap();
    let weights: Vec<f64> = (0..70).map(|row| f64::from(row % 3)).collect();
    for distance in Distance::ALL {
        for rule in Rule::ALL {
            for (reduction, weights) in [
                (Reduction::Mean, Weights::None),
                (Reduction::Sum, Weights::Scalar(0.5)),
                (Reduction::None, Weights::PerSample(&weights)),
            ] {
                let spec = spec(distance, rule, reduction);
                let mut expected = None;
                for backend in Backend::ALL.into_iter().filter(|backend| backend.is_exact()) {
                    let mut workspace =
                        workspace(if backend == Backend::Auto { Backend::Scalar } else { backend });
                    let candidates = Candidates::new(&others, Identity::Disjoint);
                    let inputs = Inputs { weights, upstream: None };
                    let result = spec.evaluate_against(&anchors, candidates, inputs, &mut workspace).unwrap();
                    let bits = |values: &[f64]| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
                    let found = (
                        result.loss().to_bits(),
                        bits(result.gradient()),
                        bits(result.losses().unwrap_or_default()),
                        result.statistics(),
                    );
                    let expected = expected.get_or_insert_with(|| found.clone());
                    assert_eq!(&found, expected, "{} {spec:?}", backend.name());
                    let loss =
                        spec.forward_against(&anchors, candidates, weights, &mut workspace).unwrap().loss();
                    assert_eq!(loss.to_bits(), expected.0, "{} {spec:?}", backend.name());
                }
            }
        }
    }
}

#[test]
fn a_batch_against_itself_has_the_loss_of_the_square_batch() {
    let x = values(60 * WIDTH, 3);
    let labels: Vec<i64> = (0..60).map(|row| row % 9).collect();
    let batch = Batch::new(&x, WIDTH, &labels).unwrap();
    let spec = spec(Distance::L2, Rule::SemiHard, Reduction::Mean);
    let mut workspace = workspace(Backend::Simd);
    let square = spec.evaluate(&batch, &mut workspace).unwrap();
    let expected = (square.loss(), square.statistics());
    let candidates = Candidates::new(&batch, Identity::OwnRow);
    let against = spec.evaluate_against(&batch, candidates, Inputs::default(), &mut workspace).unwrap();
    assert_eq!((against.loss(), against.statistics()), expected);
}

/// The proof of the tolerance: differences of a loss that is smooth between changes of the selection have an error
/// of the order of the squared step and of the rounding over it.
#[test]
fn the_gradients_are_those_to_anchors_and_candidates() {
    const STEP: f64 = 1e-6;
    let (left, right) = (values(12 * WIDTH, 7), values(40 * WIDTH, 90));
    let labels: Vec<i64> = (0..40).map(|row| row % 5).collect();
    let mut rows = [left, right].concat();
    for distance in Distance::ALL {
        let spec = spec(distance, Rule::SemiHard, Reduction::Mean);
        let mut workspace = workspace(Backend::Simd);
        let mut loss = |rows: &[f64]| -> (f64, Vec<f64>) {
            let (left, right) = rows.split_at(12 * WIDTH);
            let anchors = Batch::new(left, WIDTH, &labels[..12]).unwrap();
            let others = Batch::new(right, WIDTH, &labels).unwrap();
            let candidates = Candidates::new(&others, Identity::Disjoint).with_gradient();
            let result =
                spec.evaluate_against(&anchors, candidates, Inputs::default(), &mut workspace).unwrap();
            (result.loss(), [result.gradient(), result.gradient_to_candidates()].concat())
        };
        let (_, gradient) = loss(&rows);
        assert!(gradient[12 * WIDTH..].iter().any(|g| *g != 0.0));
        for (i, &expected) in gradient.iter().enumerate() {
            let x = rows[i];
            rows[i] = x + STEP;
            let above = loss(&rows).0;
            rows[i] = x - STEP;
            let below = loss(&rows).0;
            rows[i] = x;
            let difference = (above - below) / (2.0 * STEP);
            assert!((difference - expected).abs() < 1e-6, "{distance:?} {i}: {difference} and {expected}");
        }
    }
}

#[test]
fn sides_that_do_not_fit_are_refused_and_so_is_the_gram_backend() {
    let x = values(24, 1);
    let anchors = Batch::new(&x[..8], 2, &[0, 0, 1, 1]).unwrap();
    let others = Batch::new(&x[..6], 2, &[0, 1, 2]).unwrap();
    let wide = Batch::new(&x[..6], 3, &[0, 1]).unwrap();
    let spec = spec(Distance::L2, Rule::SemiHard, Reduction::Mean);
    let refused = |batch, identity, backend| {
        let mut workspace = workspace(backend);
        let candidates = Candidates::new(batch, identity);
        spec.evaluate_against(&anchors, candidates, Inputs::default(), &mut workspace)
            .map(|r| r.loss())
            .unwrap_err()
    };
    assert!(matches!(
        refused(&wide, Identity::Disjoint, Backend::Simd),
        Error::Core(CoreError::WidthMismatch { anchors: 2, candidates: 3 })
    ));
    assert!(matches!(
        refused(&others, Identity::OwnRow, Backend::Par),
        Error::Core(CoreError::OwnRowMismatch { anchors: 4, candidates: 3 })
    ));
    let ids = Identity::Ids { anchors: &[1, 2, 3], candidates: &[1, 2, 3] };
    assert!(matches!(
        refused(&others, ids, Backend::Simd),
        Error::Core(CoreError::IdsLength { side: "anchors", ids: 3, rows: 4 })
    ));
    assert!(matches!(
        refused(&others, Identity::Disjoint, Backend::Gram),
        Error::Core(CoreError::NotSquare { backend: "gram" })
    ));
}
