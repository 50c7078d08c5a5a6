//! Laws that connect the answer to a batch with that to a changed one, all to the last bit.

use proptest::prelude::*;
use triplet_api::{Inputs, Loss, LossSpec, Reduction, Workspace};
use triplet_core::{Batch, Distance, Objective, Rule};

/// Rows and their labels.
#[derive(Debug, Clone)]
struct Rows {
    x: Vec<f32>,
    width: usize,
    labels: Vec<i64>,
}

/// What an evaluation answers, in bits.
#[derive(Debug, PartialEq)]
struct Bits {
    loss: u32,
    losses: Vec<u32>,
    gradient: Vec<u32>,
    negatives: Vec<u32>,
}

impl Rows {
    fn evaluate(&self, rule: Rule, distance: Distance, margin: f64, reduction: Reduction) -> Bits {
        let mut workspace = Workspace::<f32>::default();
        let batch = Batch::new(&self.x, self.width, &self.labels).unwrap();
        let spec =
            LossSpec { objective: Objective { distance, rule, margin }, reduction, require_positives: false };
        let answer = spec.evaluate_with(&batch, Inputs::default(), &mut workspace).unwrap();
        let bits = |values: &[f32]| values.iter().map(|value| value.to_bits()).collect();
        Bits {
            loss: answer.loss().to_bits(),
            losses: answer.losses().map(bits).unwrap_or_default(),
            gradient: bits(answer.gradient()),
            negatives: answer.mined().negatives.clone(),
        }
    }

    fn map(&self, change: impl Fn(usize, f32) -> f32) -> Self {
        let x = self.x.iter().enumerate().map(|(i, &x)| change(i % self.width, x)).collect();
        Self { x, ..self.clone() }
    }
}

fn rows(component: impl Strategy<Value = f32> + Clone) -> impl Strategy<Value = Rows> {
    (2_usize..40, 1_usize..20, 1_i64..8).prop_flat_map(move |(count, width, classes)| {
        let x = prop::collection::vec(component.clone(), count * width);
        let labels = prop::collection::vec(0..classes, count);
        (x, labels).prop_map(move |(x, labels)| Rows { x, width, labels })
    })
}

fn reals() -> impl Strategy<Value = Rows> {
    rows(-4.0_f32..4.0)
}

fn integers() -> impl Strategy<Value = Rows> {
    rows((-6_i32..=6).prop_map(|value| value as f32))
}

fn times(bits: &[u32], factor: f32) -> Vec<u32> {
    bits.iter().map(|&bits| (f32::from_bits(bits) * factor).to_bits()).collect()
}

const HINGES: [Rule; 2] = [Rule::SemiHard, Rule::Hard];

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Distances, and so everything, scale by powers of two.
    #[test]
    fn powers_of_two_scale_the_answer(rows in reals(), power in -20_i32..20) {
        let scale = 2_f32.powi(power);
        let scaled = rows.map(|_, x| x * scale);
        for rule in HINGES {
            for (distance, of_loss) in [(Distance::SquaredL2, scale * scale), (Distance::L2, scale)] {
                let before = rows.evaluate(rule, distance, 0.5, Reduction::Mean);
                let after = scaled.evaluate(rule, distance, 0.5 * f64::from(of_loss), Reduction::Mean);
                prop_assert_eq!(&after.negatives, &before.negatives);
                prop_assert_eq!(times(&[before.loss], of_loss), [after.loss]);
                // The gradient is the loss over a length.
                prop_assert_eq!(times(&before.gradient, of_loss / scale), after.gradient);
            }
        }
    }

    /// Integers are exact, wherever they are.
    #[test]
    fn integer_lattices_may_be_moved(rows in integers(), shift in prop::collection::vec(-50_i32..50, 20)) {
        let moved = rows.map(|k, x| x + shift[k] as f32);
        for rule in Rule::ALL {
            for distance in [Distance::SquaredL2, Distance::L2] {
                let before = rows.evaluate(rule, distance, 1.0, Reduction::Mean);
                prop_assert_eq!(moved.evaluate(rule, distance, 1.0, Reduction::Mean), before);
            }
        }
    }

    /// A hard rule takes the nearest negative: rows that are farther than all change nothing.
    #[test]
    fn a_far_class_changes_no_hard_triplet(rows in reals(), extra in 1_usize..4) {
        prop_assume!(rows.labels.iter().any(|&label| label != rows.labels[0]));
        let mut with = rows.clone();
        for row in 0..extra {
            with.x.extend((0..rows.width).map(|_| 1e4 * (row + 1) as f32));
            with.labels.push(99);
        }
        let before = rows.evaluate(Rule::Hard, Distance::SquaredL2, 0.3, Reduction::None);
        let after = with.evaluate(Rule::Hard, Distance::SquaredL2, 0.3, Reduction::None);
        prop_assert_eq!(&after.losses[..rows.labels.len()], &before.losses);
    }

    /// Equal rows: the lowest is taken, so that another of them at the end changes no hard triplet.
    #[test]
    fn a_row_twice_changes_no_hard_triplet(rows in integers(), which in any::<prop::sample::Index>()) {
        let row = which.index(rows.labels.len());
        prop_assume!(rows.labels.iter().any(|&label| label != rows.labels[0]));
        let mut with = rows.clone();
        with.x.extend_from_slice(&rows.x[row * rows.width..(row + 1) * rows.width]);
        with.labels.push(rows.labels[row]);
        let before = rows.evaluate(Rule::Hard, Distance::SquaredL2, 0.3, Reduction::None);
        let after = with.evaluate(Rule::Hard, Distance::SquaredL2, 0.3, Reduction::None);
        prop_assert_eq!(&after.losses[..rows.labels.len()], &before.losses);
    }

    /// A larger margin makes no term smaller, and chooses nothing else.
    #[test]
    fn the_loss_grows_with_the_margin(rows in reals(), margin in -2.0_f64..2.0, more in 0.0_f64..2.0) {
        for rule in HINGES {
            for distance in Distance::ALL {
                let small = rows.evaluate(rule, distance, margin, Reduction::None);
                let large = rows.evaluate(rule, distance, margin + more, Reduction::None);
                prop_assert_eq!(&small.negatives, &large.negatives);
                for (small, large) in small.losses.iter().zip(&large.losses) {
                    prop_assert!(f32::from_bits(*small) <= f32::from_bits(*large));
                }
            }
        }
    }

    /// Rows in another order: the same losses in that order, where no two distances are equal and each anchor has one
    /// positive, so that nothing is added up in another order.
    #[test]
    fn rows_may_be_permuted(rows in reals(), order in any::<u64>()) {
        let count = rows.labels.len() / 2 * 2;
        let labels: Vec<i64> = (0..count as i64).map(|row| row / 2).collect();
        let pairs = Rows { x: rows.x[..count * rows.width].to_vec(), width: rows.width, labels };
        let mut permutation: Vec<usize> = (0..count).collect();
        fastrand::Rng::with_seed(order).shuffle(&mut permutation);
        let permuted = Rows {
            x: permutation.iter().flat_map(|&row| &pairs.x[row * rows.width..][..rows.width]).copied().collect(),
            width: rows.width,
            labels: permutation.iter().map(|&row| pairs.labels[row]).collect(),
        };
        for rule in HINGES {
            let before = pairs.evaluate(rule, Distance::SquaredL2, 1.0, Reduction::None);
            let after = permuted.evaluate(rule, Distance::SquaredL2, 1.0, Reduction::None);
            let wanted: Vec<u32> = permutation.iter().map(|&row| before.losses[row]).collect();
            prop_assert_eq!(after.losses, wanted);
        }
    }
}
