//! libFuzzer, through cargo-fuzz.

use super::folder;
use anyhow::{Context, Result, ensure};
use std::{
    ffi::OsString,
    fmt, fs,
    path::{Path, PathBuf},
    process::Command,
};

/// The toolchain that builds targets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fuzzer {
    /// A nightly one.
    Nightly,
    /// The one at hand, told to take flags that are not stable.
    Bootstrap,
}

/// Targets that read no files are built without what reads them: a quarter of the crates.
const WITHOUT_FILES: [&str; 5] = ["batch", "retrieval", "ranks", "states", "config"];

/// More memory than a target takes: its readers may hold 64 MB, and the sanitizer as much again.
const MEMORY_MB: u32 = 2048;
/// More than the reader of one file may ask for at once.
const ALLOCATION_MB: u32 = 300;
/// Targets that ask for as much memory as another rank says, and refuse where there is not so much.
const ASKING: [&str; 1] = ["ranks"];
/// What they may ask for: more than any machine has.
const ASKED_MB: u32 = 1_000_000;
/// Seconds that one input may take, on a machine that does other things too.
const TIMEOUT: u32 = 120;
/// Bytes of an input.
const LONGEST: u32 = 1 << 14;

/// How to run libFuzzer here, if cargo-fuzz is installed.
pub(super) fn find() -> Option<Fuzzer> {
    let works = |command: &mut Command| command.output().is_ok_and(|output| output.status.success());
    if !works(Command::new("cargo").args(["fuzz", "--version"])) {
        return None;
    }
    // `cargo` of rustup alone takes a toolchain by name.
    let nightly = works(Command::new("cargo").args(["+nightly", "--version"]));
    Some(if nightly { Fuzzer::Nightly } else { Fuzzer::Bootstrap })
}

impl fmt::Display for Fuzzer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nightly => "cargo-fuzz on nightly",
            Self::Bootstrap => "cargo-fuzz on this toolchain, with RUSTC_BOOTSTRAP=1",
        })
    }
}

impl Fuzzer {
    /// A command of cargo-fuzz for a target. Its own default of one codegen unit takes several times
    /// as long.
    fn cargo_fuzz(self, command: &str, target: &str) -> Command {
        let mut cargo = Command::new("cargo");
        // Not what the cargo that runs this program hands down.
        cargo.env_remove("RUSTUP_TOOLCHAIN").env_remove("CARGO");
        match self {
            Self::Nightly => cargo.arg("+nightly"),
            Self::Bootstrap => cargo.env("RUSTC_BOOTSTRAP", "1"),
        };
        cargo.args(["fuzz", command, "--codegen-units", "16", "--fuzz-dir"]).arg(folder());
        if WITHOUT_FILES.contains(&target) {
            cargo.args(["--no-default-features", "--features", "libfuzzer"]);
        }
        // An allocation that fails is an error that is returned, not the end.
        cargo.env("ASAN_OPTIONS", "allocator_may_return_null=1");
        cargo.arg(target).current_dir(folder().join(".."));
        cargo
    }

    /// Builds targets, so that no minutes of theirs go into that.
    pub(super) fn build(self, targets: &[&str]) -> Result<()> {
        for target in targets {
            check(&mut self.cargo_fuzz("build", target), &format!("building the target {target}"))?;
        }
        Ok(())
    }

    /// Runs a target from the corpus of the repository and what earlier runs found.
    pub(super) fn run(self, target: &str, seconds: u64, seed: u64) -> Result<()> {
        println!("== {target}: {seconds} s, seed {seed}");
        let mut command = self.cargo_fuzz("run", target);
        command.arg(found(target)?).arg(corpus(target)?).arg("--");
        command.args([format!("-max_total_time={seconds}"), format!("-seed={}", seed.max(1))]);
        let allocation = if ASKING.contains(&target) { ASKED_MB } else { ALLOCATION_MB };
        command.args([format!("-rss_limit_mb={MEMORY_MB}"), format!("-malloc_limit_mb={allocation}")]);
        command.args([
            format!("-timeout={TIMEOUT}"),
            format!("-max_len={LONGEST}"),
            "-print_final_stats=1".into(),
        ]);
        check(&mut command, &format!("the target {target}")).with_context(|| {
            format!("an input failed; it is kept in {}", folder().join("artifacts").display())
        })
    }

    /// Runs one input.
    pub(super) fn replay(self, target: &str, file: &Path) -> Result<()> {
        let file = file.canonicalize().with_context(|| format!("no file {}", file.display()))?;
        check(self.cargo_fuzz("run", target).arg(file), &format!("the input of {target}"))
    }

    /// Adds to the corpus of the repository what covers more.
    pub(super) fn merge(self, target: &str) -> Result<()> {
        let mut command = self.cargo_fuzz("run", target);
        command.arg(corpus(target)?).arg(found(target)?).args([
            "--",
            "-set_cover_merge=1",
            "-use_counters=0",
        ]);
        check(&mut command, &format!("merging the corpus of {target}"))
    }
}

/// The inputs of a target that the repository has.
fn corpus(target: &str) -> Result<PathBuf> {
    made(folder().join("corpus").join(target))
}

/// The inputs that runs on this machine found.
fn found(target: &str) -> Result<PathBuf> {
    made(folder().join("target/corpus").join(target))
}

fn made(folder: PathBuf) -> Result<PathBuf> {
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    folder.canonicalize().with_context(|| format!("cannot find {}", folder.display()))
}

fn check(command: &mut Command, what: &str) -> Result<()> {
    let status = command.status().with_context(|| format!("starting {what}"))?;
    let arguments: Vec<OsString> = command.get_args().map(ToOwned::to_owned).collect();
    ensure!(status.success(), "{what} failed ({status}): cargo {}", arguments.join(" ".as_ref()).display());
    Ok(())
}
