//! The shape of a table and its classes, for tests that read damaged files.

use super::{Embeddings, ReadArgs, Request, read};
use ndarray::Ix2;
use std::path::Path;

/// What a file was read as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// Number of rows.
    pub rows: usize,
    /// Number of columns that are features.
    pub features: usize,
    /// Rows of each class, in the order of the classes' numbers.
    pub classes: Vec<usize>,
    /// The line that is printed.
    pub line: String,
}

/// Reads a table with its labels, as `triplet train --data` does; the message if it cannot
/// be read. Memory is limited to 64 MB.
///
/// # Errors
///
/// Whatever `triplet train` would print.
pub fn describe(path: &Path) -> Result<Description, String> {
    let args = ReadArgs { max_memory: Some(64 << 20), ..ReadArgs::default() };
    let request = Request { data: path, labels: None, weights: None, last_column: true, args: &args };
    let inputs = read(request).map_err(|error| format!("{error:#}"))?;
    let shape = match &inputs.embeddings {
        Embeddings::Single(x) => x.view().into_dimensionality::<Ix2>().map(|x| x.dim()),
        Embeddings::Double(x) => x.view().into_dimensionality::<Ix2>().map(|x| x.dim()),
    };
    let (rows, features) = shape.map_err(|_| "not a table of two dimensions".to_owned())?;
    if inputs.labels.len() != rows {
        return Err(format!("{} labels for {rows} rows", inputs.labels.len()));
    }
    let classes = inputs.labels.counts().into_iter().map(|(_, rows)| rows).collect();
    Ok(Description { rows, features, classes, line: inputs.understood[0].to_string() })
}
