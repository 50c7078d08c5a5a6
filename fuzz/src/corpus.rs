//! Inputs that are kept: the corpus, and those that once failed.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// One input.
#[derive(Debug, Clone)]
pub struct Case {
    /// Its file.
    pub path: PathBuf,
    /// What it holds.
    pub bytes: Vec<u8>,
}

/// The corpus of a target.
#[must_use]
pub fn corpus(target: &str) -> Vec<Case> {
    cases(&Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target))
}

/// Inputs of a target that once failed.
#[must_use]
pub fn regressions(target: &str) -> Vec<Case> {
    cases(&Path::new(env!("CARGO_MANIFEST_DIR")).join("regressions").join(target))
}

/// Files of a folder, by name; none where there is no folder.
fn cases(folder: &Path) -> Vec<Case> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("a readable folder").path()).collect();
    paths.sort();
    paths.into_iter().map(|path| Case { bytes: fs::read(&path).expect("a readable file"), path }).collect()
}
