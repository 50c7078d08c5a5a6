//! Every mistake in the input is a typed error that names what is wrong.

use triplet_api::{
    Backend, BackendOptions, Batch, Distance, Error, Inputs, Isa, Loss, Reduction, Rule, TripletSemiHardLoss,
    Weights, Workspace,
};

fn evaluate(loss: TripletSemiHardLoss, x: &[f32], labels: &[i64], inputs: Inputs<'_>) -> Result<f32, Error> {
    let batch = Batch::new(x, x.len() / labels.len(), labels)?;
    let mut workspace = Workspace::default();
    loss.evaluate_with(&batch, inputs, &mut workspace).map(|e| e.loss())
}

const X: [f32; 4] = [0.0, 1.0, 1.5, 3.0];
const Y: [i64; 4] = [0, 0, 1, 2];

#[test]
fn mistakes_are_named() {
    let weights = |w| Inputs { weights: Weights::PerSample(w), upstream: None };
    let upstream = |u| Inputs { weights: Weights::None, upstream: Some(u) };
    let with = |margin| TripletSemiHardLoss { margin, ..Default::default() };
    let default = TripletSemiHardLoss::default();
    let cases: [(Result<f32, Error>, &str); 11] = [
        (
            evaluate(default, &[0.0, f32::NAN, 1.0, 2.0], &[0, 0], Inputs::default()),
            "embeddings[0, 1] is NaN",
        ),
        (
            evaluate(default, &[0.0, 1.0, f32::INFINITY, 2.0], &[0, 0], Inputs::default()),
            "embeddings[1, 0] is inf",
        ),
        (
            evaluate(default, &[0.0, 1.0, 1e20, 2.0], &[0, 0], Inputs::default()),
            "row 1 has a squared norm of 1.000e40",
        ),
        (evaluate(with(f64::NAN), &X, &Y, Inputs::default()), "margin is NaN"),
        (evaluate(with(1e39), &X, &Y, Inputs::default()), "margin is 1"),
        (
            evaluate(default, &X, &Y, weights(&[1.0; 3])),
            "sample_weight has shape [3] but the batch has shape [4]",
        ),
        (evaluate(default, &X, &Y, weights(&[1.0, 1.0, -1.0, 1.0])), "sample_weight[2] is -1"),
        (evaluate(default, &X, &Y, upstream(&[1.0, 2.0])), "2 values but the reduced loss has 1"),
        (evaluate(default, &X, &Y, upstream(&[f64::NAN])), "value 0 is NaN"),
        (
            evaluate(with(3e38), &X, &Y, Inputs { weights: Weights::Scalar(1e30), upstream: None }),
            "the loss is",
        ),
        (
            evaluate(
                TripletSemiHardLoss { require_positives: true, ..default },
                &X,
                &[0, 1, 2, 3],
                Inputs::default(),
            ),
            "no two of the 4 rows share a label",
        ),
    ];
    for (result, fragment) in cases {
        let message = result.expect_err(fragment).to_string();
        assert!(message.contains(fragment), "{message:?} does not contain {fragment:?}");
    }
}

#[test]
fn a_gradient_that_overflows_is_named_by_row() {
    let steep = Inputs { weights: Weights::None, upstream: Some(&[1e38]) };
    let loss = TripletSemiHardLoss { margin: 1e6, ..Default::default() };
    let error = evaluate(loss, &[0.0, 100.0, 150.0, 300.0], &Y, steep).unwrap_err();
    assert_eq!(error, Error::GradientOverflow { row: 0 });
}

#[test]
fn a_gradient_of_the_callers_has_the_length_of_the_embeddings() {
    let batch = Batch::new(&X, 1, &Y).unwrap();
    let (loss, inputs) = (TripletSemiHardLoss::default(), Inputs::default());
    let mut workspace = Workspace::default();
    for len in [0, 3, 5] {
        let mut out = vec![0.0; len];
        let refused = loss.evaluate_into(&batch, inputs, &mut out, &mut workspace).err();
        assert_eq!(refused, Some(Error::GradientLength { len, expected: 4 }));
    }
    let mut out = [f32::NAN; 4];
    loss.evaluate_into(&batch, inputs, &mut out, &mut workspace).unwrap();
    let expected = loss.evaluate(&batch, &mut workspace).unwrap();
    assert_eq!(out, expected.gradient());
}

#[test]
fn names_and_counts_are_checked() {
    assert!("cosine".parse::<Distance>().is_err());
    assert!("easy".parse::<Rule>().is_err());
    assert!("gpu".parse::<Backend>().is_err());
    assert!("sse".parse::<Isa>().is_err());
    assert!("median".parse::<Reduction>().is_err());
    for backend in Backend::ALL {
        let options = BackendOptions { backend, threads: Some(0), isa: None };
        assert_eq!(
            Workspace::<f32>::new(options).err(),
            Some(Error::Par(triplet_par::Error::ZeroThreads)),
            "{backend:?}"
        );
    }
}

#[test]
fn empty_and_lonely_batches_are_results() {
    let mut workspace = Workspace::<f32>::default();
    for labels in [&[][..], &[5], &[1, 2, 3], &[4, 4, 4]] {
        let x = vec![0.5; labels.len() * 3];
        let batch = Batch::new(&x, 3, labels).unwrap();
        let result = TripletSemiHardLoss::default().evaluate(&batch, &mut workspace).unwrap();
        let expected = if labels.len() == 3 && labels[0] == 4 { 1.0 } else { 0.0 };
        assert_eq!(result.loss(), expected, "{labels:?}");
        assert_eq!(result.gradient(), vec![0.0; x.len()], "{labels:?}");
    }
}
