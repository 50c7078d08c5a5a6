//! Recall and precision of a search.

use crate::{
    arrays::{Embeddings, Values, slice},
    engine::Engine,
    errors::guarded,
    plan::Plan,
};
use numpy::PyReadonlyArray1;
use pyo3::{
    exceptions::{PyTypeError, PyValueError},
    prelude::*,
};
use triplet_api::{
    Batch, Distance, Element, Retrieval, Workspaces,
    retrieval::{Request, Rows},
};

/// Queries, recall at each depth, R-precision, MAP@R, and the rounding of the nearest distances.
type Found = (usize, Vec<(usize, f64)>, f64, f64, f64);
/// Ids of the queries and of the references.
type Ids<'py> = (PyReadonlyArray1<'py, i64>, PyReadonlyArray1<'py, i64>);

#[pymethods]
impl Engine {
    /// Ranks each row among the references, or among all other rows; without those of its own
    /// id, where there are ids. For a search among all other rows, both ids are the rows' own.
    #[pyo3(signature = (plan, labels, embeddings, reference_labels, references, depths, ids, centre))]
    fn retrieve(
        &self,
        py: Python<'_>,
        plan: &Plan,
        labels: PyReadonlyArray1<'_, i64>,
        embeddings: Embeddings<'_>,
        reference_labels: Option<PyReadonlyArray1<'_, i64>>,
        references: Option<Embeddings<'_>>,
        depths: Vec<usize>,
        ids: Option<Ids<'_>>,
        centre: bool,
    ) -> PyResult<Found> {
        let labels = slice(labels.as_slice())?;
        let reference_labels =
            reference_labels.as_ref().map(|labels| slice(labels.as_slice())).transpose()?;
        let width = embeddings.shape()[1];
        let reference_width = references.as_ref().map_or(width, |references| references.shape()[1]);
        let searched = references.as_ref().map(Embeddings::values).transpose()?;
        let pool = self.pool(plan.options);
        let distance = plan.spec.objective.distance;
        let ids = match &ids {
            Some((ids, others)) => Some([slice(ids.as_slice())?, slice(others.as_slice())?]),
            None => None,
        };
        let depths = &depths;
        let ask = Ask { labels, width, reference_labels, reference_width, depths, distance, ids, centre };
        match (embeddings.values()?, searched) {
            (Values::Single(x), None) => ask.run(py, &x, None, &pool.single),
            (Values::Double(x), None) => ask.run(py, x, None, &pool.double),
            (Values::Single(x), Some(Values::Single(y))) => ask.run(py, &x, Some(&y), &pool.single),
            (Values::Double(x), Some(Values::Double(y))) => ask.run(py, x, Some(y), &pool.double),
            _ => Err(PyTypeError::new_err(
                "embeddings and reference have different types: one is float64, the other is not",
            )),
        }
    }
}

/// One search, whatever its element type.
struct Ask<'a> {
    labels: &'a [i64],
    width: usize,
    reference_labels: Option<&'a [i64]>,
    reference_width: usize,
    depths: &'a [usize],
    distance: Distance,
    ids: Option<[&'a [i64]; 2]>,
    centre: bool,
}

impl Ask<'_> {
    fn run<T: Element>(
        self,
        py: Python<'_>,
        x: &[T],
        references: Option<&[T]>,
        workspaces: &Workspaces<T>,
    ) -> PyResult<Found> {
        let Self { labels, width, reference_labels, reference_width, depths, distance, ids, centre } = self;
        let batch = py.detach(|| guarded(|| Batch::new(x, width, labels)))?;
        let searched = references.zip(reference_labels).map(|(y, labels)| {
            let batch = py.detach(|| guarded(|| Batch::new(y, reference_width, labels)));
            batch.map_err(|error| {
                PyValueError::new_err(format!("in reference and reference_labels: {}", error.value(py)))
            })
        });
        let searched = searched.transpose()?;
        let [own, others] = [0, 1].map(|side| ids.map(|ids| ids[side]));
        let request = Request {
            queries: Rows { batch: &batch, ids: own },
            references: searched.as_ref().map(|batch| Rows { batch, ids: others }),
            depths,
            distance,
            centre,
        };
        let found =
            py.detach(|| guarded(|| workspaces.with(|workspace| Retrieval::answer(&request, workspace))?))?;
        Ok((found.queries, found.recall, found.r_precision, found.map_at_r, found.rounding))
    }
}
