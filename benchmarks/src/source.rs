//! Where definitions are read from: this crate, or files.

use crate::{Benchmark, Error, Result, file};
use std::{
    fs::{self, File},
    io::{self, Read},
    path::Path,
};

/// The benchmark that is run when none is asked for.
pub const TYPICAL: &str = "sizes/1024x128";

macro_rules! definitions {
    ($($name:literal),* $(,)?) => {
        [$(($name, include_str!(concat!("../definitions/", $name)))),*]
    };
}

/// Every file under `definitions/`; a test compares this list with the folder.
const DEFINITIONS: [(&str, &str); 9] = definitions![
    "classes.toml",
    "distances.toml",
    "edges.toml",
    "elements.toml",
    "forward.toml",
    "reductions.toml",
    "rules.toml",
    "sizes.toml",
    "widths.toml",
];

/// The benchmarks that come with this crate.
///
/// # Errors
/// None in a build that passed its tests.
pub fn built_in() -> Result<Vec<Benchmark>> {
    all(DEFINITIONS.into_iter().map(|(name, text)| Ok((name.to_owned(), text.to_owned()))))
}

/// More than any definitions have: a device without an end is none.
const MOST_BYTES: u64 = 16 << 20;

fn text(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(MOST_BYTES + 1).read_to_string(&mut text)?;
    if text.len() as u64 > MOST_BYTES {
        return Err(io::Error::other(format!("more than {MOST_BYTES} bytes: these are no definitions")));
    }
    Ok(text)
}

/// The benchmarks of a file, or of every file `*.toml` in a folder.
///
/// # Errors
/// What cannot be read, is no definition, or has the name of another.
pub fn read(path: &Path) -> Result<Vec<Benchmark>> {
    let unreadable = |path: &Path| {
        let path = path.to_owned();
        move |source| Error::Read { path, source }
    };
    let mut files = vec![path.to_owned()];
    if path.is_dir() {
        let entries = fs::read_dir(path).and_then(Iterator::collect::<std::io::Result<Vec<_>>>);
        files = entries.map_err(unreadable(path))?.into_iter().map(|entry| entry.path()).collect();
        files.retain(|file| file.extension().is_some_and(|extension| extension == "toml"));
        files.sort();
        if files.is_empty() {
            return Err(Error::NoFiles { folder: path.to_owned() });
        }
    }
    all(files.into_iter().map(|file| {
        let text = text(&file).map_err(unreadable(&file))?;
        Ok((file.display().to_string(), text))
    }))
}

/// The benchmarks of some files (name and text) together.
fn all(files: impl Iterator<Item = Result<(String, String)>>) -> Result<Vec<Benchmark>> {
    let mut benchmarks: Vec<Benchmark> = Vec::new();
    for file in files {
        let (name, text) = file?;
        for benchmark in file::parse(&name, &text)? {
            if benchmarks.iter().any(|other| other.name == benchmark.name) {
                return Err(Error::Repeated { name: benchmark.name });
            }
            benchmarks.push(benchmark);
        }
    }
    Ok(benchmarks)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_the_folder_is_compiled_in() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("definitions");
        let mut names: Vec<String> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        assert_eq!(names, DEFINITIONS.map(|(name, _)| name));
    }
}
