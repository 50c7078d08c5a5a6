//! Triplets, terms and counts of batches that are small enough to be worked out by hand.

use triplet_core::{
    AnchorTerms, Batch, Distance, Engine, GradientInputs, GradientScale, Objective, Problem, ProblemBuffers,
    Rule, Scalar, Statistics, Triplets,
};

/// What is looked at of mined rows on a line.
fn with<R>(
    (x, labels): (&[f32], &[i64]),
    (distance, rule, margin): (Distance, Rule, f64),
    mut triplets: Triplets<f32>,
    look: impl FnOnce(&Problem<'_, f32>, &Triplets<f32>) -> R,
) -> R {
    let batch = Batch::new(x, 1, labels).unwrap();
    let mut buffers = ProblemBuffers::default();
    let problem = Problem::new(&batch, Objective { distance, rule, margin }, &mut buffers).unwrap();
    Scalar.mine(&problem, &mut triplets).unwrap();
    look(&problem, &triplets)
}

/// Negatives by anchor and positive, and the terms: sums by row, violating, fallbacks.
fn mined(rows: (&[f32], &[i64]), rule: Rule, margin: f64) -> (Vec<Option<u32>>, Vec<f64>, [u64; 2]) {
    with(rows, (Distance::SquaredL2, rule, margin), Triplets::default(), |problem, triplets| {
        let mut terms = AnchorTerms::default();
        terms.rebuild(problem, triplets);
        let negatives = triplets.triplets(problem).map(|triplet| triplet.negative).collect();
        (negatives, terms.sums, [terms.statistics.violating, terms.statistics.fallbacks])
    })
}

#[test]
fn a_negative_as_far_as_the_positive_is_not_beyond_it() {
    // Anchor 0 has both neighbours at 1; anchor 1 likewise.
    let rows: (&[f32], &[i64]) = (&[0.0, 1.0, -1.0, 2.0], &[0, 0, 1, 2]);
    let (semi_hard, literal, hard) = (Rule::SemiHard, Rule::SemiHardLiteral, Rule::Hard);
    let chosen = vec![Some(3), Some(2)];
    assert_eq!(mined(rows, semi_hard, 1.0), (chosen.clone(), vec![0.0; 4], [0, 0]));
    // A term of zero violates nothing, one above zero does.
    assert_eq!(mined(rows, semi_hard, 3.0), (chosen.clone(), vec![0.0; 4], [0, 0]));
    assert_eq!(mined(rows, semi_hard, 3.5), (chosen.clone(), vec![0.5, 0.5, 0.0, 0.0], [2, 0]));
    // Beyond 1 + 2.75 there is one at 4; beyond 1 + 3 none, so that the farthest is taken.
    assert_eq!(mined(rows, literal, 2.75), (chosen.clone(), vec![0.0; 4], [0, 0]));
    assert_eq!(mined(rows, literal, 3.0), (chosen, vec![0.0; 4], [0, 2]));
    let nearest = vec![Some(2), Some(3), Some(0), Some(1)];
    assert_eq!(mined(rows, hard, 0.5), (nearest, vec![0.5, 0.5, 0.0, 0.0], [2, 0]));
}

#[test]
fn the_literal_bound_is_the_distance_of_the_positive_plus_the_margin() {
    // Of anchor 0 the distances are 4 to the positive and 9, 16 to the negatives; of anchor 1 25 and 4.
    let rows: (&[f32], &[i64]) = (&[0.0, 2.0, -3.0, 4.0], &[0, 0, 1, 2]);
    assert_eq!(mined(rows, Rule::SemiHardLiteral, 3.0).0, [Some(2), Some(2)]);
    assert_eq!(mined(rows, Rule::SemiHardLiteral, 6.0).0, [Some(3), Some(2)]);
}

#[test]
fn the_farthest_negative_is_the_lowest_row_of_several() {
    let rows: (&[f32], &[i64]) = (&[0.0, 5.0, 1.0, 3.0, -3.0], &[0, 0, 1, 2, 3]);
    // Of anchor 1 the distances are 25 to the positive and 16, 4, 64 to the negatives.
    assert_eq!(mined(rows, Rule::SemiHard, 1.0).0, [Some(3), Some(4)]);
    assert_eq!(mined(rows, Rule::SemiHard, 1.0).2, [1, 1]);
}

#[test]
fn flags_of_a_class_that_needs_two_words_are_those_of_the_hinge() {
    let x: Vec<f32> = (0..80).map(|row| (row * 7 % 80) as f32 / 64.0).chain([1.75]).collect();
    let labels: Vec<i64> = (0..81).map(|row| i64::from(row == 80)).collect();
    let asked = (Distance::SquaredL2, Rule::SemiHard, 0.25);
    with((&x, &labels), asked, Triplets::default(), |problem, triplets| {
        let mut beyond_the_first_word = [0, 0];
        let mut all = triplets.triplets(problem);
        for position in 0..80 {
            for rank in 0..79 {
                let one = all.next().unwrap();
                assert_eq!(one.anchor, problem.anchor_at(position));
                let expected = 0.25 + one.positive_distance - one.negative_distance >= 0.0;
                assert_eq!(triplets.has_gradient(problem, position, rank), expected, "{position}, {rank}");
                if rank >= 64 {
                    beyond_the_first_word[usize::from(expected)] += 1;
                }
            }
        }
        assert!(beyond_the_first_word.iter().all(|&count| count > 0), "{beyond_the_first_word:?}");
    });
}

#[test]
fn samples_of_distances_hold_those_of_pairs_that_exist() {
    let rows: (&[f32], &[i64]) = (&[0.0, 1.0, -1.5, 3.0], &[0, 0, 1, 2]);
    let sample = |distance, rule, kept, most| {
        let triplets = Triplets::with_most_distances(kept);
        with(rows, (distance, rule, 1.0), triplets, |problem, triplets| {
            triplets.sample_distances(problem, most)
        })
    };
    // Anchors 2 and 3 have no positive.
    let all = (vec![1.0, 1.0], vec![2.25, 4.0, 2.25, 4.0]);
    assert_eq!(sample(Distance::SquaredL2, Rule::Hard, usize::MAX, 9), all);
    assert_eq!(sample(Distance::SquaredL2, Rule::Hard, usize::MAX, 2), (vec![1.0], vec![2.25, 2.25]));
    for kept in [0, usize::MAX] {
        let pairs = (vec![1.0, 1.0], vec![1.5, 2.0]);
        assert_eq!(sample(Distance::L2, Rule::SemiHard, kept, 9), pairs);
        assert_eq!(sample(Distance::L2, Rule::SemiHard, kept, 1), (vec![1.0], vec![1.5]));
    }
}

#[test]
fn rows_are_listed_like_triplets_whether_or_not_distances_are_kept() {
    let rows: (&[f32], &[i64]) = (&[0.0, 1.0, -1.5, 3.0], &[0, 0, 1, 2]);
    for (rule, count) in [(Rule::SemiHard, 2), (Rule::Hard, 4)] {
        let listed = [0, usize::MAX].map(|kept| {
            let triplets = Triplets::with_most_distances(kept);
            with(rows, (Distance::L2, rule, 1.0), triplets, |problem, triplets| {
                let all: Vec<_> = triplets.triplets(problem).collect();
                let of_triplets = all.iter().map(|t| (t.anchor, t.positive, t.negative));
                assert!(triplets.rows(problem).map(|r| (r.anchor, r.positive, r.negative)).eq(of_triplets));
                all
            })
        });
        assert_eq!(listed[0], listed[1], "{rule:?}");
        assert_eq!(listed[0].len(), count);
        assert_eq!((listed[0][0].positive, listed[0][0].negative), (Some(1), Some(2)));
    }
}

#[test]
fn sums_are_weighted_one_by_one() {
    let terms = AnchorTerms { sums: vec![1.0, 2.0, 4.0], ..AnchorTerms::default() };
    assert_eq!(terms.weighted_sum(None), 7.0);
    assert_eq!(terms.weighted_sum(Some(&[0.5, 1.0, 3.0])), 14.5);
    assert_eq!(AnchorTerms::default().weighted_sum(None).to_bits(), 0);
}

#[test]
fn a_gradient_of_its_own_is_the_one_that_comes_with_mining() {
    // Anchor 0 has its negative at 1 and its positive at 3: a term of 1 + 9 - 1, of anchor 1 with 4.
    let rows: (&[f32], &[i64]) = (&[0.0, 3.0, 1.0], &[0, 0, 1]);
    let asked = (Distance::SquaredL2, Rule::SemiHard, 1.0);
    with(rows, asked, Triplets::default(), |problem, triplets| {
        let scale = GradientScale::new(Distance::SquaredL2, 1.0, 1.0, None);
        // Twice the positive pair's difference of -3, and the negative pairs' of -1 and 2.
        let expected = [-12.0 + 2.0, 12.0 - 4.0, -2.0 + 4.0];
        let mut own = [f32::NAN; 3];
        Scalar.gradient(GradientInputs { problem, triplets, scale }, &mut own).unwrap();
        assert_eq!(own, expected);
        let (mut again, mut together) = (Triplets::default(), [f32::NAN; 3]);
        Scalar.mine_and_gradient(problem, &mut again, scale, &mut together).unwrap();
        assert_eq!((together, &again), (expected, triplets));
    });
}

#[test]
fn the_violating_fraction_of_no_triplets_is_zero() {
    let fraction = |violating, triplets| {
        Statistics { violating, triplets, ..Statistics::default() }.violating_fraction()
    };
    assert_eq!([fraction(1, 4), fraction(4, 4), fraction(0, 0)], [0.25, 1.0, 0.0]);
}

#[test]
fn without_a_negative_only_triplets_of_positive_pairs_have_a_gradient() {
    let flagged = |rows: (&[f32], &[i64]), rule| {
        with(rows, (Distance::SquaredL2, rule, 1.0), Triplets::default(), |problem, triplets| {
            triplets.has_gradient(problem, 0, 0)
        })
    };
    type Rows<'a> = (&'a [f32], &'a [i64]);
    let (without, with): (Rows<'_>, Rows<'_>) = ((&[0.0, 1.0], &[0, 0]), (&[0.0, 1.0, 0.5], &[0, 0, 1]));
    for rule in Rule::ALL {
        assert_eq!(
            [without, with].map(|rows| flagged(rows, rule)),
            [!rule.one_per_anchor(), true],
            "{rule:?}"
        );
    }
}
