//! An archive of arrays in NumPy's format.

use super::{Array, Role, choose, npy};
use crate::io::limits::Budget;
use anyhow::{Context, Result, anyhow, bail};
use std::io::{Cursor, Read};
use zip::ZipArchive;

/// Zip archives that hold no npy files: an entry's name that tells, what it is, what to do.
const FOREIGN: &[(&str, &str)] = &[
    (
        "data.pkl",
        "is a PyTorch file: save its tensor with Python: numpy.save(\"x.npy\", torch.load(\"x.pt\").numpy())",
    ),
    (
        "[Content_Types].xml",
        "is an Excel workbook: save the sheet as csv, or with pandas: read_excel(path).to_csv(\"x.csv\", index=False)",
    ),
    (
        "model.weights.h5",
        "is a Keras model: save the embeddings with Python: numpy.save(\"x.npy\", model.predict(data))",
    ),
];

/// Names of the arrays in an archive.
pub(crate) fn names(bytes: &[u8]) -> Result<Vec<String>> {
    let archive = open(bytes)?;
    let names: Vec<&str> = archive.file_names().collect();
    let arrays: Vec<String> =
        names.iter().filter_map(|name| name.strip_suffix(".npy")).map(Into::into).collect();
    if arrays.is_empty() && !names.is_empty() {
        for (entry, message) in FOREIGN {
            if names.iter().any(|name| name.rsplit('/').next() == Some(entry)) {
                bail!("{message}");
            }
        }
        bail!("is a zip archive without npy arrays: unpack it and give the file in it");
    }
    Ok(arrays)
}

/// Reads the array that is asked for, or that is for this; `None` if there is none.
pub(crate) fn read(
    bytes: &[u8],
    asked: Option<&str>,
    role: Role,
    budget: &Budget,
) -> Result<Option<(String, Array)>> {
    let Some(name) = choose(&names(bytes)?, asked, role)? else { return Ok(None) };
    let context = || format!("array {name:?}");
    let mut archive = open(bytes)?;
    let mut entry =
        archive.by_name(&format!("{name}.npy")).map_err(|e| anyhow!("{e}")).with_context(context)?;
    // The size that the archive states is a promise; what is unpacked is counted.
    let mut unpacked = Vec::new();
    loop {
        budget.grow(&mut unpacked, 1 << 16).with_context(context)?;
        let room = unpacked.capacity() - unpacked.len();
        let read = entry.by_ref().take(room as u64).read_to_end(&mut unpacked).with_context(context)?;
        if read < room {
            break;
        }
    }
    let array = npy::read(&unpacked, budget).with_context(context)?;
    budget.give(unpacked.capacity() as u64);
    Ok(Some((name, array)))
}

fn open(bytes: &[u8]) -> Result<ZipArchive<Cursor<&[u8]>>> {
    ZipArchive::new(Cursor::new(bytes)).map_err(|e| anyhow!("not a readable npz: {e}"))
}
