//! The loss inside candle's graph: gradients, reductions, errors.

use candle_core::{DType, Device, Tensor, Var};
use triplet_api::{Backend, BackendOptions, Batch, Inputs, Loss, Reduction, TripletSemiHardLoss, Workspace};
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
    for reduction in Reduction::ALL {
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
    for dtype in [DType::F16, DType::BF16] {
        let half = Var::from_tensor(&x.to_dtype(dtype).unwrap()).unwrap();
        let value = op.forward(&half, &LABELS).unwrap();
        let gradient = value.backward().unwrap().get(&half).unwrap().clone();
        // What the same values give in f32, rounded.
        let wide = Var::from_tensor(&half.to_dtype(DType::F32).unwrap()).unwrap();
        let expected = op.forward(&wide, &LABELS).unwrap();
        let slope = expected.backward().unwrap().get(&wide).unwrap().to_dtype(dtype).unwrap();
        let numbers = |t: &Tensor| {
            assert_eq!(t.dtype(), dtype);
            t.to_dtype(DType::F32).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap()
        };
        assert_eq!(numbers(&value), numbers(&expected.to_dtype(dtype).unwrap()));
        assert_eq!(numbers(&gradient), numbers(&slope));
    }
}

#[test]
fn a_loss_or_gradient_that_a_half_cannot_hold_is_an_error() {
    let op = TripletLoss::new(&loss(Reduction::Mean), BackendOptions::default()).unwrap();
    let half = |x: &[f32]| {
        let x = Tensor::from_slice(x, (x.len(), 1), &Device::Cpu).unwrap();
        Var::from_tensor(&x.to_dtype(DType::F16).unwrap()).unwrap()
    };
    // Squared distance 160,000; the largest f16 is 65,504.
    let error = op.forward(&half(&[0.0, 400.0, 10.0]), &[0, 0, 1]).unwrap_err().to_string();
    assert!(error.starts_with("the loss is") && error.contains("element type's range"), "{error}");
    // A loss that fits, of which a thousandfold does not.
    let x = half(&[0.0, 200.0, 10.0]);
    let value = op.forward(&x, &[0, 0, 1]).unwrap().to_dtype(DType::F32).unwrap();
    let error = (value * 1000.0).unwrap().backward().unwrap_err().to_string();
    assert!(error.starts_with("the gradient's row"), "{error}");
}

#[test]
fn an_upstream_gradient_gives_the_engines_bits() {
    let x = embeddings();
    let batch = Batch::new(&x, 3, &LABELS).unwrap();
    for reduction in Reduction::ALL {
        let upstream: Vec<f64> =
            (0..if reduction == Reduction::None { 8 } else { 1 }).map(|i| f64::from(i) - 2.3).collect();
        let mut workspace = Workspace::default();
        let inputs = Inputs { upstream: Some(&upstream), ..Inputs::default() };
        let expected = loss(reduction).evaluate_with(&batch, inputs, &mut workspace).unwrap();
        let var = Var::from_slice(&x, (8, 3), &Device::Cpu).unwrap();
        let op = TripletLoss::new(&loss(reduction), BackendOptions::default()).unwrap();
        let value = op.forward(&var, &LABELS).unwrap();
        let scale = Tensor::from_slice(&upstream, value.shape().clone(), &Device::Cpu).unwrap();
        let total = (value * scale).unwrap().sum_all().unwrap();
        let gradient = total.backward().unwrap().get(&var).unwrap().flatten_all().unwrap();
        assert_eq!(gradient.to_vec1::<f64>().unwrap(), expected.gradient(), "{reduction:?}");
    }
}

#[test]
fn calls_at_the_same_time_give_the_same_bits() {
    let x: Vec<f32> = (0..256 * 16).map(|i| (i * 7919 % 1013) as f32 / 1013.0).collect();
    let labels: Vec<i64> = (0..256).map(|row| row % 32).collect();
    let options = BackendOptions { backend: Backend::Par, threads: Some(3), ..Default::default() };
    let op = TripletLoss::new(&loss(Reduction::Mean), options).unwrap();
    let gradient = || {
        let var = Var::from_slice(&x, (256, 16), &Device::Cpu).unwrap();
        let gradients = op.forward(&var, &labels).unwrap().backward().unwrap();
        gradients.get(&var).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap()
    };
    let expected = gradient();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..8).for_each(|_| assert_eq!(gradient(), expected)));
        }
    });
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
