//! npy files that are read where they are, some rows at a time.

use super::{Kind, npy, shape_text};
use crate::io::{
    labels::Labels,
    understood::{LabelSummary, Understood},
};
use anyhow::{Context, Result, bail, ensure};
use std::{fs::File, io::Read, path::Path};
use triplet_dataset::{Element, FileRows, Rows};

/// Bytes that a header fits in.
const HEAD: u64 = 1 << 17;

/// The rows of an npy file.
pub(crate) struct NpyRows {
    pub(crate) rows: FileRows,
    dtype: String,
}

/// What the beginning of a plain file holds, if it is an npy file.
fn header(path: &Path) -> Result<Option<(File, npy::Promise)>> {
    let context = || format!("cannot open {}", path.display());
    // What is no file, such as a pipe or `-`, is read whole; so is what cannot be found, for the message.
    if !std::fs::metadata(path).is_ok_and(|data| data.is_file()) {
        return Ok(None);
    }
    let file = File::open(path).with_context(context)?;
    let mut head = Vec::new();
    (&file).take(HEAD).read_to_end(&mut head).with_context(context)?;
    if !head.starts_with(b"\x93NUMPY") {
        return Ok(None);
    }
    let promise = npy::promise(&head).with_context(|| path.display().to_string())?;
    Ok(Some((file, promise)))
}

/// The rows of an npy file of floats, `[n, D]` in rows; nothing of any other file.
pub(crate) fn npy_rows(path: &Path) -> Result<Option<NpyRows>> {
    let Some((file, promise)) = header(path)? else { return Ok(None) };
    let shown = path.display();
    let &[rows, width] = &promise.shape[..] else {
        bail!("{shown}: has shape {}: expected two dimensions, [rows, width]", shape_text(&promise.shape))
    };
    let element = match promise.kind {
        Kind::F16 => Element::F16,
        Kind::F32 => Element::F32,
        Kind::F64 => Element::F64,
        // Integers are converted one by one; so is what goes by columns.
        _ => return Ok(None),
    };
    if promise.fortran {
        return Ok(None);
    }
    let start = promise.start as u64;
    let length = file.metadata().map_or(0, |data| data.len());
    let size = (rows as u64).checked_mul((width * element.size()) as u64);
    let end = size.and_then(|size| size.checked_add(start));
    ensure!(
        end == Some(length),
        "{shown}: is truncated, or has bytes after its data: its header promises shape {}, and it is {length} bytes long",
        shape_text(&promise.shape)
    );
    let dtype = promise.kind.name();
    let rows = FileRows::open(file, start, (rows, width), element, promise.big_endian);
    Ok(Some(NpyRows { rows: rows.with_context(|| shown.to_string())?, dtype }))
}

/// Where the data of an npy file of triplets starts, and how many it has.
pub(crate) fn npy_triplets(path: &Path) -> Result<(u64, u64)> {
    let shown = path.display();
    // Not opened yet: a pipe without a writer would wait.
    std::fs::metadata(path).with_context(|| format!("cannot open {shown}"))?;
    let Some((file, promise)) = header(path)? else { bail!("{shown}: is no npy file") };
    let is_int64 = promise.kind == Kind::Int { bytes: 8, signed: true } && !promise.big_endian;
    match &promise.shape[..] {
        &[rows, 3] if is_int64 && !promise.fortran => {
            let (start, length) = (promise.start as u64, file.metadata().map_or(0, |data| data.len()));
            ensure!(
                (rows as u64).checked_mul(24).and_then(|size| size.checked_add(start)) == Some(length),
                "{shown}: is truncated, or has bytes after its data"
            );
            Ok((start, rows as u64))
        }
        shape => bail!("{shown}: has shape {} and not int64 triplets, [T, 3]", shape_text(shape)),
    }
}

impl NpyRows {
    /// Number of rows.
    pub(crate) fn len(&self) -> usize {
        Rows::<f32>::len(&self.rows)
    }

    /// What was read, for people.
    pub(crate) fn understood(&self, shown: &str, labels: &Labels) -> Understood {
        Understood {
            rows: self.len(),
            features: Some(Rows::<f32>::width(&self.rows)),
            dtype: self.dtype.clone(),
            labels: Some(LabelSummary::of(labels, None)),
            ..Understood::of(shown)
        }
    }
}
