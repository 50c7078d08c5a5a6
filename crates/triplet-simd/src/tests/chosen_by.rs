//! Choices turned round: for every row the anchors that chose it, in numbers of two bytes and of four, all at
//! once and a few at a time.

use crate::{
    executor::Inline,
    gradient::{ChoiceBuffers, gains_from_distances},
};
use triplet_core::{
    Batch, Distance, GradientInputs, GradientScale, Objective, Problem, ProblemBuffers, Rule, Triplets,
};

/// Rows on a line, two to a class, whose two anchors choose other rows by a formula.
fn with_choices(
    rows: usize,
    distance: Distance,
    check: impl FnOnce(GradientInputs<'_, f32>, &dyn Fn(usize) -> u32),
) {
    let values: Vec<f32> = (0..rows).map(|row| row as f32 / rows as f32).collect();
    let labels: Vec<i64> = (0..rows).map(|row| row as i64 / 2).collect();
    let batch = Batch::new(&values, 1, &labels).unwrap();
    let objective = Objective { distance, rule: Rule::SemiHard, margin: 1.0 };
    let mut buffers = ProblemBuffers::default();
    let problem = Problem::new(&batch, objective, &mut buffers).unwrap();
    let mut triplets = Triplets::default();
    triplets.resize(&problem);
    // Classes in order of rows, and one triplet an anchor: positions, slots and rows are the same numbers. The last
    // row is chosen most often.
    let chosen = |slot: usize| if slot.is_multiple_of(3) { rows - 1 } else { slot * 7919 % rows } as u32;
    for slot in 0..problem.slots().count() {
        triplets.negatives[slot] = chosen(slot);
    }
    // No gradient for every fifth.
    for (slot, flags) in triplets.has_gradient.iter_mut().enumerate() {
        *flags = u64::from(!slot.is_multiple_of(5));
    }
    let scale = GradientScale::new(distance, 1.0, 1.0, None);
    check(GradientInputs { problem: &problem, triplets: &triplets, scale }, &chosen);
}

/// Two bytes hold the numbers of 65,536 rows. Of L2 the slots are listed too.
#[test]
fn every_row_finds_the_anchors_that_chose_it() {
    for (rows, most) in [(300, usize::MAX), (300, 70), (300, 7), (1 << 16, usize::MAX), (65_538, 50_000)] {
        for distance in [Distance::SquaredL2, Distance::L2] {
            with_choices(rows, distance, |inputs, chosen| {
                let anchors = inputs.problem.anchors().len() / 2 * 2;
                let mut expected = vec![Vec::new(); rows];
                for slot in (0..anchors).filter(|slot| !slot.is_multiple_of(5)) {
                    let listed = if distance.needs_pair_distance() { slot } else { 0 };
                    expected[chosen(slot) as usize].push((slot as u32, listed));
                }
                let mut buffers = ChoiceBuffers::default();
                buffers.limit_listed_choices(most);
                let mut next = 0;
                let mut windows = 0;
                buffers.windows(inputs.into(), &Inline, 0..rows, |window, choices| {
                    assert_eq!(window.start, next);
                    next = window.end;
                    windows += 1;
                    for row in window {
                        let mut found = Vec::new();
                        choices.of(inputs.into(), row as u32, |anchor, slot| found.push((anchor, slot)));
                        // Where one row is chosen by more than can be listed, slots are given in any case.
                        let slots = distance.needs_pair_distance();
                        found.iter_mut().for_each(|(_, slot)| *slot = if slots { *slot } else { 0 });
                        assert_eq!(found, expected[row], "{rows} rows, {most} at a time: row {row}");
                    }
                });
                assert_eq!(next, rows);
                assert_eq!(windows > 1, most < anchors, "{rows} rows, {most} at a time");
            });
        }
    }
}

/// Distances are worth keeping where few triplets have them, and where the gradient looks up some of them.
#[test]
fn distances_are_kept_of_small_classes_and_for_l2_of_all_but_the_largest() {
    let gains = |classes: usize, distance, with_gradient| {
        let labels: Vec<i64> = (0..600).map(|row| (row % classes) as i64).collect();
        let batch = Batch::new(&[0.0_f32; 600], 1, &labels).unwrap();
        let objective = Objective { distance, rule: Rule::SemiHard, margin: 1.0 };
        let mut buffers = ProblemBuffers::default();
        gains_from_distances(&Problem::new(&batch, objective, &mut buffers).unwrap(), with_gradient)
    };
    for distance in Distance::ALL {
        let looked_up = distance.needs_pair_distance();
        // 59, 99 and 299 positives an anchor.
        assert_eq!([10, 6, 2].map(|classes| gains(classes, distance, true)), [true, looked_up, false]);
        assert_eq!([10, 6, 2].map(|classes| gains(classes, distance, false)), [true, false, false]);
    }
}
