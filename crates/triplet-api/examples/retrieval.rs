//! Retrieval metrics of queries against a gallery that contains the queries themselves.
//!
//! `cargo run -p triplet-api --example retrieval`
//!
//! Without ids every query finds itself at distance 0 and recall@1 is 1, whatever the embeddings.
//! Ids exclude from a query's ranking all gallery rows of the same id.

use triplet_api::{
    Batch, Distance, Result, Retrieval, Workspace,
    retrieval::{Request, Rows},
};

const CLASSES: i64 = 10;
const ROWS_PER_CLASS: usize = 6;
const WIDTH: usize = 8;
const SEED: u64 = 3;

/// The metrics with and without ids.
fn measure() -> Result<(Retrieval, Retrieval)> {
    // Clusters around the corners of a cube, with so much noise that they overlap.
    let mut rng = fastrand::Rng::with_seed(SEED);
    let labels: Vec<i64> = (0..CLASSES).flat_map(|class| [class; ROWS_PER_CLASS]).collect();
    let mut gallery_rows = Vec::with_capacity(labels.len() * WIDTH);
    for &label in &labels {
        let bit = |k| f32::from(u8::from(label >> k & 1 == 1));
        gallery_rows.extend((0..WIDTH).map(|k| bit(k) + 1.5 * (rng.f32() - 0.5)));
    }
    let gallery_ids: Vec<i64> = (1000..).take(labels.len()).collect();

    // The queries are every third row of the gallery, under the same ids.
    let chosen: Vec<usize> = (0..labels.len()).step_by(3).collect();
    let query_rows: Vec<f32> =
        chosen.iter().flat_map(|&row| &gallery_rows[row * WIDTH..][..WIDTH]).copied().collect();
    let query_labels: Vec<i64> = chosen.iter().map(|&row| labels[row]).collect();
    let query_ids: Vec<i64> = chosen.iter().map(|&row| gallery_ids[row]).collect();

    let gallery = Batch::new(&gallery_rows, WIDTH, &labels)?;
    let queries = Batch::new(&query_rows, WIDTH, &query_labels)?;
    let mut workspace = Workspace::default();
    let without = Retrieval::query_reference(&queries, &gallery, &[1, 5], Distance::L2, &mut workspace)?;
    let request = Request {
        queries: Rows { batch: &queries, ids: Some(&query_ids) },
        references: Some(Rows { batch: &gallery, ids: Some(&gallery_ids) }),
        depths: &[1, 5],
        distance: Distance::L2,
        centre: false,
    };
    Ok((without, Retrieval::answer(&request, &mut workspace)?))
}

fn main() -> Result<()> {
    let (without, with) = measure()?;
    for (name, metrics) in [("without ids", without), ("with ids", with)] {
        println!("{name:<12} {} queries, MAP@R {:.3}", metrics.queries, metrics.map_at_r);
        for (k, recall) in metrics.recall {
            println!("{:12} recall@{k} {recall:.3}", "");
        }
    }
    Ok(())
}

#[test]
fn ids_exclude_the_query_itself() {
    let (without, with) = measure().unwrap();
    assert_eq!(without.precision_at_1(), 1.0, "every query finds itself");
    assert!(with.precision_at_1() < 1.0 && with.map_at_r < without.map_at_r);
}
