//! Debian's packages of a compiler with a standard library for 64-bit ARM, unpacked into a
//! folder. Nothing is installed, and apt's own lists are left as they are.

use super::{
    TARGET,
    tools::{done, read},
};
use anyhow::{Context, Result, ensure};
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// The compiler that Debian keeps up to date in its stable releases, for browsers.
const COMPILER: &str = "rustc-web";
/// What it needs of its dependencies: those whose names start so.
const LIBRARIES: [&str; 2] = ["libstd-rust-web", "libllvm"];
/// The standard library, to compile with; for the target too.
const STANDARD: &str = "libstd-rust-web-dev:arm64";

/// Downloads and unpacks the packages, unless that was done; a program that runs the compiler.
pub(super) fn unpack(folder: &Path) -> Result<PathBuf> {
    let wrapper = folder.join("rustc");
    if wrapper.exists() {
        return Ok(wrapper);
    }
    for program in ["apt-get", "dpkg"] {
        let found = Command::new(program).arg("--version").stdout(Stdio::null()).status();
        ensure!(found.is_ok(), "and there is no {program} here to unpack Debian's compiler with");
    }
    println!("downloading a compiler for {TARGET} into {}", folder.display());
    // What was cut short is begun anew.
    if folder.exists() {
        fs::remove_dir_all(folder).context("clearing the toolchain's folder")?;
    }
    for part in ["apt/lists/partial", "apt/cache/archives/partial", "packages", "root"] {
        fs::create_dir_all(folder.join(part))?;
    }
    let folder = folder.canonicalize()?;
    done(apt(&folder, "apt-get").args(["--quiet", "update"]).stdout(Stdio::null()))?;
    let names = packages(&folder)?;
    done(
        apt(&folder, "apt-get")
            .args(["--quiet", "download"])
            .args(names)
            .current_dir(folder.join("packages")),
    )?;
    for package in fs::read_dir(folder.join("packages"))? {
        done(Command::new("dpkg").arg("-x").arg(package?.path()).arg(folder.join("root")))?;
    }
    // Only what was unpacked is used from here on.
    fs::remove_dir_all(folder.join("packages"))?;
    fs::remove_dir_all(folder.join("apt"))?;
    write_wrapper(&folder)
}

/// An apt program with lists and archives in the folder, for both architectures.
fn apt(folder: &Path, program: &str) -> Command {
    let mut command = Command::new(program);
    for (option, part) in [("Dir::State::Lists", "apt/lists"), ("Dir::Cache", "apt/cache")] {
        command.arg("-o").arg(format!("{option}={}", folder.join(part).display()));
    }
    command.args(["-o", "APT::Architectures=amd64,arm64", "-o", "APT::Sandbox::User=root"]);
    command
}

/// The packages to unpack, whatever the version of compiler and LLVM.
fn packages(folder: &Path) -> Result<Vec<String>> {
    let mut depends = apt(folder, "apt-cache");
    depends.args([
        "depends",
        "--recurse",
        "--no-recommends",
        "--no-suggests",
        "--no-conflicts",
        "--no-breaks",
    ]);
    let text = read(depends.args(["--no-replaces", "--no-enhances", COMPILER]))
        .with_context(|| format!("no package {COMPILER} among those of this system's sources"))?;
    // Names stand at the start of a line, relations are indented.
    let needed = text.lines().filter(|line| LIBRARIES.iter().any(|name| line.starts_with(name)));
    let names = [COMPILER, STANDARD].into_iter().chain(needed.filter(|name| !name.contains(':')));
    Ok(names.map(str::to_owned).collect())
}

/// A program that runs the unpacked compiler with its own libraries.
fn write_wrapper(folder: &Path) -> Result<PathBuf> {
    let usr = folder.join("root/usr");
    let usr = usr.to_str().context("the folder's name is not UTF-8")?;
    let text = format!(
        "#!/bin/sh\nLD_LIBRARY_PATH='{usr}/lib/x86_64-linux-gnu' exec '{usr}/bin/rustc' --sysroot '{usr}' \"$@\"\n"
    );
    let (new, wrapper) = (folder.join("rustc.new"), folder.join("rustc"));
    fs::write(&new, text)?;
    done(Command::new("chmod").arg("+x").arg(&new))?;
    read(Command::new(&new).arg("--version")).context("the unpacked compiler does not run")?;
    // Last, so that its presence says that the rest is complete.
    fs::rename(new, &wrapper)?;
    Ok(wrapper)
}
