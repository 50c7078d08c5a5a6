//! Between candle's storage and slices of f32 or f64.

use candle_core::{CpuStorage, DType, Error, Layout, Result, Tensor};
use half::{bf16, f16};
use std::borrow::Cow;

/// Embeddings in the type that they are computed in.
pub(crate) enum Values<'a> {
    /// f32, or f16 and bf16 widened exactly.
    Single(Cow<'a, [f32]>),
    /// f64.
    Double(&'a [f64]),
}

/// The values behind a contiguous layout.
pub(crate) fn values<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<Values<'a>> {
    let Some((start, end)) = layout.contiguous_offsets() else {
        return Err(Error::Msg("the embeddings are not contiguous: call contiguous() first".to_owned()));
    };
    Ok(match storage {
        CpuStorage::F32(x) => Values::Single(Cow::Borrowed(&x[start..end])),
        CpuStorage::F64(x) => Values::Double(&x[start..end]),
        CpuStorage::F16(x) => Values::Single(x[start..end].iter().map(|x| x.to_f32()).collect()),
        CpuStorage::BF16(x) => Values::Single(x[start..end].iter().map(|x| x.to_f32()).collect()),
        _ => return Err(Error::Msg("embeddings must be f32, f64, f16 or bf16".to_owned())),
    })
}

/// Losses in the type of the embeddings' storage.
pub(crate) fn storage_like(like: &CpuStorage, losses: &[f64]) -> Result<CpuStorage> {
    let (storage, fits): (_, fn(f64) -> bool) = match like {
        CpuStorage::F64(_) => (CpuStorage::F64(losses.to_vec()), f64::is_finite),
        CpuStorage::F16(_) => {
            let narrow = losses.iter().map(|&loss| f16::from_f64(loss)).collect();
            (CpuStorage::F16(narrow), |loss| f16::from_f64(loss).is_finite())
        }
        CpuStorage::BF16(_) => {
            let narrow = losses.iter().map(|&loss| bf16::from_f64(loss)).collect();
            (CpuStorage::BF16(narrow), |loss| bf16::from_f64(loss).is_finite())
        }
        _ => {
            let narrow = losses.iter().map(|&loss| loss as f32).collect();
            (CpuStorage::F32(narrow), |loss| (loss as f32).is_finite())
        }
    };
    match losses.iter().find(|&&loss| !fits(loss)) {
        Some(&value) => Err(wrap(triplet_api::Error::LossOverflow { value })),
        None => Ok(storage),
    }
}

/// A gradient `[B, D]` in the type of the embeddings.
pub(crate) fn narrowed(gradient: &Tensor, dtype: DType) -> Result<Tensor> {
    if gradient.dtype() == dtype {
        return Ok(gradient.clone());
    }
    let narrow = gradient.to_dtype(dtype)?;
    let rows: Vec<Vec<f32>> = narrow.to_dtype(DType::F32)?.to_vec2()?;
    match rows.iter().position(|row| row.iter().any(|g| !g.is_finite())) {
        Some(row) => Err(wrap(triplet_api::Error::GradientOverflow { row })),
        None => Ok(narrow),
    }
}

/// An error of the caller's. Unlike [`Error::wrap`] it carries no backtrace, which
/// would become part of its message.
pub(crate) fn wrap(error: impl Into<triplet_api::Error>) -> Error {
    Error::Wrapped(Box::new(error.into()))
}
