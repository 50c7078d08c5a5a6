//! Output files: whole or not at all.

use anyhow::{Context, Result, anyhow};
use ndarray::{ArrayRef, Dimension};
use ndarray_npy::{WritableElement, WriteNpyExt};
use std::{
    fs,
    io::{BufWriter, Write},
    path::{Path, PathBuf},
};

/// Writes a file under a temporary name beside it and renames it when it is complete.
/// A link is followed, and a device or pipe written to directly, not replaced.
pub(crate) fn write_whole(path: &Path, write: impl FnOnce(&mut dyn Write) -> Result<()>) -> Result<()> {
    let context = || format!("cannot write {}", path.display());
    if is_device(path) {
        let mut buffer = BufWriter::new(fs::File::create(path).with_context(context)?);
        write(&mut buffer).with_context(context)?;
        return buffer.flush().with_context(context);
    }
    let path = &fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let mut file = temporary_beside(path).with_context(context)?;
    let mut buffer = BufWriter::new(file.as_file_mut());
    write(&mut buffer).with_context(context)?;
    buffer.flush().with_context(context)?;
    drop(buffer);
    allow_reading(file.as_file()).with_context(context)?;
    file.persist(path).map(|_| ()).with_context(context)
}

/// Writes an array as npy.
pub(crate) fn write_npy<T: WritableElement, D: Dimension>(path: &Path, array: &ArrayRef<T, D>) -> Result<()> {
    write_whole(path, |out| array.write_npy(out).map_err(|e| anyhow!("{e}")))
}

/// Fails now if a file could not be written later.
pub(crate) fn check_writable(path: &Path) -> Result<()> {
    let context = || format!("cannot write {}", path.display());
    if path.is_dir() {
        return Err(anyhow!("it is a folder")).with_context(context);
    }
    if is_device(path) {
        return Ok(());
    }
    temporary_beside(path).map(|_| ()).with_context(context)
}

fn is_device(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|data| !data.is_file() && !data.is_dir())
}

fn temporary_beside(path: &Path) -> Result<tempfile::NamedTempFile> {
    let folder = match path.parent() {
        Some(parent) if parent != Path::new("") => parent.to_owned(),
        _ => PathBuf::from("."),
    };
    Ok(tempfile::Builder::new().prefix(".triplet-").tempfile_in(folder)?)
}

/// Temporary files are private; results are as readable as any new file.
fn allow_reading(file: &fs::File) -> Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        file.set_permissions(fs::Permissions::from_mode(0o644))?;
    }
    #[cfg(not(unix))]
    let _ = file;
    Ok(())
}
