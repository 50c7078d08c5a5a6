//! Triplets that are written part by part, and what is kept of them.

use triplet_core::{
    Batch, Distance, Engine, ExecutionInfo, GradientInputs, GradientScale, NO_ROW, Objective, Problem,
    ProblemBuffers, Result, Rule, Scalar, Triplets,
    retrieval::{RetrievalTask, Score},
    terms::{TripletCounts, evaluate_terms},
};

/// What is looked at of a problem of rows on a line.
fn with<R>(
    (x, labels): (&[f32], &[i64]),
    (distance, rule, margin): (Distance, Rule, f64),
    look: impl FnOnce(&Problem<'_, f32>) -> R,
) -> R {
    let batch = Batch::new(x, 1, labels).unwrap();
    let mut buffers = ProblemBuffers::default();
    look(&Problem::new(&batch, Objective { distance, rule, margin }, &mut buffers).unwrap())
}

/// Three rows of one class and one of another: six triplets.
const ROWS: (&[f32], &[i64]) = (&[0.0, 1.0, 3.0, 2.0], &[0, 0, 0, 1]);

#[test]
fn parts_of_several_anchors_and_of_none_are_evaluated_where_they_belong() {
    with(ROWS, (Distance::SquaredL2, Rule::SemiHard, 2.0), |problem| {
        // Squared distances to the positives, ascending; row 3 is the only negative.
        let near = [[1.0, 9.0], [1.0, 4.0], [9.0, 4.0]];
        let far = [4.0, 1.0, 1.0];
        for ranges in [&[0..2, 2..2, 2..4][..], &[0..4, 4..4], &[0..1, 1..3, 3..3, 3..4]] {
            let mut triplets = Triplets::default();
            triplets.resize(problem);
            let mut counts = TripletCounts::default();
            for mut part in triplets.parts(problem, ranges.iter().cloned()) {
                for position in part.positions().filter(|&position| position < 3) {
                    let anchor = part.anchor(problem, position);
                    anchor.negatives.fill(3);
                    anchor.positive_distances.copy_from_slice(&near[position]);
                    anchor.negative_distances.fill(far[position]);
                    counts += anchor.evaluate_terms(problem);
                }
            }
            // Terms of 2 + near - far, cut at zero: the first anchor's are -1 and 7.
            assert_eq!(triplets.sums, [7.0, 2.0 + 5.0, 10.0 + 5.0, 0.0], "{ranges:?}");
            assert_eq!(triplets.has_gradient, [0b10, 0b11, 0b11], "{ranges:?}");
            assert_eq!(triplets.positive_distances, near.concat(), "{ranges:?}");
            // Five are above zero; all but the first have no negative beyond the positive.
            assert_eq!(counts, TripletCounts { violating: 5, fallbacks: 5 }, "{ranges:?}");
        }
    });
}

#[test]
fn a_negative_at_the_threshold_is_no_fallback() {
    let counted = |rule, near: f32, far: f32| {
        with(ROWS, (Distance::SquaredL2, rule, 0.5), |problem| {
            let (mut flags, mut sum) = ([0], 0.0);
            evaluate_terms(problem, &[3], &[near], &[far], (&mut flags, &mut sum)).fallbacks
        })
    };
    // One unit in the last place beyond 1, or beyond 1.5.
    assert_eq!([1.0, 1.0 + f32::EPSILON].map(|far| counted(Rule::SemiHard, 1.0, far)), [1, 0]);
    assert_eq!([1.5, 1.5 + f32::EPSILON].map(|far| counted(Rule::SemiHardLiteral, 1.0, far)), [1, 0]);
    assert_eq!([0.0, 1.0].map(|far| counted(Rule::Hard, 1.0, far)), [0, 0]);
}

#[test]
fn distances_are_kept_of_as_many_triplets_as_was_said() {
    for rule in Rule::ALL {
        let kept = |most| {
            with(ROWS, (Distance::L2, rule, 1.0), |problem| {
                let mut triplets = Triplets::with_most_distances(most);
                triplets.resize(problem);
                let scale = GradientScale::new(Distance::L2, 1.0, 1.0, None);
                let lacks = GradientInputs { problem, triplets: &triplets, scale }.lacks_distances();
                assert_eq!(lacks, !triplets.keeps_distances());
                (triplets.keeps_distances(), triplets.positive_distances.len())
            })
        };
        // Six triplets, or four of one an anchor, whose distances are always kept.
        let expected = match rule.one_per_anchor() {
            true => [(true, 4); 3],
            false => [(false, 0), (true, 6), (true, 6)],
        };
        assert_eq!([5, 6, 7].map(kept), expected, "{rule:?}");
    }
}

#[test]
fn only_a_derivative_that_depends_on_distances_lacks_them() {
    for distance in Distance::ALL {
        let lacks = with(ROWS, (distance, Rule::SemiHard, 1.0), |problem| {
            let mut triplets = Triplets::with_most_distances(0);
            triplets.resize(problem);
            let scale = GradientScale::new(distance, 1.0, 1.0, None);
            GradientInputs { problem, triplets: &triplets, scale }.lacks_distances()
        });
        assert_eq!(lacks, distance.needs_pair_distance(), "{distance:?}");
    }
}

#[test]
fn sums_of_a_batch_without_triplets_are_zero_whatever_was_there() {
    let mut triplets = Triplets::default();
    triplets.sums = vec![7.0; 3];
    with((&[0.0, 1.0], &[0, 1]), (Distance::L2, Rule::SemiHard, 1.0), |problem| {
        triplets.resize(problem);
    });
    assert_eq!((triplets.sums, triplets.negatives), (vec![0.0; 2], vec![]));
}

/// The scalar reference, but for what a trait provides.
struct Plain;

impl Engine<f32> for Plain {
    fn mine(&mut self, problem: &Problem<'_, f32>, out: &mut Triplets<f32>) -> Result<()> {
        Scalar.mine(problem, out)
    }
    fn gradient(&mut self, inputs: GradientInputs<'_, f32>, out: &mut [f32]) -> Result<()> {
        Scalar.gradient(inputs, out)
    }
    fn retrieve(&mut self, task: &RetrievalTask<'_, f32>, scores: &mut [Score]) {
        Scalar.retrieve(task, scores);
    }
    fn bytes_needed(&self, problem: &Problem<'_, f32>, with_gradient: bool) -> usize {
        Scalar.bytes_needed(problem, with_gradient)
    }
    fn executed(&self) -> ExecutionInfo {
        Engine::<f32>::executed(&Scalar)
    }
}

#[test]
fn an_engine_mines_and_then_accumulates_if_it_says_nothing_else() {
    with((&[0.0, 3.0, 1.0], &[0, 0, 1]), (Distance::SquaredL2, Rule::SemiHard, 1.0), |problem| {
        let scale = GradientScale::new(Distance::SquaredL2, 1.0, 1.0, None);
        let (mut triplets, mut gradient) = (Triplets::default(), [f32::NAN; 3]);
        Plain.mine_and_gradient(problem, &mut triplets, scale, &mut gradient).unwrap();
        // Both anchors have the negative of row 2, at squared distances of 1 and 4. Twice the positive
        // pair's difference of -3, and the negative pairs' of -1 and 2.
        assert_eq!(triplets.negatives, [2, 2]);
        assert_eq!(gradient, [-12.0 + 2.0, 12.0 - 4.0, -2.0 + 4.0]);
    });
    with((&[0.0, 1.0], &[0, 1]), (Distance::SquaredL2, Rule::Hard, 1.0), |problem| {
        let mut triplets = Triplets::default();
        Plain.mine(problem, &mut triplets).unwrap();
        assert_eq!((triplets.positives, triplets.negatives), (vec![NO_ROW; 2], vec![1, 0]));
    });
}
