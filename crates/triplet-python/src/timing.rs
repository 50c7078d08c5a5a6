//! The same call timed without Python, to measure the overhead of the bindings.

use crate::{arrays::slice, engine::Engine, errors::catch_panic, plan::Plan};
use numpy::{PyReadonlyArray1, PyReadonlyArray2, PyUntypedArrayMethods};
use pyo3::prelude::*;
use std::time::Instant;
use triplet_api::{Batch, Inputs, Loss};

#[pymethods]
impl Engine {
    /// The seconds of each of `calls` evaluations from Rust: validation, loss and gradient of
    /// float32 rows, in a workspace that is allocated already.
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
            catch_panic(|| {
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
