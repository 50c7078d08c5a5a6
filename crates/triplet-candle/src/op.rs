//! The operation that candle's graph holds.

use crate::{
    element::{narrowed, storage_like, values, wrap},
    workspaces::{Ask, Shared, lock},
};
use candle_core::{CpuStorage, CustomOp1, DType, Error, Layout, Result, Shape, Storage, Tensor};
use std::sync::{Arc, Mutex};
use triplet_api::Reduction;

/// One application of the loss: labels, and the gradient between the two passes.
pub(crate) struct TripletOp {
    shared: Arc<Shared>,
    labels: Vec<i64>,
    needs_gradient: bool,
    /// For an upstream gradient of one.
    gradient: Mutex<Option<Tensor>>,
}

impl TripletOp {
    pub(crate) fn new(shared: Arc<Shared>, labels: Vec<i64>, needs_gradient: bool) -> Self {
        Self { shared, labels, needs_gradient, gradient: Mutex::new(None) }
    }

    /// The gradient for an upstream gradient that the forward pass did not know of.
    fn recomputed(&self, arg: &Tensor, width: usize, upstream: &[f64]) -> Result<Option<Tensor>> {
        let arg = arg.contiguous()?;
        let (storage, layout) = arg.storage_and_layout();
        let Storage::Cpu(storage) = &*storage else {
            return Err(Error::Msg("triplet losses run on the CPU".to_owned()));
        };
        let x = values(storage, layout)?;
        Ok(self.shared.evaluate(&x, width, &self.labels, Ask::Gradient(Some(upstream)))?.gradient)
    }
}

impl CustomOp1 for TripletOp {
    fn name(&self) -> &'static str {
        "triplet-loss"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let &[rows, width] = layout.dims() else {
            return Err(wrap(triplet_api::CoreError::NotAMatrix { shape: layout.dims().to_vec() }));
        };
        if self.labels.len() != rows {
            let labels = self.labels.len();
            return Err(wrap(triplet_api::CoreError::LengthMismatch { labels, rows, width }));
        }
        let x = values(storage, layout)?;
        let reduction = self.shared.spec.reduction;
        // Rows kept apart get their upstream gradient only in the backward pass.
        let at_once = self.needs_gradient && !reduction.keeps_rows();
        let ask = if at_once { Ask::Gradient(None) } else { Ask::Loss };
        let answer = self.shared.evaluate(&x, width, &self.labels, ask)?;
        *lock(&self.gradient) = answer.gradient;
        let shape = match reduction {
            Reduction::None => Shape::from(rows),
            Reduction::Mean | Reduction::Sum => Shape::from(()),
        };
        Ok((storage_like(storage, &answer.losses)?, shape))
    }

    fn bwd(&self, arg: &Tensor, _res: &Tensor, grad_res: &Tensor) -> Result<Option<Tensor>> {
        let (_, width) = arg.dims2()?;
        let upstream: Vec<f64> = grad_res.to_dtype(DType::F64)?.flatten_all()?.to_vec1()?;
        let kept = lock(&self.gradient).clone();
        let gradient = match kept {
            Some(gradient) if upstream == [1.0] => Some(gradient),
            // Once more rather than times the kept one: every component is rounded once.
            _ => self.recomputed(arg, width, &upstream)?,
        };
        gradient.map(|gradient| narrowed(&gradient, arg.dtype())).transpose()
    }
}
