//! A column of arrays whose numbers go to a file, row by row, instead of to memory.

use super::{
    Cells, Values,
    vectors::{Numbers, Vectors},
};
use anyhow::{Context, Result};
use arrow_array::ArrayRef;
use arrow_schema::DataType;
use std::{
    fs::File,
    io::{BufWriter, Write},
    path::Path,
};
use triplet_core::Real;
use triplet_dataset::{Element, FileRows};

/// The rows of a column, little-endian, one after the other, in a file without a name: whatever ends the process, the
/// system gives its space back.
#[derive(Debug)]
pub(crate) struct Spilled {
    file: File,
    rows: usize,
    pub(super) width: usize,
    pub(super) double: bool,
}

impl Spilled {
    /// The rows, read where they are wanted.
    pub(crate) fn rows(&self) -> std::io::Result<FileRows> {
        let element = if self.double { Element::F64 } else { Element::F32 };
        FileRows::open(self.file.try_clone()?, 0, (self.rows, self.width), element, false)
    }
}

/// Writes such a file.
pub(super) struct Spill {
    out: BufWriter<File>,
    vectors: Vectors,
    bytes: Vec<u8>,
}

impl Spill {
    /// In a folder, for a column of a type for which [`super::vectors::are`] holds.
    pub(super) fn new(folder: &Path, kind: &DataType) -> Result<Self> {
        let file = tempfile::tempfile_in(folder)
            .with_context(|| format!("no file for its rows can be made in {}", folder.display()))?;
        Ok(Self { out: BufWriter::new(file), vectors: Vectors::of(kind), bytes: Vec::new() })
    }

    /// Appends the rows of a chunk.
    pub(super) fn write(&mut self, chunk: &ArrayRef) -> Result<()> {
        let Self { out, vectors, bytes } = self;
        vectors.read(chunk, &mut |row| {
            bytes.clear();
            match row {
                Numbers::Single(row) => f32::write_le(row, bytes),
                Numbers::Double(row) => f64::write_le(row, bytes),
            }
            out.write_all(bytes).context("writing its rows to a file beside the output")
        })
    }

    /// The column.
    pub(super) fn finish(self) -> Result<Cells> {
        let Self { out, vectors, .. } = self;
        let file = out.into_inner().map_err(std::io::IntoInnerError::into_error);
        let file = file.context("writing its rows to a file beside the output")?;
        let (rows, width, double) = (vectors.rows, vectors.width.unwrap_or(0), vectors.double);
        Ok(vectors.cells(Values::Spilled(Spilled { file, rows, width, double }.into())))
    }
}
