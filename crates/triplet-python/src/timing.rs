//! The same call without Python, to know what Python adds.

use crate::{arrays::slice, engine::Engine, errors::guarded, plan::Plan};
use numpy::{PyReadonlyArray1, PyReadonlyArray2, PyUntypedArrayMethods};
use pyo3::prelude::*;
use std::time::Instant;
use triplet_api::{Batch, Inputs, Loss};

#[pymethods]
impl Engine {
    /// Seconds that each of some calls takes a Rust program: batch, loss and gradient of
    /// float32 rows, in memory that is there.
    fn rust_seconds(
        &self,
        py: Python<'_>,
        plan: &Plan,
        labels: PyReadonlyArray1<'_, i64>,
        embeddings: PyReadonlyArray2<'_, f32>,
        calls: usize,
    ) -> PyResult<Vec<f64>> {
        let (labels, width) = (slice(labels.as_slice())?, embeddings.shape()[1]);
        let x = slice(embeddings.as_slice())?;
        let pool = self.pool(plan.options);
        py.detach(|| {
            guarded(|| {
                pool.single.with(|workspace| {
                    let mut seconds = Vec::with_capacity(calls);
                    for _ in 0..calls {
                        let start = Instant::now();
                        let batch = Batch::new(x, width, labels)?;
                        plan.spec.evaluate_with(&batch, Inputs::default(), workspace)?;
                        seconds.push(start.elapsed().as_secs_f64());
                    }
                    Ok(seconds)
                })?
            })
        })
    }
}
