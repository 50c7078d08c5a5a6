//! Output files: whole or not at all, and those of one command as one set.
//!
//! Every file is written aside and flushed to the disk; [`OutputSet::commit`] then renames
//! them all, back to back. What fails before that, a full disk say, changes nothing; where a
//! rename fails, those before it are taken back.

mod before;
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
use before::Before;
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

    /// Gives every file its name, in the order they were written, or none of them. Signals wait meanwhile, and
    /// so does another process with outputs in the same folders.
    pub(crate) fn commit(self) -> Result<()> {
        let folders = folders::of(self.staged.iter().map(|staged| staged.place.as_path()));
        let _alone = folders::locked(&folders);
        let _uninterrupted = interrupt::hold();
        let mut before = Before::default();
        let named = self.name_all(&mut before).map_err(|error| {
            let left = before.restore();
            let left: Vec<_> = left.iter().map(|place| place.display().to_string()).collect();
            match &left[..] {
                [] => error.context("no output was changed"),
                left => error.context(format!("{} could not be put back as before", left.join(", "))),
            }
        });
        folders.iter().for_each(|folder| folders::flush(folder));
        named
    }

    /// Renames the files; what was there before is kept until the caller has seen the result.
    fn name_all(self, before: &mut Before) -> Result<()> {
        self.staged.iter().for_each(|staged| before.keep(&staged.place));
        if let (None, [_, .., last]) = (&self.digests, &self.staged[..]) {
            // It may be there or not; what else may be wrong, its own rename says.
            let _ = fs::remove_file(&last.place);
            folders::flush(&place::folder(&last.place));
        }
        for Staged { place, temporary } in self.staged {
            let context = || format!("cannot write {}", place.display());
            temporary.take(&place).with_context(context)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A set of three files, all there in an older version; a folder in the second's place stops its rename.
    fn stopped_at_the_second(folder: &Path) -> (OutputSet, [PathBuf; 3]) {
        let paths = ["first", "second", "last"].map(|name| folder.join(name));
        let mut set = OutputSet::default();
        for path in &paths {
            fs::write(path, "old").unwrap();
            set.write(path, |out| Ok(out.write_all(b"new")?)).unwrap();
        }
        fs::remove_file(&paths[1]).unwrap();
        fs::create_dir(&paths[1]).unwrap();
        (set, paths)
    }

    #[test]
    fn a_set_that_is_cut_short_lacks_its_last_file() {
        let folder = tempfile::tempdir().unwrap();
        let (set, [first, _, last]) = stopped_at_the_second(folder.path());
        let mut before = Before::default();
        assert!(set.name_all(&mut before).is_err());
        before.forget();
        assert_eq!(fs::read(&first).unwrap(), b"new");
        assert!(!last.exists(), "new and old files without a gap");
    }

    #[test]
    fn a_set_of_which_one_rename_fails_is_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let (set, [first, second, last]) = stopped_at_the_second(folder.path());
        let error = format!("{:#}", set.commit().unwrap_err());
        assert!(error.contains("second"), "{error}");
        assert_eq!(fs::read(&first).unwrap(), b"old");
        assert_eq!(fs::read(&last).unwrap(), b"old");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3, "something is left");
        // What was not there is not there again.
        fs::remove_file(&first).unwrap();
        fs::remove_file(&last).unwrap();
        let mut set = OutputSet::default();
        for path in [&first, &second, &last] {
            set.write(path, |out| Ok(out.write_all(b"new")?)).unwrap();
        }
        let error = format!("{:#}", set.commit().unwrap_err());
        assert!(!first.exists() && !last.exists(), "{error}");
    }

    #[test]
    fn a_set_that_succeeds_leaves_no_second_names() {
        let folder = tempfile::tempdir().unwrap();
        let paths = ["first", "last"].map(|name| folder.path().join(name));
        for text in ["old", "new"] {
            let mut set = OutputSet::default();
            for path in &paths {
                set.write(path, |out| Ok(out.write_all(text.as_bytes())?)).unwrap();
            }
            set.commit().unwrap();
            assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
            assert!(paths.iter().all(|path| fs::read(path).unwrap() == text.as_bytes()));
        }
    }
}
