//! Building `workload` under one compiler profile.

use anyhow::{Result, ensure};
use std::{
    fmt, fs,
    path::{Path, PathBuf},
    process::Command,
};

/// A caller's profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Profile {
    /// These settings, for every crate.
    Release { lto: String, codegen_units: u32, opt_level: String },
    /// A debug build of a crate of its own that has its dependencies optimised, the library among them:
    /// `[profile.dev.package."*"] opt-level = 3`.
    Debug,
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Release { lto, codegen_units, opt_level } => {
                write!(f, "lto {lto:5} units {codegen_units:3} opt {opt_level}")
            }
            Self::Debug => f.write_str("debug, dependencies opt 3 "),
        }
    }
}

/// What the program is called.
const PROGRAM: &str = "workload";

impl Profile {
    /// The profile that gives the compiler most to see.
    pub(crate) fn best() -> Self {
        Self::Release { lto: "fat".to_owned(), codegen_units: 1, opt_level: "3".to_owned() }
    }

    /// Builds the program and moves it to `into`. All profiles share a target directory there: build
    /// scripts and procedural macros, half of the crates, are compiled once.
    pub(crate) fn build(&self, into: &Path) -> Result<PathBuf> {
        let target = into.join("target");
        let (mut command, folder, name) = match self {
            Self::Release { lto, codegen_units, opt_level } => (
                with_settings(lto, *codegen_units, opt_level),
                "release",
                format!("{lto}-{codegen_units}-{opt_level}"),
            ),
            Self::Debug => (by_a_caller(&into.join("caller"))?, "debug", "debug".to_owned()),
        };
        let status = command.env("CARGO_TARGET_DIR", &target).status()?;
        ensure!(status.success(), "cannot build {PROGRAM} with {self}");
        let program = into.join(name);
        fs::rename(target.join(folder).join(PROGRAM), &program)?;
        Ok(program)
    }
}

/// A build of the workspace's program under other settings than its own.
fn with_settings(lto: &str, codegen_units: u32, opt_level: &str) -> Command {
    let text = |value: &str| match value {
        "false" | "0" | "1" | "2" | "3" => value.to_owned(),
        _ => format!("\"{value}\""),
    };
    let settings = [
        format!("profile.release.lto={}", text(lto)),
        format!("profile.release.codegen-units={codegen_units}"),
        format!("profile.release.opt-level={}", text(opt_level)),
        "profile.release.debug=false".to_owned(),
    ];
    let mut cargo = cargo();
    for setting in settings {
        cargo.args(["--config", &setting]);
    }
    cargo
}

/// A debug build of the same program in a new crate, which depends on the library as a user's would.
fn by_a_caller(folder: &Path) -> Result<Command> {
    let root = root().canonicalize()?;
    let manifest = format!(
        r#"[package]
name = "caller"
edition = "2024"

[dependencies]
triplet-benches = {{ path = {:?} }}

[[bin]]
name = "{PROGRAM}"
path = {:?}

[profile.dev.package."*"]
opt-level = 3

[workspace]
"#,
        root.join("benches"),
        root.join(format!("benches/src/bin/{PROGRAM}.rs")),
    );
    fs::create_dir_all(folder)?;
    fs::write(folder.join("Cargo.toml"), manifest)?;
    // The versions that the workspace uses.
    fs::copy(root.join("Cargo.lock"), folder.join("Cargo.lock"))?;
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--quiet"]).current_dir(folder);
    Ok(cargo)
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
