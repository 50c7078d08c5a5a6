//! What stood at the places of a set before it, until all its files have their names.

use super::{
    place::folder,
    temporary::{PREFIX, SUFFIX},
};
use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};
use tempfile::{Builder, NamedTempFile};

/// The files that a set replaces, under second names.
#[derive(Default)]
pub(super) struct Before(Vec<Replaced>);

struct Replaced {
    place: PathBuf,
    was: Was,
}

enum Was {
    Absent,
    /// A link to the file, which this process locks, as [`super::temporary`] does, so that no other takes it for one left behind.
    Linked(NamedTempFile<File>),
    /// There, on a file system without links.
    Unknown,
}

impl Before {
    /// Keeps what is at a place.
    pub(super) fn keep(&mut self, place: &Path) {
        let was = match fs::symlink_metadata(place) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Was::Absent,
            Ok(data) if data.is_file() => linked(place).map_or(Was::Unknown, Was::Linked),
            _ => Was::Unknown,
        };
        self.0.push(Replaced { place: place.to_owned(), was });
    }

    /// Puts everything back, the last first; the places where that cannot be done.
    pub(super) fn restore(self) -> Vec<PathBuf> {
        let back = |Replaced { place, was }: Replaced| {
            let done = match was {
                Was::Absent => match fs::remove_file(&place) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
                    _ => Ok(()),
                },
                Was::Linked(link) => match is_the_same(&link, &place) {
                    // Renaming a link to the file it links to would leave both.
                    true => Ok(()),
                    false => link.persist(&place).map(|_| ()).map_err(|error| error.error),
                },
                Was::Unknown => Err(io::ErrorKind::Unsupported.into()),
            };
            done.is_err().then_some(place)
        };
        self.0.into_iter().rev().filter_map(back).collect()
    }

    /// As a process that is killed would leave them.
    #[cfg(test)]
    pub(super) fn forget(self) {
        core::mem::forget(self);
    }
}

fn linked(place: &Path) -> io::Result<NamedTempFile<File>> {
    Builder::new().prefix(PREFIX).suffix(SUFFIX).make_in(folder(place), |path| {
        // Before it has the name by which others would look for it.
        let file = File::open(place)?;
        let _ = file.try_lock();
        fs::hard_link(place, path)?;
        Ok(file)
    })
}

/// Whether nothing took the place yet.
fn is_the_same(link: &NamedTempFile<File>, place: &Path) -> bool {
    super::place::identity(link.path()).is_some_and(|own| super::place::identity(place) == Some(own))
}
