//! What is wrong with outputs before anything is computed.

use super::{
    place::{self, Place},
    temporary::Temporary,
};
use anyhow::{Context, Result, bail, ensure};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// A file that a command was given, by the flag that named it.
pub(crate) type Named<'a> = (&'a str, &'a Path);

/// The files that were given.
pub(crate) fn given<'a>(files: &[(&'a str, &'a Option<PathBuf>)]) -> Vec<Named<'a>> {
    files.iter().filter_map(|&(flag, path)| Some((flag, path.as_deref()?))).collect()
}

/// Fails if an output could not be written later, would be written twice, or would replace
/// an input.
pub(crate) fn check(outputs: &[Named<'_>], inputs: &[Named<'_>]) -> Result<()> {
    for (index, &(flag, path)) in outputs.iter().enumerate() {
        writable(path).with_context(|| format!("cannot write {}", path.display()))?;
        let Some(identity) = place::identity(path) else { continue };
        let same = |other: &Path| place::identity(other).is_some_and(|other| other == identity);
        if let Some((other, _)) = outputs[..index].iter().find(|(_, other)| same(other)) {
            bail!("{other} and {flag} are both {}: give each a file of its own", path.display());
        }
        if let Some((other, _)) = inputs.iter().find(|(_, other)| same(&file_of(other))) {
            bail!("{flag} would replace {}, which is read as {other}: choose another name", path.display());
        }
    }
    Ok(())
}

fn writable(path: &Path) -> Result<()> {
    ensure!(!path.is_dir(), "it is a folder");
    if let Place::File(place) = place::of(path)? {
        let read_only = fs::metadata(&place).is_ok_and(|data| data.permissions().readonly());
        ensure!(!read_only, "it is there and read-only");
        Temporary::beside(&place)?;
    }
    Ok(())
}

/// The file of `file.npz:name`.
fn file_of(spec: &Path) -> PathBuf {
    let text = spec.to_string_lossy();
    match text.rsplit_once(':') {
        Some((file, _)) if !spec.exists() => PathBuf::from(file),
        _ => spec.to_owned(),
    }
}
