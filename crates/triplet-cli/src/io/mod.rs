//! Files in and out: npy, npz, csv, safetensors.
//!
//! Reading never allocates more than the file holds, and says which file, array,
//! row or line is wrong. The files that a command writes are one set, whole or not at all.

mod csv;
mod inputs;
mod number;
mod outputs;
mod read;

pub(crate) use inputs::{Embeddings, dataset, embeddings, labels, weights};
pub(crate) use outputs::{OutputSet, check as check_outputs, remove_temporaries, write_whole};
