//! How many threads a search is worth, and what a workspace says of the last call.

use triplet_api::{Backend, BackendOptions, Batch, Distance, Retrieval, Workspace};
use triplet_testkit::inputs::unit_rows;

#[test]
fn a_search_is_worth_its_queries_times_its_references() {
    let options = BackendOptions { backend: Backend::Par, isa: None, threads: Some(3) };
    let mut workspace = Workspace::<f32>::new(options).unwrap();
    let width = 50;
    let (x, labels) = unit_rows(620, width, 4, 11);
    let part = |rows: core::ops::Range<usize>| {
        Batch::new(&x[rows.start * width..rows.end * width], width, &labels[rows]).unwrap()
    };
    // 3 million multiply-adds are worth a thread: 100 x 600 x 50, and 245 x 245 x 50.
    let among = [(99, 1), (100, 3), (20, 1)];
    for (queries, threads) in among {
        let (queries, references) = (part(0..queries), part(20..620));
        Retrieval::query_reference(&queries, &references, &[1], Distance::L2, &mut workspace).unwrap();
        assert_eq!(workspace.executed().threads, threads, "{} queries", queries.rows());
    }
    for (rows, threads) in [(244, 1), (245, 3), (10, 1)] {
        Retrieval::self_retrieval(&part(0..rows), &[1], Distance::L2, &mut workspace).unwrap();
        assert_eq!(workspace.executed().threads, threads, "{rows} rows");
    }
}
