//! Candidates far above an anchor's thresholds: the number of their bucket needs more than 32 bits in
//! f64 before it is limited to the last bucket.

use triplet_api::{Loss, LossSpec, Reduction};
use triplet_core::{Batch, Distance, Objective, Rule};
use triplet_testkit::{compare::answer, contenders};

/// Rows of one class close to each other, a few negatives among the nearest of them, and many
/// negatives so far away that their distances are 1e306: `(row, label)`.
fn rows() -> Vec<(f64, i64)> {
    let mut rng = fastrand::Rng::with_seed(7);
    let mut rows: Vec<(f64, i64)> = (0..80).map(|_| (rng.f64() * 1e-9, 0)).collect();
    rows.extend((0..4).map(|_| (rng.f64() * 5e-10, 1)));
    // A class each: without positives, they are anchors of no triplet.
    rows.extend((2..62).map(|label| (1e153 * (1.0 + rng.f64()), label)));
    rng.shuffle(&mut rows);
    rows
}

#[test]
fn negatives_far_above_all_thresholds() {
    let (x, labels): (Vec<f64>, Vec<i64>) = rows().into_iter().unzip();
    let batch = Batch::new(&x, 1, &labels).unwrap();
    let objective = Objective { distance: Distance::SquaredL2, rule: Rule::SemiHard, margin: 1.0 };
    let asked = LossSpec { objective, reduction: Reduction::Mean, require_positives: false };
    let mut reference = None;
    for contender in contenders::<f64>().unwrap() {
        let (name, mut workspace) = contender.workspace();
        let found = match asked.evaluate(&batch, &mut workspace) {
            Ok(evaluation) => answer(&evaluation),
            Err(error) => panic!("{name}: {error}"),
        };
        let reference = reference.get_or_insert_with(|| found.clone());
        assert_eq!(reference.difference(&found), None, "{name}");
    }
    // Some anchors have no near negative beyond their positive, so that far ones are chosen.
    let negatives = reference.map(|answer| answer.negatives).unwrap_or_default();
    let far = negatives.iter().filter(|&&row| x[row as usize] > 1.0).count();
    assert!(0 < far && far < negatives.len(), "{far} of {}", negatives.len());
}
