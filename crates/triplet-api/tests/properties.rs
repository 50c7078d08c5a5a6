//! What must hold for any batch: gradients are derivatives, names do not matter.

use triplet_api::{Backend, BackendOptions, Inputs, Loss, LossSpec, Reduction, Weights, Workspace};
use triplet_core::{Batch, Distance, Objective, Rule};
use triplet_testkit::{
    compare::{answer_in, numbered_spec, weights},
    sample,
};

fn asked(distance: Distance, rule: Rule, reduction: Reduction) -> LossSpec {
    LossSpec { objective: Objective { distance, rule, margin: 0.7 }, reduction, require_positives: false }
}

/// The loss in f64, and what it selected, so that steps across a kink can be left out.
fn loss(
    x: &[f64],
    labels: &[i64],
    asked: LossSpec,
    weights: Weights<'_>,
    w: &mut Workspace<f64>,
) -> (f64, Vec<u32>) {
    let batch = Batch::new(x, x.len() / labels.len(), labels).unwrap();
    let result = asked.forward(&batch, weights, w).unwrap();
    (result.loss(), result.mined().negatives.clone())
}

#[test]
fn gradients_agree_with_central_differences() {
    let mut workspace = Workspace::default();
    let (rows, width) = (18, 5);
    let labels: Vec<i64> = (0..rows).map(|row| row % 5).collect();
    let (mut compared, mut skipped) = (0, 0);
    for seed in 0..4 {
        let mut rng = fastrand::Rng::with_seed(seed);
        let x: Vec<f64> =
            (0..rows * width).map(|_| f64::from(triplet_testkit::batches::normal(&mut rng))).collect();
        let weight: Vec<f64> = (0..rows).map(|_| rng.f64() * 2.0).collect();
        for distance in Distance::ALL {
            for rule in Rule::ALL {
                for (reduction, weights) in
                    [(Reduction::Mean, Weights::PerSample(&weight)), (Reduction::Sum, Weights::Scalar(0.5))]
                {
                    let asked = asked(distance, rule, reduction);
                    let batch = Batch::new(&x, width as usize, &labels).unwrap();
                    let inputs = Inputs { weights, upstream: None };
                    let gradient =
                        asked.evaluate_with(&batch, inputs, &mut workspace).unwrap().gradient().to_vec();
                    for at in (0..x.len()).step_by(7) {
                        let h = 1e-5;
                        let mut shifted = x.clone();
                        shifted[at] = x[at] + h;
                        let (up, chosen_up) = loss(&shifted, &labels, asked, weights, &mut workspace);
                        shifted[at] = x[at] - h;
                        let (down, chosen_down) = loss(&shifted, &labels, asked, weights, &mut workspace);
                        let difference = (up - down) / (2.0 * h);
                        // The error of a central difference is h^2 f''' / 6 + eps f / h,
                        // here below 1e-8; a term that crosses zero moves it by more, and
                        // then the one-sided differences disagree.
                        let (middle, _) = loss(&x, &labels, asked, weights, &mut workspace);
                        let sides = ((up - middle) - (middle - down)).abs() / h;
                        if chosen_up != chosen_down || sides > 1e-2 {
                            skipped += 1;
                            continue;
                        }
                        compared += 1;
                        let off = (difference - gradient[at]).abs();
                        assert!(
                            off < 1e-6,
                            "{asked:?}: gradient[{at}] {} against {difference}",
                            gradient[at]
                        );
                    }
                }
            }
        }
    }
    println!("{compared} components compared, {skipped} at a kink skipped");
    assert!(compared > 10 * skipped, "{compared} compared, {skipped} skipped");
}

#[test]
fn names_of_labels_do_not_matter() {
    let mut workspace =
        Workspace::<f32>::new(BackendOptions { backend: Backend::Simd, ..Default::default() }).unwrap();
    for number in 0..200 {
        let mut sample = sample(77, number);
        let (asked, weights) = (numbered_spec(number), weights(number, sample.labels.len()));
        let before = answer_in(&sample, asked, weights.as_deref(), &mut workspace);
        // An injective renaming that turns the order of labels round.
        sample.labels.iter_mut().for_each(|label| *label = !*label);
        let after = answer_in(&sample, asked, weights.as_deref(), &mut workspace);
        let same = match (&before, &after) {
            // Slots are listed by class, so compare what does not depend on their order.
            (Ok(a), Ok(b)) => (a.loss, &a.gradient, &a.losses) == (b.loss, &b.gradient, &b.losses),
            _ => before == after,
        };
        assert!(same, "{}", sample.name);
    }
}

