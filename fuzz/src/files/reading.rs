//! Files on disk, and what is asked of every reading: it is the same twice, and an error is one
//! short line.

use super::{forms::Files, table::Table};
use std::{fs, path::PathBuf, sync::OnceLock};
use tempfile::TempDir;
use triplet_cli::{Contents, contents};

/// Longer messages hide what is wrong.
const LONGEST: usize = 700;

/// A file of a name, in a folder of this process and thread.
pub(crate) fn file(name: &str, bytes: &[u8]) -> String {
    static FOLDER: OnceLock<TempDir> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| tempfile::tempdir().expect("a folder for temporary files"));
    let own = folder.path().join(format!("{:?}", std::thread::current().id()));
    let path: PathBuf = own.join(name);
    fs::create_dir_all(&own).and_then(|()| fs::write(&path, bytes)).expect("room for a temporary file");
    path.to_str().expect("a path of UTF-8").to_owned()
}

/// Reads with some flags, twice.
pub(crate) fn read(flags: &[&str]) -> Result<Contents, String> {
    let first = contents(flags);
    let second = contents(flags);
    match (&first, &second) {
        // NaN is not equal to itself.
        (Ok(a), Ok(b)) => assert_eq!(format!("{a:?}"), format!("{b:?}"), "two readings differ"),
        (a, b) => assert_eq!(a.as_ref().err(), b.as_ref().err(), "two readings differ"),
    }
    if let Err(message) = &first {
        assert!(message.len() <= LONGEST, "a message of {} bytes: {message}", message.len());
        assert!(!message.contains("IxDyn"), "debug output: {message}");
        let broken = message.contains(|c: char| c.is_control());
        assert!(!broken, "a message of several lines, or with control characters: {message:?}");
    }
    first
}

/// The flags that read a table's files as what they were written from: none of its columns is
/// anything but a feature, however they look.
pub(crate) fn read_table(table: &Table, files: &Files) -> Result<Contents, String> {
    let paths: Vec<String> = files.iter().map(|(name, bytes)| file(name, bytes)).collect();
    let is_array = |name: &str| [".npy", ".npz", ".safetensors"].iter().any(|end| name.ends_with(end));
    let arrays = is_array(files[0].0);
    let features: Vec<String> =
        if arrays { (0..table.features).map(|feature| feature.to_string()).collect() } else { table.names() };
    let keep = features.join(",");
    let mut flags = vec!["--data", &paths[0], "--keep", &keep];
    match paths.get(1) {
        Some(labels) => flags.extend(["--labels", labels]),
        None if arrays => {}
        None => flags.extend(["--label-column", "label", "--header=data"]),
    }
    read(&flags)
}
