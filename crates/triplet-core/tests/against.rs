//! Anchors against other candidates: the scalar reference, against its own answers where both
//! sides are one batch.

use triplet_core::{
    Batch, Distance, Engine, Error, Identity, Objective, Problem, ProblemBuffers, Rule, Scalar, Triplet,
    Triplets,
};

const WIDTH: usize = 3;
const ROWS: usize = 24;

/// Small integers, so that many distances tie, and five classes of different sizes.
fn rows() -> (Vec<f32>, Vec<i64>) {
    let x = (0..ROWS * WIDTH).map(|i| (i * i * 7 % 11) as f32 - 5.0).collect();
    let labels = (0..ROWS).map(|row| [3, 1, 3, 2, 1, 3, 9, 3, 4, 1][row * 7 % 10]).collect();
    (x, labels)
}

fn objectives() -> impl Iterator<Item = Objective> {
    let pairs = Distance::ALL.into_iter().flat_map(|distance| Rule::ALL.map(|rule| (distance, rule)));
    pairs.map(|(distance, rule)| Objective { distance, rule, margin: 2.0 })
}

fn mined(problem: &Problem<'_, f32>) -> Vec<Triplet<f32>> {
    let mut triplets = Triplets::default();
    Scalar.mine(problem, &mut triplets).unwrap();
    triplets.triplets(problem).collect()
}

#[test]
fn some_rows_against_all_have_the_triplets_that_they_have_within_the_batch() {
    let (x, labels) = rows();
    let batch = Batch::new(&x, WIDTH, &labels).unwrap();
    let names: Vec<i64> = (0..ROWS as i64).map(|row| 100 - row).collect();
    for objective in objectives() {
        let mut buffers = ProblemBuffers::default();
        let square = mined(&Problem::new(&batch, objective, &mut buffers).unwrap());
        assert!(square.iter().any(|t| t.negative.is_some() && t.positive.is_some()), "{objective:?}");
        for anchors in [0, 1, 7, ROWS] {
            let some = Batch::new(&x[..anchors * WIDTH], WIDTH, &labels[..anchors]).unwrap();
            let identity = Identity::Ids { anchors: &names[..anchors], candidates: &names };
            let problem = Problem::against([&some, &batch], identity, objective, &mut buffers).unwrap();
            let of_some = square.iter().filter(|triplet| (triplet.anchor as usize) < anchors);
            assert_eq!(mined(&problem), of_some.copied().collect::<Vec<_>>(), "{objective:?}");
        }
        let problem = Problem::against([&batch, &batch], Identity::OwnRow, objective, &mut buffers).unwrap();
        assert_eq!(mined(&problem), square, "{objective:?}");
    }
}

#[test]
fn a_candidate_of_the_anchors_id_is_neither_positive_nor_negative() {
    // Candidates 1 and 2 are the anchor: one of them of its class, one of another.
    let anchor = Batch::new(&[0.0_f32], 1, &[5]).unwrap();
    let candidates = Batch::new(&[1.0_f32, 2.0, 3.0, 4.0, 6.0], 1, &[5, 5, 6, 6, 6]).unwrap();
    let objective = Objective { distance: Distance::L2, rule: Rule::SemiHard, margin: 1.0 };
    let triplet = |identity| {
        let mut buffers = ProblemBuffers::default();
        let problem = Problem::against([&anchor, &candidates], identity, objective, &mut buffers).unwrap();
        mined(&problem)
    };
    let named = |positive, negative, near, far| Triplet {
        anchor: 0,
        positive: Some(positive),
        negative: Some(negative),
        positive_distance: near,
        negative_distance: far,
    };
    let ids = Identity::Ids { anchors: &[7], candidates: &[8, 7, 7, 9, 9] };
    assert_eq!(triplet(ids), [named(0, 3, 1.0, 4.0)]);
    assert_eq!(triplet(Identity::Disjoint), [named(0, 2, 1.0, 3.0), named(1, 2, 2.0, 3.0)]);
}

#[test]
fn sides_that_do_not_fit_are_refused_by_name() {
    let (x, labels) = rows();
    let batch = Batch::new(&x, WIDTH, &labels).unwrap();
    let few = Batch::new(&x[..2 * WIDTH], WIDTH, &labels[..2]).unwrap();
    let wide = Batch::new(&x[..4], 4, &labels[..1]).unwrap();
    let objective = Objective { distance: Distance::L2, rule: Rule::Hard, margin: 1.0 };
    let refused = |sides: [&Batch<'_>; 2], identity: Identity<'_>| {
        Problem::against(sides, identity, objective, &mut ProblemBuffers::default()).err()
    };
    assert_eq!(
        refused([&wide, &batch], Identity::Disjoint),
        Some(Error::WidthMismatch { anchors: 4, candidates: WIDTH })
    );
    assert_eq!(
        refused([&few, &batch], Identity::OwnRow),
        Some(Error::OwnRowMismatch { anchors: 2, candidates: ROWS })
    );
    let ids = |anchors| Identity::Ids { anchors, candidates: &[0; ROWS] };
    assert_eq!(refused([&few, &batch], ids(&[0; 2])), None);
    assert_eq!(
        refused([&few, &batch], ids(&[0; 3])),
        Some(Error::IdsLength { side: "anchors", ids: 3, rows: 2 })
    );
    let short = Identity::Ids { anchors: &[0; 2], candidates: &[0; 3] };
    assert_eq!(
        refused([&few, &batch], short),
        Some(Error::IdsLength { side: "candidates", ids: 3, rows: ROWS })
    );
    assert_eq!(refused([&few, &batch], Identity::Disjoint), None);
}