#[test]
fn reductions_and_weights_agree_with_each_other() {
    let mut workspace = Workspace::<f64>::default();
    let sample = sample(5, 12);
    let rows = sample.labels.len();
    let x: Vec<f64> = sample.embeddings.iter().map(|&v| f64::from(v)).collect();
    let batch = Batch::new(&x, sample.width, &sample.labels).unwrap();
    let ones = vec![1.0; rows];
    let mut run = |reduction, weights, upstream: Option<&[f64]>| {
        let asked = asked(Distance::L2, Rule::SemiHard, reduction);
        let result = asked.evaluate_with(&batch, Inputs { weights, upstream }, &mut workspace).unwrap();
        (result.loss(), result.losses().map(<[f64]>::to_vec), result.gradient().to_vec())
    };
    let mean = run(Reduction::Mean, Weights::None, None);
    let sum = run(Reduction::Sum, Weights::None, None);
    let none = run(Reduction::None, Weights::None, None);
    assert!(mean.0 > 0.0, "a batch that teaches nothing tests nothing");
    let close = |a: f64, b: f64| (a - b).abs() <= 1e-12 * a.abs().max(b.abs()).max(1e-300);
    assert!(close(sum.0, mean.0 * rows as f64));
    let losses = none.1.unwrap();
    assert!(close(losses.iter().sum::<f64>() / rows as f64, mean.0));
    // A scalar weight scales the loss; ones change nothing, bit for bit.
    assert!(close(run(Reduction::Mean, Weights::Scalar(2.5), None).0, 2.5 * mean.0));
    assert_eq!(run(Reduction::Mean, Weights::PerSample(&ones), None).2, mean.2);
    // An upstream of 1/B on the rows is the mean; a weight is as good as an upstream.
    let share = vec![1.0 / rows as f64; rows];
    let spread = run(Reduction::None, Weights::None, Some(&share)).2;
    let largest = mean.2.iter().fold(0.0_f64, |a, g| a.max(g.abs()));
    assert!(spread.iter().zip(&mean.2).all(|(a, b)| (a - b).abs() <= 1e-12 * largest));
    assert_eq!(run(Reduction::None, Weights::PerSample(&share), None).2, spread);
}

/// The gradient of many positives an anchor, against the sum over the listed triplets:
/// nothing of flags, choices and coefficients is shared with what is tested.
#[test]
fn gradients_of_large_classes_are_the_sums_over_their_triplets() {
    let (rows, width) = (410, 3);
    let (x, _) = triplet_testkit::inputs::unit_rows(rows, width, 1, 9);
    let x: Vec<f64> = x.iter().map(|&v| f64::from(v)).collect();
    // Classes of 200, 130, 65 and 15 rows: three words of flags, two, one and a bit.
    let ends = [200, 330, 395, 410];
    let labels: Vec<i64> =
        (0..rows).map(|row| ends.iter().filter(|&&end| row * 7 % rows >= end).count() as i64).collect();
    let batch = Batch::new(&x, width, &labels).unwrap();
    let weight: Vec<f64> = (0..rows).map(|row| [1.0, 0.3, 0.0, 2.0][row % 4]).collect();
    let mut workspace = Workspace::<f64>::default();
    for distance in [Distance::SquaredL2, Distance::L2] {
        for weights in [Weights::None, Weights::PerSample(&weight)] {
            let mut asked = asked(distance, Rule::SemiHard, Reduction::Mean);
            asked.objective.margin = 1e-2;
            let inputs = Inputs { weights, upstream: None };
            let result = asked.evaluate_with(&batch, inputs, &mut workspace).unwrap();
            let (mut expected, mut active, mut all) = (vec![0.0; x.len()], 0, 0);
            for triplet in result.triplets().unwrap() {
                all += 1;
                let (near, far) = (triplet.positive_distance, triplet.negative_distance);
                if (1e-2 + near) - far < 0.0 {
                    continue;
                }
                active += 1;
                let anchor = triplet.anchor as usize;
                let factor = if matches!(weights, Weights::None) { 1.0 } else { weight[anchor] };
                let pairs = [(triplet.positive, near, 1.0), (triplet.negative, far, -1.0)];
                for (other, d, sign) in pairs {
                    let other = other.unwrap() as usize;
                    let slope = if distance == Distance::L2 { 1.0 / d } else { 2.0 };
                    for k in 0..width {
                        let step = sign * factor * slope * (x[anchor * width + k] - x[other * width + k]);
                        expected[anchor * width + k] += step;
                        expected[other * width + k] -= step;
                    }
                }
            }
            assert!(active > all / 10 && active < all, "{active} of {all} violating: both kinds are needed");
            // Some 1,600 terms of at most a few units a component, each off by an epsilon.
            let tolerance = 1600.0 * 1600.0 * 4.0 * f64::EPSILON;
            for (at, (got, sum)) in result.gradient().iter().zip(&expected).enumerate() {
                let got = got * all as f64;
                assert!(
                    (got - sum).abs() <= tolerance * (1.0 + sum.abs()),
                    "{distance:?} {at}: {got} and {sum}"
                );
            }
        }
    }
}
