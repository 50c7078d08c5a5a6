//! What a problem says of its rows, square and against other candidates.

use triplet_core::{
    Batch, Distance, Error, Identity, Objective, Points, Problem, ProblemBuffers, Rule, points::PointsBuffers,
};

fn objective(rule: Rule) -> Objective {
    Objective { distance: Distance::SquaredL2, rule, margin: 1.0 }
}

#[test]
fn sums_are_divided_by_the_number_of_triplets() {
    let batch = Batch::new(&[0.0_f32; 6], 1, &[0, 0, 0, 1, 1, 2]).unwrap();
    let few = Batch::new(&[0.0_f32; 2], 1, &[0, 3]).unwrap();
    let mut buffers = ProblemBuffers::default();
    for rule in Rule::ALL {
        let one = rule.one_per_anchor();
        let square = Problem::new(&batch, objective(rule), &mut buffers).unwrap();
        assert_eq!(square.normalizer(), if one { 6.0 } else { 8.0 }, "{rule:?}");
        assert_eq!(square.positive_pairs(), 8);
        let sides = [&few, &batch];
        let against = Problem::against(sides, Identity::Disjoint, objective(rule), &mut buffers).unwrap();
        assert_eq!(against.normalizer(), if one { 2.0 } else { 3.0 }, "{rule:?}");
        assert_eq!(against.positive_pairs(), 3);
    }
}

#[test]
fn anchors_that_have_a_positive_but_no_negative_are_counted() {
    let mut buffers = ProblemBuffers::default();
    let mut square = |labels: &[i64]| {
        let x = vec![0.0_f32; labels.len()];
        let batch = Batch::new(&x, 1, labels).unwrap();
        let problem = Problem::new(&batch, objective(Rule::SemiHard), &mut buffers).unwrap();
        problem.anchors_without_negatives()
    };
    assert_eq!([&[4, 4, 4][..], &[4, 4, 5], &[4], &[]].map(&mut square), [3, 0, 0, 0]);
    let mut against = |identity, labels: &[i64]| {
        let candidates = vec![0.0_f32; labels.len()];
        let sides =
            [Batch::new(&[0.0_f32; 3], 1, &[4, 5, 4]).unwrap(), Batch::new(&candidates, 1, labels).unwrap()];
        let [anchors, candidates] = &sides;
        let sides = [anchors, candidates];
        let problem = Problem::against(sides, identity, objective(Rule::SemiHard), &mut buffers).unwrap();
        problem.anchors_without_negatives()
    };
    assert_eq!(against(Identity::Disjoint, &[4, 4]), 2);
    assert_eq!(against(Identity::Disjoint, &[4, 5]), 0);
    // The only candidate of the third anchor's class is the anchor itself.
    let ids = Identity::Ids { anchors: &[1, 2, 3], candidates: &[3] };
    assert_eq!(against(ids, &[4]), 1);
}

#[test]
fn rows_keep_their_labels() {
    let (full, none) =
        (Batch::new(&[1.0_f32, 2.0], 1, &[7, 8]).unwrap(), Batch::new(&[0.0_f32; 0], 1, &[]).unwrap());
    let (mut buffers, mut more) = (PointsBuffers::default(), PointsBuffers::default());
    let points = Points::new(&full, Distance::L2, &mut buffers);
    assert_eq!((points.labels(), points.rows(), points.is_empty()), (&[7, 8][..], &[1.0, 2.0][..], false));
    assert!(Points::new(&none, Distance::L2, &mut more).is_empty());
}

#[test]
fn a_margin_must_be_finite_in_the_element_type() {
    let (narrow, wide) = (Batch::new(&[0.0_f32], 1, &[0]).unwrap(), Batch::new(&[0.0_f64], 1, &[0]).unwrap());
    for (value, in_f32, in_f64) in
        [(0.1, true, true), (1e300, false, true), (-1e300, false, true), (f64::INFINITY, false, false)]
    {
        let objective = Objective { margin: value, ..objective(Rule::SemiHard) };
        let refused = |accepted| if accepted { None } else { Some(Error::Margin { value }) };
        let mut buffers = ProblemBuffers::default();
        assert_eq!(Problem::new(&narrow, objective, &mut buffers).err(), refused(in_f32), "{value}");
        let mut buffers = ProblemBuffers::default();
        assert_eq!(Problem::new(&wide, objective, &mut buffers).err(), refused(in_f64), "{value}");
    }
    let objective = Objective { margin: 0.1, ..objective(Rule::SemiHard) };
    let mut buffers = ProblemBuffers::default();
    assert_eq!(Problem::new(&narrow, objective, &mut buffers).unwrap().margin(), 0.1_f32);
}
