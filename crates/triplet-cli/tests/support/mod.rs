//! Runs the program in a folder of its own, with input files made here.
//! Each test file uses a part of it.
#![allow(dead_code)]

use ndarray::{ArrayRef, Dimension};
use ndarray_npy::{WritableElement, WriteNpyExt};
use std::{
    fs::{self, File},
    path::PathBuf,
    process::Command,
};

/// A folder that goes away, and the program to run in it.
pub(crate) struct Bench {
    folder: tempfile::TempDir,
}

/// What a run gave.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Names of the files there, sorted.
    pub(crate) fn files(&self) -> Vec<String> {
        let entries = fs::read_dir(self.folder.path()).unwrap();
        let mut names: Vec<_> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.path(name), bytes).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    pub(crate) fn npy<T: WritableElement, D: Dimension>(&self, name: &str, array: &ArrayRef<T, D>) {
        array.write_npy(File::create(self.path(name)).unwrap()).unwrap();
    }

    /// `triplet` with arguments separated by spaces, in the folder.
    pub(crate) fn command(&self, arguments: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_triplet"));
        command.args(arguments.split_whitespace()).current_dir(self.folder.path());
        command.env_remove("TRIPLET_NUM_THREADS");
        command
    }

    /// Runs it.
    pub(crate) fn run(&self, arguments: &str) -> Run {
        let output = self.command(arguments).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Run { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// Runs a line of bash in the folder; `triplet` is the program.
    #[cfg(unix)]
    pub(crate) fn shell(&self, line: &str) -> Run {
        let program = env!("CARGO_BIN_EXE_triplet");
        let script = format!("triplet() {{ '{program}' \"$@\"; }}\n{line}");
        let output =
            Command::new("bash").args(["-c", &script]).current_dir(self.folder.path()).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Run { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }
}

impl Run {
    /// The last line of standard output, as JSON.
    pub(crate) fn json(&self) -> serde_json::Value {
        let line = self.stdout.lines().last().unwrap_or_default();
        serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }
}

/// How often a process is ended at random: `TRIPLET_KILLS` times, or as often as given.
pub(crate) fn kills(often: usize) -> usize {
    std::env::var("TRIPLET_KILLS").map_or(often, |kills| kills.parse().expect("TRIPLET_KILLS: a number"))
}
