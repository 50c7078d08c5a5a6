//! Between candle's storage and slices of f32 or f64.

use candle_core::{CpuStorage, Layout, Result};
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
        candle_core::bail!("the embeddings are not contiguous: call contiguous() first");
    };
    Ok(match storage {
        CpuStorage::F32(x) => Values::Single(Cow::Borrowed(&x[start..end])),
        CpuStorage::F64(x) => Values::Double(&x[start..end]),
        CpuStorage::F16(x) => Values::Single(x[start..end].iter().map(|x| x.to_f32()).collect()),
        CpuStorage::BF16(x) => Values::Single(x[start..end].iter().map(|x| x.to_f32()).collect()),
        _ => candle_core::bail!("embeddings must be f32, f64, f16 or bf16"),
    })
}

/// Losses in the type of the embeddings' storage.
pub(crate) fn storage_like(like: &CpuStorage, losses: &[f64]) -> CpuStorage {
    match like {
        CpuStorage::F64(_) => CpuStorage::F64(losses.to_vec()),
        CpuStorage::F16(_) => CpuStorage::F16(losses.iter().map(|&l| half::f16::from_f64(l)).collect()),
        CpuStorage::BF16(_) => CpuStorage::BF16(losses.iter().map(|&l| half::bf16::from_f64(l)).collect()),
        _ => CpuStorage::F32(losses.iter().map(|&l| l as f32).collect()),
    }
}
