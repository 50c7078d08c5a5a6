//! Whether a file was changed while it was read.

use std::{fs::File, io, time::SystemTime};

/// What changes where a file does: its length and the time of its last change.
///
/// Two changes within one tick of the file system's clock, some milliseconds, are one.
///
/// ```
/// use triplet_dataset::FileState;
/// let path = std::env::temp_dir().join(format!("triplet-state-{}", std::process::id()));
/// std::fs::write(&path, "a").unwrap();
/// let file = std::fs::File::open(&path).unwrap();
/// let before = FileState::of(&file).unwrap();
/// assert_eq!(FileState::of(&file).unwrap(), before);
/// std::fs::write(&path, "ab").unwrap();
/// assert_ne!(FileState::of(&file).unwrap(), before);
/// # std::fs::remove_file(path).unwrap();
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileState {
    len: u64,
    modified: Option<SystemTime>,
    changed: [i64; 2],
}

impl FileState {
    /// A file's, now.
    ///
    /// # Errors
    /// What the system says.
    pub fn of(file: &File) -> io::Result<Self> {
        let data = file.metadata()?;
        // The time of the last change of anything, which no program can set back.
        #[cfg(unix)]
        let changed = {
            use std::os::unix::fs::MetadataExt;
            [data.ctime(), data.ctime_nsec()]
        };
        #[cfg(not(unix))]
        let changed = [0; 2];
        Ok(Self { len: data.len(), modified: data.modified().ok(), changed })
    }

    /// Length in bytes.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether the file has no bytes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}
