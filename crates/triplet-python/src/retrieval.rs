//! Recall@k, R-precision and MAP@R of embeddings.

use crate::{
    arrays::{Embeddings, Values, slice},
    engine::Engine,
    errors::catch_panic,
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

/// The number of queries, recall at each depth, R-precision, MAP@R, and the bound on the rounding of
/// the nearest distances relative to them.
type Metrics = (usize, Vec<(usize, f64)>, f64, f64, f64);
/// Ids of the queries and of the references.
type IdArrays<'py> = (PyReadonlyArray1<'py, i64>, PyReadonlyArray1<'py, i64>);

#[pymethods]
impl Engine {
    /// Ranks the references, or all other rows, for each row; references with the query's id are
    /// excluded. Without references, both arrays of ids are those of the rows.
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
        ids: Option<IdArrays<'_>>,
        centre: bool,
    ) -> PyResult<Metrics> {
        let labels = slice(labels.as_slice())?;
        let reference_labels =
            reference_labels.as_ref().map(|labels| slice(labels.as_slice())).transpose()?;
        let width = embeddings.shape()[1];
        let reference_width = references.as_ref().map_or(width, |references| references.shape()[1]);
        let references = references.as_ref().map(Embeddings::values).transpose()?;
        let pool = self.pool(plan.options);
        let distance = plan.spec.objective.distance;
        let ids = match &ids {
            Some((queries, references)) => Some([slice(queries.as_slice())?, slice(references.as_slice())?]),
            None => None,
        };
        let depths = &depths;
        let call =
            RetrievalCall { labels, width, reference_labels, reference_width, depths, distance, ids, centre };
        match (embeddings.values()?, references) {
            (Values::Float32(x), None) => call.run(py, &x, None, &pool.single),
            (Values::Float64(x), None) => call.run(py, x, None, &pool.double),
            (Values::Float32(x), Some(Values::Float32(y))) => call.run(py, &x, Some(&y), &pool.single),
            (Values::Float64(x), Some(Values::Float64(y))) => call.run(py, x, Some(y), &pool.double),
            _ => Err(PyTypeError::new_err(
                "embeddings and reference have different types: one is float64, the other is not",
            )),
        }
    }
}

/// The inputs of one evaluation, except for the rows and their element type.
struct RetrievalCall<'a> {
    labels: &'a [i64],
    width: usize,
    reference_labels: Option<&'a [i64]>,
    reference_width: usize,
    depths: &'a [usize],
    distance: Distance,
    ids: Option<[&'a [i64]; 2]>,
    centre: bool,
}

impl RetrievalCall<'_> {
    fn run<T: Element>(
        self,
        py: Python<'_>,
        x: &[T],
        references: Option<&[T]>,
        workspaces: &Workspaces<T>,
    ) -> PyResult<Metrics> {
        let Self { labels, width, reference_labels, reference_width, depths, distance, ids, centre } = self;
        let batch = py.detach(|| catch_panic(|| Ok(Batch::new(x, width, labels)?)))?;
        let references = references.zip(reference_labels).map(|(y, labels)| {
            let batch = py.detach(|| catch_panic(|| Ok(Batch::new(y, reference_width, labels)?)));
            batch.map_err(|error| {
                PyValueError::new_err(format!("in reference and reference_labels: {}", error.value(py)))
            })
        });
        let references = references.transpose()?;
        let [query_ids, reference_ids] = [0, 1].map(|side| ids.map(|ids| ids[side]));
        let request = Request {
            queries: Rows { batch: &batch, ids: query_ids },
            references: references.as_ref().map(|batch| Rows { batch, ids: reference_ids }),
            depths,
            distance,
            centre,
        };
        let metrics = py.detach(|| {
            catch_panic(|| workspaces.with(|workspace| Retrieval::answer(&request, workspace))?)
        })?;
        Ok((metrics.queries, metrics.recall, metrics.r_precision, metrics.map_at_r, metrics.rounding))
    }
}
