//! What a loss keeps of its last call: counts and distances, no gradient.

use pyo3::prelude::*;
use triplet_api::Statistics;

/// Counts and distances of one batch.
#[pyclass(frozen, module = "triplet_loss._native")]
pub(crate) struct Record {
    pub(crate) statistics: Statistics,
    /// Distances of positives and of chosen negatives, if asked for.
    #[pyo3(get)]
    pub(crate) distances: Option<(Py<PyAny>, Py<PyAny>)>,
}

#[pymethods]
impl Record {
    /// Positive pairs, triplets, violating, fallbacks, anchors without negatives.
    #[getter]
    fn statistics(&self) -> (u64, u64, u64, u64, u64) {
        let Statistics { positive_pairs, triplets, violating, fallbacks, anchors_without_negatives } =
            self.statistics;
        (positive_pairs, triplets, violating, fallbacks, anchors_without_negatives)
    }
}
