//! What has to be installed: the emulator, and a linker with the C library for ARM.

use anyhow::{Context, Result, bail, ensure};
use std::{
    ffi::OsStr,
    fmt,
    path::Path,
    process::{Command, Stdio},
};

/// Links for the target.
pub(super) const LINKER: &str = "aarch64-linux-gnu-gcc";
/// Where the C library for the target is.
const LIBRARIES: &str = "/usr/aarch64-linux-gnu";
/// The second has no plugins, which counting needs.
const EMULATORS: [&str; 2] = ["qemu-aarch64", "qemu-aarch64-static"];

/// How to install them.
const INSTALL: &str = "on Debian or Ubuntu: \
    apt-get install --no-install-recommends gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user";

/// QEMU's user emulation, which runs one program.
pub(super) struct Emulator {
    pub(super) program: &'static str,
    version: String,
}

impl Emulator {
    /// Finds the emulator and what it runs programs with.
    pub(super) fn find() -> Result<Self> {
        ensure!(
            cfg!(all(target_os = "linux", target_arch = "x86_64")),
            "this command emulates 64-bit ARM on Linux on x86-64. On a machine that is 64-bit ARM itself, \
             `cargo xtask test` runs the same natively; other systems have no user emulation"
        );
        let found = EMULATORS.into_iter().find_map(|program| Some((program, first_line(program)?)));
        let (program, version) = found.with_context(|| format!("no qemu-aarch64 found; {INSTALL}"))?;
        ensure!(first_line(LINKER).is_some(), "no {LINKER} found; {INSTALL}");
        ensure!(
            Path::new(LIBRARIES).join("lib/libc.so.6").exists(),
            "no C library for ARM in {LIBRARIES}; {INSTALL}"
        );
        Ok(Self { program, version })
    }

    /// As cargo's runner.
    pub(super) fn runner(&self) -> String {
        format!("{} -L {LIBRARIES}", self.program)
    }

    /// Runs a program for ARM.
    pub(super) fn command(&self, program: &Path) -> Command {
        self.with_options(&[], program)
    }

    /// Runs a program for ARM with options of QEMU.
    pub(super) fn with_options(&self, options: &[&OsStr], program: &Path) -> Command {
        let mut command = Command::new(self.program);
        command.args(["-L", LIBRARIES]).args(options).arg(program);
        command
    }
}

impl fmt::Display for Emulator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.version)
    }
}

/// The first line of what a program says its version is, if there is such a program.
fn first_line(program: &str) -> Option<String> {
    let output = Command::new(program).arg("--version").stderr(Stdio::null()).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout);
    output.status.success().then(|| text.lines().next().unwrap_or_default().trim().to_owned())
}

/// What a command that must succeed writes.
pub(super) fn read(command: &mut Command) -> Result<String> {
    let output =
        command.stderr(Stdio::inherit()).output().with_context(|| format!("starting {command:?}"))?;
    ensure!(output.status.success(), "{command:?} ended with {}", output.status);
    Ok(String::from_utf8(output.stdout)?)
}

/// Runs a command that must succeed.
pub(super) fn done(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("starting {command:?}"))?;
    if !status.success() {
        bail!("{command:?} ended with {status}");
    }
    Ok(())
}
