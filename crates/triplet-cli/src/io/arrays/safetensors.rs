//! Tensors in the safetensors format.

use super::{Array, Kind, Role, choose, elements::decode, elements_of};
use crate::io::{limits::Budget, source::shorten};
use anyhow::{Context, Result, anyhow, ensure};
use safetensors::SafeTensors;

/// Reads the tensor that is asked for, or that is for this; `None` if there is none.
pub(crate) fn read(
    bytes: &[u8],
    asked: Option<&str>,
    role: Role,
    budget: &Budget,
) -> Result<Option<(String, Array)>> {
    let tensors = open(bytes)?;
    let Some(name) = choose(&names(&tensors), asked, role)? else { return Ok(None) };
    let context = || format!("tensor {:?}", shorten(&name, 60));
    let tensor = tensors.tensor(&name)?;
    let kind = Kind::from_safetensors(tensor.dtype())
        .with_context(|| format!("has dtype {}: expected numbers", tensor.dtype()))
        .with_context(context)?;
    let shape = tensor.shape().to_vec();
    let count = elements_of(&shape).with_context(context)?;
    let row = count / shape.first().copied().unwrap_or(1).max(1);
    let data = decode(kind, false, tensor.data(), count, row, budget).with_context(context)?;
    Ok(Some((name, Array { shape, data, kind })))
}

/// Names of the tensors of a file.
pub(crate) fn names_of(bytes: &[u8]) -> Result<Vec<String>> {
    Ok(names(&open(bytes)?))
}

fn names(tensors: &SafeTensors<'_>) -> Vec<String> {
    let mut names: Vec<String> = tensors.names().into_iter().map(str::to_owned).collect();
    names.sort();
    names
}

fn open(bytes: &[u8]) -> Result<SafeTensors<'_>> {
    let length = bytes.first_chunk().map_or(u64::MAX, |length| u64::from_le_bytes(*length));
    ensure!(
        length.saturating_add(8) <= bytes.len() as u64,
        "not a readable safetensors file: its header promises {length} bytes, and the file has {}",
        bytes.len()
    );
    SafeTensors::deserialize(bytes)
        .map_err(|error| anyhow!("not a readable safetensors file: {}", shorten(&error.to_string(), 160)))
}
