//! Files in and out.
//!
//! ```text
//! path ─► Source (bytes, Format) ─► Array ───────────────┐
//!                                └► Reading ─► Table ─► Parts ─► Inputs (embeddings, labels, weights)
//! ```
//!
//! Reading never reserves what a header alone promises, says which file, array, row or line
//! is wrong, and tells what it understood. The files that a command writes are one set, whole
//! or not at all.

mod arrays;
mod contain;
mod content;
mod contents;
mod convert;
mod file;
mod first_lines;
mod format;
mod inputs;
mod labels;
mod limits;
mod merging;
mod missing;
mod options;
mod outputs;
mod source;
mod spilled;
mod tables;
mod understood;

pub(crate) use arrays::{npy_rows, npy_triplets};
pub use contents::{Contents, contents};
pub(crate) use inputs::{Embeddings, Inputs, Request, Weights, check_standard_input, read, read_labels};
pub(crate) use labels::Labels;
pub(crate) use limits::parse_size;
pub(crate) use merging::merged;
pub(crate) use options::ReadArgs;
pub(crate) use outputs::{OutputSet, check as check_outputs, folder, given, remove_temporaries};
pub(crate) use source::shorten;
pub(crate) use spilled::{InFile, read_in_file};
#[cfg(feature = "train")]
pub(crate) use understood::LabelSummary;
pub(crate) use understood::Understood;
