//! How well rows of one class find one another.

use anyhow::Result;
use ndarray::ArrayView2;
use triplet_api::{Batch, Distance, Workspace};

/// Recall@1 and MAP@R of a set of embeddings.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Retrieval {
    /// Share of the rows whose nearest other row has their label.
    pub(crate) recall_at_1: f64,
    /// Mean average precision at R, the number of other rows of the query's class.
    pub(crate) map_at_r: f64,
}

/// Measures by Euclidean distance. Rows without another of their class are no queries.
pub(crate) fn retrieval(embeddings: ArrayView2<'_, f32>, labels: &[i64]) -> Result<Retrieval> {
    let batch = Batch::from_views(embeddings, ndarray::aview1(labels))?;
    let found =
        triplet_api::Retrieval::self_retrieval(&batch, &[1], Distance::L2, &mut Workspace::default())?;
    Ok(Retrieval { recall_at_1: found.precision_at_1(), map_at_r: found.map_at_r })
}
