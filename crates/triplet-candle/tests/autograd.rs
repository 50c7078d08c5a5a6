//! The loss inside candle's graph: gradients, reductions, errors.

use candle_core::{DType, Device, Tensor, Var};
use triplet_api::{BackendOptions, Batch, Loss, Reduction, TripletSemiHardLoss, Workspace};
use triplet_candle::TripletLoss;

const LABELS: [i64; 8] = [0, 1, 0, 2, 1, 2, 0, 1];

fn embeddings() -> Vec<f64> {
    (0..8 * 3).map(|i| f64::from((i * 7919 % 101) as f32 / 25.0 - 2.0)).collect()
}

fn loss(reduction: Reduction) -> TripletSemiHardLoss {
    TripletSemiHardLoss { margin: 2.5, reduction, ..Default::default() }
}

#[test]
fn the_gradient_is_the_engines_own() {
    let x: Vec<f32> = embeddings().iter().map(|&v| v as f32).collect();
    let batch = Batch::new(&x, 3, &LABELS).unwrap();
    let mut workspace = Workspace::default();
    let expected = loss(Reduction::Mean).evaluate(&batch, &mut workspace).unwrap();
    let var = Var::from_slice(&x, (8, 3), &Device::Cpu).unwrap();
    let op = TripletLoss::new(&loss(Reduction::Mean), BackendOptions::default()).unwrap();
    let value = op.forward(&var, &LABELS).unwrap();
    assert_eq!(value.to_scalar::<f32>().unwrap(), expected.loss());
    let gradient = value.backward().unwrap().get(&var).unwrap().flatten_all().unwrap();
    assert_eq!(gradient.to_vec1::<f32>().unwrap(), expected.gradient());
    assert_eq!(op.statistics(), expected.statistics());
    assert!(expected.loss() > 0.0, "a loss of zero tests nothing");
}

#[test]
fn derivatives_flow_through_a_layer() {
    // loss(x W) with respect to W, against central differences in f64.
    let x = Tensor::from_vec(embeddings(), (8, 3), &Device::Cpu).unwrap();
    let w: Vec<f64> = (0..6).map(|i| f64::from(i) / 3.0 - 0.7).collect();
    for reduction in [Reduction::Mean, Reduction::Sum, Reduction::None] {
        let op = TripletLoss::new(&loss(reduction), BackendOptions::default()).unwrap();
        // An uneven sum over the rows, so that the upstream gradient is not all ones.
        let scale: Vec<f64> = (0..8).map(|i| 0.5 + f64::from(i)).collect();
        let scale = Tensor::from_vec(scale, 8, &Device::Cpu).unwrap();
        let value = |w: &Tensor| {
            let value = op.forward(&x.matmul(w).unwrap(), &LABELS).unwrap();
            if value.dims().is_empty() {
                (value * 3.0).unwrap()
            } else {
                (value * &scale).unwrap().sum_all().unwrap()
            }
        };
        let at = |w: Vec<f64>| {
            value(&Tensor::from_vec(w, (3, 2), &Device::Cpu).unwrap()).to_scalar::<f64>().unwrap()
        };
        let var = Var::from_slice(&w, (3, 2), &Device::Cpu).unwrap();
        let gradient = value(&var).backward().unwrap().get(&var).unwrap().flatten_all().unwrap();
        for (i, got) in gradient.to_vec1::<f64>().unwrap().into_iter().enumerate() {
            let shifted = |h: f64| {
                let mut w = w.clone();
                w[i] += h;
                at(w)
            };
            let difference = (shifted(1e-6) - shifted(-1e-6)) / 2e-6;
            assert!(
                (got - difference).abs() < 1e-6 * difference.abs().max(1.0),
                "{reduction:?}: {got} {difference}"
            );
        }
    }
}

#[test]
fn halves_are_computed_in_f32_and_strides_are_followed() {
    let x = Tensor::from_vec(embeddings(), (8, 3), &Device::Cpu).unwrap().to_dtype(DType::F32).unwrap();
    let op = TripletLoss::new(&loss(Reduction::Mean), BackendOptions::default()).unwrap();
    let plain = op.forward(&x, &LABELS).unwrap().to_scalar::<f32>().unwrap();
    let turned = x.t().unwrap().contiguous().unwrap().t().unwrap();
    assert_eq!(op.forward(&turned, &LABELS).unwrap().to_scalar::<f32>().unwrap(), plain);
    let half = op.forward(&x.to_dtype(DType::BF16).unwrap(), &LABELS).unwrap();
    assert_eq!(half.dtype(), DType::BF16);
}

#[test]
fn mistakes_are_errors() {
    let op = TripletLoss::new(&loss(Reduction::Mean), BackendOptions::default()).unwrap();
    let message = |t: Tensor, labels: &[i64]| op.forward(&t, labels).unwrap_err().to_string();
    let zeros = |shape: &[usize]| Tensor::zeros(shape, DType::F32, &Device::Cpu).unwrap();
    assert!(message(zeros(&[4]), &[0; 4]).contains("shape [4]: expected two dimensions"));
    assert!(message(zeros(&[4, 2]), &[0; 3]).contains("labels have shape [3]"));
    assert!(message(zeros(&[2, 2]).to_dtype(DType::U8).unwrap(), &[0; 2]).contains("f32, f64, f16 or bf16"));
}
