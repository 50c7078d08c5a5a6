//! What can be wrong with definitions, and with an answer.

use crate::Digest;
use std::{io, path::PathBuf};

/// An error that names the file and the key, or the benchmark.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file or folder cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A folder holds no definitions.
    #[error("{} has no files *.toml", folder.display())]
    NoFiles {
        /// The folder.
        folder: PathBuf,
    },
    /// A file is no TOML, or has a key that no definition has, or a value of another type.
    #[error("{file}, line {line} ({text}): {message}")]
    Syntax {
        /// Name of the file.
        file: String,
        /// Counted from 1.
        line: usize,
        /// That line.
        text: String,
        /// What is wrong.
        message: String,
    },
    /// A key has a wrong value, or is missing.
    #[error("{file}, {benchmark}: {key}: {message}")]
    Key {
        /// Name of the file.
        file: String,
        /// The benchmark's name, or its place in the file.
        benchmark: String,
        /// The key.
        key: &'static str,
        /// What is wrong.
        message: String,
    },
    /// Two benchmarks of one name.
    #[error("two benchmarks have the name {name}")]
    Repeated {
        /// The name.
        name: String,
    },
    /// An answer differs from the recorded one.
    #[error("{benchmark}: the answer of {engine} has the digest {found}, expected {expected}")]
    WrongAnswer {
        /// Name of the benchmark.
        benchmark: String,
        /// The engine.
        engine: String,
        /// As recorded.
        expected: Digest,
        /// As computed.
        found: Digest,
    },
}

/// With [`Error`].
pub type Result<T> = std::result::Result<T, Error>;
