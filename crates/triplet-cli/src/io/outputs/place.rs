//! Where an output goes: through links, to a file or to a device.

use anyhow::{Result, bail};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// As many links as Linux follows.
const MOST_LINKS: usize = 40;

/// What an output's path leads to.
pub(super) enum Place {
    /// A file, there or not, by a path that is no link.
    File(PathBuf),
    /// A device, pipe or socket: nothing to replace.
    Device,
}

/// Follows links, the last of which may lead to nothing.
pub(super) fn of(path: &Path) -> Result<Place> {
    if fs::metadata(path).is_ok_and(|data| !data.is_file() && !data.is_dir()) {
        return Ok(Place::Device);
    }
    let mut place = path.to_owned();
    for _ in 0..MOST_LINKS {
        let Ok(target) = fs::read_link(&place) else { return Ok(Place::File(place)) };
        place = place.parent().unwrap_or(Path::new("")).join(target);
    }
    bail!("it goes through more than {MOST_LINKS} links")
}

/// The folder of a file, by a path that can be opened.
pub(crate) fn folder(place: &Path) -> PathBuf {
    match place.parent() {
        Some(parent) if parent != Path::new("") => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// What two paths of the same file have in common, hard links included; `None` for devices
/// and for what cannot be.
pub(super) fn identity(path: &Path) -> Option<Identity> {
    let Place::File(place) = of(path).ok()? else { return None };
    #[cfg(unix)]
    if let Ok(data) = fs::metadata(&place) {
        use std::os::unix::fs::MetadataExt;
        return Some(Identity::Number(data.dev(), data.ino()));
    }
    let whole = fs::canonicalize(folder(&place)).ok()?.join(place.file_name()?);
    Some(Identity::Path(fs::canonicalize(&whole).unwrap_or(whole)))
}

/// A file, told from others.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Identity {
    /// Device and number of one that is there.
    #[cfg(unix)]
    Number(u64, u64),
    /// The path of one that is not.
    Path(PathBuf),
}
