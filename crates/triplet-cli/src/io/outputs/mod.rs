//! Output files: whole or not at all, and those of one command as one set.
//!
//! Every file is written aside and flushed to the disk; [`OutputSet::commit`] then renames
//! them all, back to back. What fails before that, a full disk say, changes nothing.

mod check;
mod digest;
mod folders;
mod place;
mod temporary;

pub(crate) use check::{check, given};
pub(crate) use place::folder;
pub(crate) use temporary::remove_all as remove_temporaries;

use crate::interrupt;
use anyhow::{Context, Result, anyhow};
use digest::Hashing;
use ndarray::{ArrayRef, Dimension};
use ndarray_npy::{WritableElement, WriteNpyExt};
use place::Place;
use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{BufWriter, Write},
    path::{Path, PathBuf},
};
use temporary::Temporary;

/// Files of one command that belong together.
///
/// A reader can tell a set that the machine's end cut short between two renames. With
/// [`OutputSet::with_digests`] the caller writes them into its last file; without, the last
/// file's earlier version is removed before the first rename, and is missing until the end.
#[derive(Default)]
pub(crate) struct OutputSet {
    staged: Vec<Staged>,
    digests: Option<BTreeMap<String, String>>,
}

/// A file that is written and waits for its name.
struct Staged {
    place: PathBuf,
    temporary: Temporary,
}

impl OutputSet {
    /// A set that knows the SHA-256 of every file.
    pub(crate) fn with_digests() -> Self {
        Self { digests: Some(BTreeMap::new()), ..Self::default() }
    }

    /// Writes a file aside. A link is followed, also to a file that is not there yet; a device
    /// or pipe is written to at once.
    pub(crate) fn write(
        &mut self,
        path: &Path,
        write: impl FnOnce(&mut (dyn Write + Send)) -> Result<()>,
    ) -> Result<()> {
        let context = || format!("cannot write {}", path.display());
        match place::of(path).with_context(context)? {
            Place::Device => {
                let mut buffer = BufWriter::new(File::create(path).with_context(context)?);
                write(&mut buffer).with_context(context)?;
                buffer.flush().with_context(context)
            }
            Place::File(place) => {
                let temporary = Temporary::beside(&place).with_context(context)?;
                let mut out = Hashing::new(BufWriter::new(temporary.file()), self.digests.is_some());
                write(&mut out).with_context(context)?;
                out.flush().with_context(context)?;
                if let (Some(digests), Some(digest)) = (&mut self.digests, out.finish()) {
                    let name = path.file_name().unwrap_or_default().to_string_lossy();
                    digests.insert(name.into_owned(), digest);
                }
                temporary.complete(&place).with_context(context)?;
                self.staged.push(Staged { place, temporary });
                Ok(())
            }
        }
    }

    /// Writes an array aside, as npy.
    pub(crate) fn npy<T: WritableElement, D: Dimension>(
        &mut self,
        path: &Path,
        array: &ArrayRef<T, D>,
    ) -> Result<()> {
        self.write(path, |out| array.write_npy(out).map_err(|e| anyhow!("{e}")))
    }

    /// SHA-256 by file name, in hexadecimal, of what is written so far.
    pub(crate) fn digests(&self) -> BTreeMap<String, String> {
        self.digests.clone().unwrap_or_default()
    }

    /// Gives every file its name, in the order they were written. Signals wait meanwhile, and
    /// so does another process with outputs in the same folders.
    pub(crate) fn commit(self) -> Result<()> {
        let folders = folders::of(self.staged.iter().map(|staged| staged.place.as_path()));
        let _alone = folders::locked(&folders);
        let _uninterrupted = interrupt::hold();
        if let (None, [_, .., last]) = (&self.digests, &self.staged[..]) {
            // It may be there or not; what else may be wrong, its own rename says.
            let _ = fs::remove_file(&last.place);
            folders::flush(&place::folder(&last.place));
        }
        for Staged { place, temporary } in self.staged {
            let context = || format!("cannot write {}", place.display());
            temporary.take(&place).with_context(context)?;
        }
        folders.iter().for_each(|folder| folders::flush(folder));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_that_is_cut_short_lacks_its_last_file() {
        let folder = tempfile::tempdir().unwrap();
        let [first, second, last] = ["first", "second", "last"].map(|name| folder.path().join(name));
        let mut set = OutputSet::default();
        for path in [&first, &second, &last] {
            fs::write(path, "old").unwrap();
            set.write(path, |out| Ok(out.write_all(b"new")?)).unwrap();
        }
        // A folder in its place stops the second rename.
        fs::remove_file(&second).unwrap();
        fs::create_dir(&second).unwrap();
        assert!(set.commit().is_err());
        assert_eq!(fs::read(&first).unwrap(), b"new");
        assert!(!last.exists(), "new and old files without a gap");
    }
}
