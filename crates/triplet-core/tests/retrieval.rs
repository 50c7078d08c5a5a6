//! Retrieval by the scalar reference, against scores counted by hand.

use triplet_core::{
    Batch, Comparison, Distance, Engine, Identity, Points, Scalar,
    points::PointsBuffers,
    retrieval::{RetrievalTask, Score},
};

/// Rows on a line, and the scores of all as queries.
fn scores(
    [queries, references]: [(&[f32], &[i64]); 2],
    identity: Option<Identity<'_>>,
    depth: usize,
) -> Vec<Score> {
    let [queries, references] = [queries, references].map(|(x, labels)| Batch::new(x, 1, labels).unwrap());
    let (mut left, mut right) = (PointsBuffers::default(), PointsBuffers::default());
    let distance = Distance::SquaredL2;
    let points = [Points::new(&queries, distance, &mut left), Points::new(&references, distance, &mut right)];
    let comparison = match identity {
        Some(identity) => Comparison::between(points[0], points[1], identity, distance),
        None => Comparison::within(points[0], Identity::OwnRow, distance),
    };
    let task = RetrievalTask::new(comparison, depth);
    let mut scores = vec![Score { first: 77, ..Score::default() }; queries.rows()];
    Scalar.retrieve(&task, &mut scores);
    scores
}

fn score(relevant: u32, first: u32, right: u32, average_precision: f64, nearest: u32) -> Score {
    Score { relevant, first, right, average_precision, nearest: Some(nearest) }
}

#[test]
fn rows_of_a_batch_among_each_other() {
    let batch: (&[f32], &[i64]) = (&[0.0, 1.0, 1.5, 4.0, 1.0], &[0, 0, 1, 0, 1]);
    // Neighbours by row: [1, 4, 2, 3], [4, 2, 0, 3], [1, 4, 0, 3], [2, 1, 4, 0], [1, 2, 0, 3].
    let expected =
        [score(2, 1, 1, 0.5, 1), score(2, 0, 0, 0.0, 4), score(1, 2, 0, 0.0, 1), score(2, 2, 1, 0.25, 2)];
    let found = scores([batch; 2], None, 2);
    assert_eq!(found[..4], expected);
    assert_eq!(found[4], score(1, 2, 0, 0.0, 1));
    // No deeper than the number of rows of the class: row 2 finds its own at rank 2.
    assert_eq!(scores([batch; 2], None, 1)[2], score(1, 0, 0, 0.0, 1));
}

#[test]
fn queries_among_other_rows() {
    let query: (&[f32], &[i64]) = (&[0.0], &[0]);
    let references: (&[f32], &[i64]) = (&[0.1, 0.2, 0.3, 0.4], &[0, 1, 1, 0]);
    let sides = [query, references];
    assert_eq!(scores(sides, Some(Identity::Disjoint), 3), [score(2, 1, 1, 0.5, 0)]);
    // Two references are of the query's id, one of them of its class.
    let ids = Some(Identity::Ids { anchors: &[5], candidates: &[5, 6, 5, 7] });
    assert_eq!(scores(sides, ids, 1), [score(1, 0, 0, 0.0, 1)]);
    assert_eq!(scores(sides, ids, 3), [score(1, 2, 0, 0.0, 1)]);
    // Without a row of its class it is no query.
    assert_eq!(scores([(&[0.0], &[9]), references], Some(Identity::Disjoint), 3), [Score::default()]);
}

#[test]
fn what_a_query_may_not_find_and_how_many_it_looks_at() {
    let (query, references) =
        (Batch::new(&[0.0_f32], 1, &[0]).unwrap(), Batch::new(&[1.0; 4], 1, &[0, 1, 1, 0]).unwrap());
    let (mut left, mut right) = (PointsBuffers::default(), PointsBuffers::default());
    let distance = Distance::L2;
    let points = [Points::new(&query, distance, &mut left), Points::new(&references, distance, &mut right)];
    let ids = Identity::Ids { anchors: &[5], candidates: &[5, 6, 5, 7] };
    let task = |depth| RetrievalTask::new(Comparison::between(points[0], points[1], ids, distance), depth);
    assert_eq!([0, 1, 2, 3].map(|row| task(1).excludes(0, row)), [true, false, true, false]);
    assert_eq!([0, 1, 3, 4, 9].map(|depth| task(depth).wanted(0)), [1, 1, 3, 4, 4]);
}
