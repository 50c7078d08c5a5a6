//! Files under a temporary name beside their place, and what becomes of those that a killed
//! process left.

use super::place::folder;
use anyhow::{Result, bail};
use std::{
    collections::BTreeSet,
    fs::{self, File, Permissions},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};
use tempfile::{Builder, NamedTempFile};

pub(super) const PREFIX: &str = ".triplet-";
pub(super) const SUFFIX: &str = ".partial";
/// Names are tried until one is free and stays ours.
const TRIES: usize = 100;

/// Paths of this process's temporary files, for a signal to remove.
static PATHS: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

/// A file that is being written. It is locked while its process lives, and goes away with
/// this value unless it takes its place.
pub(super) struct Temporary {
    file: NamedTempFile,
    listed: Listed,
}

/// A path among [`PATHS`] as long as this value lives.
struct Listed(PathBuf);

impl Drop for Listed {
    fn drop(&mut self) {
        paths(|paths| paths.remove(&self.0));
    }
}

impl Temporary {
    /// Makes one, and removes those in the same folder whose processes are gone.
    pub(super) fn beside(place: &Path) -> Result<Self> {
        let folder = folder(place);
        clean(&folder);
        for _ in 0..TRIES {
            let mut builder = Builder::new();
            builder.prefix(PREFIX).suffix(SUFFIX);
            if let Some(mode) = initial_permissions(place) {
                builder.permissions(mode);
            }
            // Made and listed under one lock, so that `remove_all` misses none.
            let temporary = paths(|paths| -> Result<Self> {
                let file = builder.tempfile_in(&folder)?;
                paths.insert(file.path().to_owned());
                let listed = Listed(file.path().to_owned());
                Ok(Self { file, listed })
            })?;
            if temporary.is_ours() {
                return Ok(temporary);
            }
        }
        bail!("no temporary file could be made in {}", folder.display())
    }

    /// Locks the file. Another process may have taken it for one left behind in the moment
    /// before; then it is locked, or gone.
    fn is_ours(&self) -> bool {
        let unlockable = |error: fs::TryLockError| matches!(error, fs::TryLockError::Error(_));
        self.file.as_file().try_lock().map_or_else(unlockable, |()| self.file.path().exists())
    }

    pub(super) fn file(&self) -> &File {
        self.file.as_file()
    }

    /// Flushes it to the disk, with the mode of the file that it will replace.
    pub(super) fn complete(&self, place: &Path) -> Result<()> {
        if let Ok(data) = fs::metadata(place) {
            self.file.as_file().set_permissions(data.permissions())?;
        }
        Ok(self.file.as_file().sync_all()?)
    }

    /// Renames it.
    pub(super) fn take(self, place: &Path) -> Result<()> {
        let Self { file, listed: _listed } = self;
        file.persist(place).map(|_| ()).map_err(|error| error.error.into())
    }
}

/// Removes this process's temporary files; no more can be made, for it is about to end.
pub(crate) fn remove_all() {
    let paths = PATHS.lock().unwrap_or_else(PoisonError::into_inner);
    for path in paths.iter() {
        let _ = fs::remove_file(path);
    }
    std::mem::forget(paths);
}

fn paths<R>(change: impl FnOnce(&mut BTreeSet<PathBuf>) -> R) -> R {
    change(&mut PATHS.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Removes files of ours that no process holds. What cannot be read or removed stays.
fn clean(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let ours = name.starts_with(PREFIX) && name.ends_with(SUFFIX);
        if ours
            && entry.file_type().is_ok_and(|kind| kind.is_file())
            && let Some(_held) = left_behind(&entry.path())
        {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// A file that no process holds, locked. Who is about to take it finds it locked, or gone.
fn left_behind(path: &Path) -> Option<File> {
    let file = File::open(path).ok()?;
    file.try_lock().is_ok().then_some(file)
}

/// The mode to make it with: as any new file, by the umask; but private while it is to replace
/// a file, whose mode it gets in the end.
fn initial_permissions(place: &Path) -> Option<Permissions> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        (!place.exists()).then(|| Permissions::from_mode(0o666))
    }
    #[cfg(not(unix))]
    {
        let _ = place;
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_dead_process_left_goes_and_what_lives_stays() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("x");
        let dead = folder.path().join(".triplet-dead01.partial");
        let foreign = folder.path().join(".triplet-notes");
        fs::write(&dead, "half").unwrap();
        fs::write(&foreign, "kept").unwrap();
        let living = Temporary::beside(&place).unwrap();
        assert!(!dead.exists() && foreign.exists());
        let other = Temporary::beside(&place).unwrap();
        assert!(living.file.path().exists() && other.file.path().exists());
        let path = living.file.path().to_owned();
        drop(living);
        assert!(!path.exists());
    }

    /// Of 200 processes that wrote into one folder at once, one lost its file: another had unlocked it before it removed it.
    #[test]
    fn what_is_about_to_be_removed_cannot_be_taken() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(".triplet-dead01.partial");
        let owner = File::create(&path).unwrap();
        let removing = left_behind(&path).expect("nobody holds it");
        assert!(matches!(owner.try_lock(), Err(fs::TryLockError::WouldBlock)));
        drop(removing);
        owner.try_lock().unwrap();
        assert!(left_behind(&path).is_none());
    }

    #[cfg(unix)]
    #[test]
    fn a_new_file_follows_the_umask_and_an_old_one_keeps_its_mode() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
        let plain = folder.path().join("plain");
        File::create(&plain).unwrap();
        let place = folder.path().join("x");
        let write = || {
            let temporary = Temporary::beside(&place).unwrap();
            temporary.complete(&place).unwrap();
            temporary.take(&place).unwrap();
        };
        write();
        assert_eq!(mode(&place), mode(&plain));
        for kept in [0o600, 0o640, 0o666] {
            fs::set_permissions(&place, Permissions::from_mode(kept)).unwrap();
            write();
            assert_eq!(mode(&place), kept);
        }
    }
}
