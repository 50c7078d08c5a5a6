//! The folders of a set of outputs: locked one by one while files take their places.

use super::place::{self, folder};
use crate::{interrupt, output};
use std::{
    collections::BTreeMap,
    fs::{File, TryLockError},
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

/// How long another process may have a folder. Renames take a moment.
const PATIENCE: Duration = Duration::from_secs(10);
const BETWEEN: Duration = Duration::from_millis(5);

/// The folders of these files, each once, however its path is written. All processes lock them in one order.
pub(super) fn of<'a>(places: impl Iterator<Item = &'a Path>) -> Vec<PathBuf> {
    let folders: BTreeMap<_, _> =
        places.map(folder).filter_map(|path| Some((place::identity(&path)?, path))).collect();
    folders.into_values().collect()
}

/// Locks folders against other processes of ours, where the system can do that. Signals end the process meanwhile.
pub(super) fn locked(folders: &[PathBuf]) -> Vec<File> {
    let end = Instant::now() + PATIENCE;
    folders.iter().filter_map(|folder| locked_until(folder, end)).collect()
}

fn locked_until(path: &Path, end: Instant) -> Option<File> {
    let folder = File::open(path).ok()?;
    loop {
        match folder.try_lock() {
            Ok(()) => return Some(folder),
            Err(TryLockError::Error(_)) => return None,
            Err(TryLockError::WouldBlock) if interrupt::asked().is_some() || Instant::now() > end => {
                output::note(format_args!(
                    "note: another program has {} locked; outputs are put there all the same",
                    path.display()
                ));
                return None;
            }
            Err(TryLockError::WouldBlock) => thread::sleep(BETWEEN),
        }
    }
}

/// Makes renames last. Systems that cannot flush a folder do it in their own time.
pub(super) fn flush(folder: &Path) {
    if let Ok(folder) = File::open(folder) {
        let _ = folder.sync_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_locked_once_however_it_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("inner");
        std::fs::create_dir(&inner).unwrap();
        let places = [inner.join("a"), inner.join(".").join("b"), inner.join("..").join("inner").join("c")];
        let folders = of(places.iter().map(PathBuf::as_path));
        assert_eq!(folders.len(), 1, "{folders:?}");
        let locks = locked(&folders);
        assert!(locks.len() <= 1);
    }
}
