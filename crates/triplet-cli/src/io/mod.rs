//! Files in and out: npy, npz, csv, safetensors.
//!
//! Reading never allocates more than the file holds, and says which file, array,
//! row or line is wrong. Writing is whole or not at all.

mod csv;
mod inputs;
mod number;
mod read;
mod write;

pub(crate) use inputs::{Embeddings, dataset, embeddings, labels, weights};
pub(crate) use write::{check_writable, write_npy, write_whole};
