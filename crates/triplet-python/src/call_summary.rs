//! The part of a call's results that a loss object keeps: statistics and sampled distances.

use pyo3::prelude::*;
use triplet_api::Statistics;

/// Counts and distances of one batch.
#[pyclass(frozen, module = "triplet_loss._native")]
pub(crate) struct CallSummary {
    pub(crate) statistics: Statistics,
    /// Distances of positives and of chosen negatives, if requested.
    #[pyo3(get)]
    pub(crate) distances: Option<(Py<PyAny>, Py<PyAny>)>,
}

#[pymethods]
impl CallSummary {
    /// Positive pairs, triplets, violating, fallbacks, anchors without negatives.
    #[getter]
    fn statistics(&self) -> (u64, u64, u64, u64, u64) {
        let Statistics { positive_pairs, triplets, violating, fallbacks, anchors_without_negatives } =
            self.statistics;
        (positive_pairs, triplets, violating, fallbacks, anchors_without_negatives)
    }
}
