//! Building `workload` under one compiler profile.

use anyhow::{Result, ensure};
use std::{
    fmt, fs,
    path::{Path, PathBuf},
    process::Command,
};

/// The compiler settings of a caller's profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Profile {
    pub(crate) lto: String,
    pub(crate) codegen_units: u32,
    pub(crate) opt_level: String,
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "lto {:5} units {:3} opt {}", self.lto, self.codegen_units, self.opt_level)
    }
}

/// What the program is called.
const PROGRAM: &str = "workload";

impl Profile {
    /// The profile that gives the compiler most to see.
    pub(crate) fn best() -> Self {
        Self { lto: "fat".to_owned(), codegen_units: 1, opt_level: "3".to_owned() }
    }

    /// Builds the program in a target directory of its own, moves it to `into` and deletes the rest.
    pub(crate) fn build(&self, into: &Path) -> Result<PathBuf> {
        let name = format!("{}-{}-{}", self.lto, self.codegen_units, self.opt_level);
        let target = into.join(format!("target-{name}"));
        let text = |value: &str| match value {
            "false" | "0" | "1" | "2" | "3" => value.to_owned(),
            _ => format!("\"{value}\""),
        };
        let settings = [
            format!("profile.release.lto={}", text(&self.lto)),
            format!("profile.release.codegen-units={}", self.codegen_units),
            format!("profile.release.opt-level={}", text(&self.opt_level)),
            "profile.release.debug=false".to_owned(),
        ];
        let mut cargo = cargo();
        cargo.env("CARGO_TARGET_DIR", &target);
        for setting in settings {
            cargo.args(["--config", &setting]);
        }
        let status = cargo.status()?;
        ensure!(status.success(), "cannot build {PROGRAM} with {self}");
        let program = into.join(name);
        fs::rename(target.join("release").join(PROGRAM), &program)?;
        fs::remove_dir_all(&target)?;
        Ok(program)
    }
}

fn cargo() -> Command {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--release", "--quiet", "--package", "triplet-benches", "--bin", PROGRAM]);
    cargo.current_dir(root());
    cargo
}

/// The workspace.
pub(crate) fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}
