//! Laws that connect the answer to a batch with that to a changed one, all to the last bit.

mod rows;

use proptest::prelude::*;
use rows::{Chosen, Rows, integers, reals, times};
use triplet_api::{Reduction, Weights};
use triplet_core::{Distance, Rule};

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
                prop_assert_eq!(after.choices(), before.choices());
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
                prop_assert_eq!(&small.triplets, &large.triplets);
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
        let permuted = pairs.chosen(&permutation);
        for rule in HINGES {
            let before = pairs.evaluate(rule, Distance::SquaredL2, 1.0, Reduction::None);
            let after = permuted.evaluate(rule, Distance::SquaredL2, 1.0, Reduction::None);
            let wanted: Vec<u32> = permutation.iter().map(|&row| before.losses[row]).collect();
            prop_assert_eq!(after.losses, wanted);
        }
    }

    /// However a set is cut into anchors, each against all rows: the triplets of the square batch, and the losses of the rule
    /// that divides by nothing.
    #[test]
    fn a_set_may_be_cut_into_anchors(rows in reals(), cuts in any::<u64>()) {
        let count = rows.labels.len();
        let mut rng = fastrand::Rng::with_seed(cuts);
        let parts = rng.usize(1..5);
        let part_of: Vec<usize> = (0..count).map(|_| rng.usize(..parts)).collect();
        for rule in Rule::ALL {
            for distance in Distance::ALL {
                let whole = rows.evaluate(rule, distance, 0.5, Reduction::None);
                for part in 0..parts {
                    let chosen: Vec<usize> = (0..count).filter(|&row| part_of[row] == part).collect();
                    let (mut found, _) = rows.against_all(&chosen, rule, distance);
                    found.triplets.iter_mut().for_each(|t| t.0 = chosen[t.0 as usize] as u32);
                    let of_part = |t: &&Chosen| part_of[t.0 as usize] == part;
                    let wanted: Vec<Chosen> = whole.triplets.iter().filter(of_part).copied().collect();
                    prop_assert_eq!(found.triplets, wanted, "{:?} {:?}", rule, distance);
                    if matches!(rule, Rule::Hard | Rule::HardSoft) {
                        let wanted: Vec<u32> = chosen.iter().map(|&row| whole.losses[row]).collect();
                        prop_assert_eq!(found.losses, wanted, "{:?} {:?}", rule, distance);
                    }
                }
            }
        }
    }

    /// A weight of 0 leaves an anchor out: the losses of the others stay, and the gradient is theirs alone. Of integers,
    /// whose sums are exact in any order.
    #[test]
    fn weights_of_zero_leave_anchors_out(rows in integers(), kept in any::<u64>()) {
        let count = rows.labels.len();
        let mut rng = fastrand::Rng::with_seed(kept);
        let chosen: Vec<usize> = (0..count).filter(|_| rng.bool()).collect();
        let mut weights = vec![0.0; count];
        chosen.iter().for_each(|&row| weights[row] = 1.0);
        let weights = Weights::PerSample(&weights);
        let found = rows.weighted(Rule::Hard, Distance::SquaredL2, 0.5, Reduction::None, weights);
        let (wanted, gradient) = rows.against_all(&chosen, Rule::Hard, Distance::SquaredL2);
        for row in 0..count {
            let loss = chosen.binary_search(&row).map_or(0, |at| wanted.losses[at]);
            prop_assert_eq!(found.losses[row], loss, "row {}", row);
        }
        let found: Vec<f32> = found.gradient.iter().map(|&bits| f32::from_bits(bits)).collect();
        prop_assert_eq!(found, gradient);
    }
}
