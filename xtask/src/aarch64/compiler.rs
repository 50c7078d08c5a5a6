//! A compiler that has a standard library for the target, and builds with it.

use super::{
    TARGET, debian,
    tools::{self, Emulator, LINKER},
};
use anyhow::{Context, Result};
use std::{
    env, fmt,
    path::{Path, PathBuf},
    process::Command,
};

/// Where the compiler is from.
pub(super) struct Compiler {
    /// Instead of the one that cargo finds.
    rustc: Option<PathBuf>,
    version: String,
}

impl Compiler {
    /// The compiler in use if it has the target, or else Debian's, unpacked on the first call.
    pub(super) fn ready() -> Result<Self> {
        let mut rustc = None;
        if !has_target(Path::new("rustc")) {
            rustc = Some(debian::unpack(&folder().join("toolchain")).with_context(|| {
                format!("this compiler lacks the standard library for {TARGET}: rustup target add {TARGET}")
            })?);
        }
        let program = rustc.clone().unwrap_or_else(|| "rustc".into());
        let version = tools::read(Command::new(program).arg("--version"))?.trim().to_owned();
        Ok(Self { rustc, version })
    }

    /// Cargo, building for the target into a folder of its own, and running what it builds
    /// under the emulator.
    pub(super) fn cargo(&self, emulator: &Emulator) -> Command {
        let mut cargo = crate::cargo::cargo();
        cargo
            .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
            .env("CARGO_BUILD_TARGET", TARGET)
            .env("CARGO_TARGET_DIR", build_folder())
            .env("CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER", LINKER)
            .env("CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER", emulator.runner())
            // Flags meant for this CPU, such as target-cpu=native.
            .env_remove("RUSTFLAGS");
        if let Some(rustc) = &self.rustc {
            // Not `rustup`'s choice, which cargo was started with.
            cargo.env("RUSTC", rustc).env_remove("RUSTUP_TOOLCHAIN");
        }
        cargo
    }

    /// This program, built for the target with a profile, dev or release.
    pub(super) fn xtask(&self, emulator: &Emulator, profile: &str) -> Result<PathBuf> {
        tools::done(self.cargo(emulator).args(["build", "-p", "xtask", "--profile", profile]))?;
        let folder = if profile == "dev" { "debug" } else { profile };
        Ok(build_folder().join(TARGET).join(folder).join("xtask"))
    }
}

impl fmt::Display for Compiler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.version)
    }
}

/// Where the compiler and what it builds are kept.
pub(super) fn folder() -> PathBuf {
    crate::cargo::target().join("aarch64")
}

fn build_folder() -> PathBuf {
    folder().join("build")
}

/// Whether a compiler has a standard library for the target.
fn has_target(rustc: &Path) -> bool {
    let output = Command::new(rustc).args(["--print", "target-libdir", "--target", TARGET]).output();
    let folder = output.ok().and_then(|output| String::from_utf8(output.stdout).ok());
    folder.is_some_and(|folder| Path::new(folder.trim()).is_dir())
}
