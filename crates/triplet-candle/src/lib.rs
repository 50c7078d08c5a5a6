//! Triplet losses as candle operations with a backward pass.
//!
//! ```
//! use candle_core::{Device, Tensor, Var};
//! use triplet_api::{BackendOptions, Distance, TripletSemiHardLoss};
//! use triplet_candle::TripletLoss;
//!
//! let loss = TripletSemiHardLoss { distance: Distance::L2, ..Default::default() };
//! let loss = TripletLoss::new(&loss, BackendOptions::default())?;
//!
//! let embeddings = Var::new(&[[0.0_f32], [1.0], [1.5], [3.0]], &Device::Cpu)?;
//! let value = loss.forward(&embeddings, &[0, 0, 1, 2])?;
//! assert_eq!(value.to_scalar::<f32>()?, 0.25);
//!
//! let gradient = value.backward()?;
//! let gradient: Vec<f32> = gradient.get(&embeddings).unwrap().flatten_all()?.to_vec1()?;
//! assert_eq!(gradient, [-0.5, 1.5, -0.5, -0.5]);
//! # Ok::<(), candle_core::Error>(())
//! ```
#![forbid(unsafe_code)]

mod element;
mod op;
mod workspaces;

use candle_core::{Device, Error, Result, Tensor};
use element::wrap;
use op::TripletOp;
use std::sync::Arc;
use triplet_api::{BackendOptions, ExecutionInfo, Loss, Statistics};
use workspaces::Shared;

/// A triplet loss with the workspace of a training loop.
///
/// Clones share the workspace. Calls that run at the same time, on several threads,
/// each get one of their own, which is kept for the next.
#[derive(Clone)]
pub struct TripletLoss {
    shared: Arc<Shared>,
}

impl TripletLoss {
    /// A loss on a backend.
    ///
    /// # Errors
    /// A backend that this machine cannot run; see [`BackendOptions::engine`].
    pub fn new(loss: &impl Loss, options: BackendOptions) -> Result<Self> {
        Ok(Self { shared: Arc::new(Shared::new(loss.spec(), options).map_err(wrap)?) })
    }

    /// The loss of embeddings `[B, D]` and one label a row: a scalar, or `[B]` with
    /// [`triplet_api::Reduction::None`], in the embeddings' type.
    ///
    /// f32 and f64 are computed as they are, f16 and bf16 in f32. The gradient is
    /// computed at once and kept for the backward pass, if there will be one. With an
    /// upstream gradient other than one, the backward pass computes it again.
    ///
    /// # Errors
    /// Tensors on another device than the CPU, of another type or shape, and whatever
    /// [`triplet_api::Error`] names.
    pub fn forward(&self, embeddings: &Tensor, labels: &[i64]) -> Result<Tensor> {
        if !matches!(embeddings.device(), Device::Cpu) {
            return Err(Error::Msg(format!(
                "triplet losses run on the CPU, the embeddings are on {:?}: move them with to_device(&Device::Cpu)",
                embeddings.device()
            )));
        }
        let needs_gradient = embeddings.track_op();
        let op = TripletOp::new(Arc::clone(&self.shared), labels.to_vec(), needs_gradient);
        embeddings.contiguous()?.apply_op1(op)
    }

    /// Counts over the batch of the call that finished last.
    #[must_use]
    pub fn statistics(&self) -> Statistics {
        self.shared.last().0
    }

    /// What that batch ran on; `None` before the first.
    #[must_use]
    pub fn executed(&self) -> Option<ExecutionInfo> {
        self.shared.last().1
    }
}

/// One call without a workspace to keep: the loss of embeddings `[B, D]`.
///
/// # Errors
/// As [`TripletLoss::new`] and [`TripletLoss::forward`].
pub fn triplet_loss(loss: &impl Loss, embeddings: &Tensor, labels: &[i64]) -> Result<Tensor> {
    TripletLoss::new(loss, BackendOptions::default())?.forward(embeddings, labels)
}

/// The code in README.md, compiled and run as documentation tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
