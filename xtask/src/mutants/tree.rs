//! A copy of the working tree that faults are put into, built beside it.

use anyhow::{Context, Result, ensure};
use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, ExitStatus},
    thread,
    time::{Duration, Instant},
};

/// The copy; removed when dropped. What is compiled stays under target/mutants/build, so that
/// dependencies are compiled once.
pub(crate) struct Tree {
    root: PathBuf,
    build: PathBuf,
}

/// How a run of the cross-check ended.
pub(crate) enum Ended {
    /// No difference.
    Passed,
    /// With this message.
    Failed(String),
    /// Not within the time it was given.
    Hung,
}

impl Tree {
    /// Copies the files that git tracks or would track.
    pub(crate) fn copy() -> Result<Self> {
        let here = env::current_dir()?;
        let root = env::temp_dir().join(format!("triplet-mutants-{}", std::process::id()));
        let listed = Command::new("git")
            .args(["ls-files", "--cached", "--others", "--exclude-standard", "-z"])
            .output()?;
        ensure!(listed.status.success(), "git lists no files: {}", String::from_utf8_lossy(&listed.stderr));
        let tree = Self { root, build: here.join("target/mutants/build") };
        for name in String::from_utf8(listed.stdout)?.split_terminator('\0') {
            let (from, to) = (here.join(name), tree.root.join(name));
            // Listed, but deleted in the working tree.
            if from.is_file() {
                fs::create_dir_all(to.parent().context("a file in no folder")?)?;
                fs::copy(&from, &to).with_context(|| format!("copying {name}"))?;
            }
        }
        Ok(tree)
    }

    /// Applies a patch, or takes it back.
    pub(crate) fn apply(&self, patch: &Path, reverse: bool) -> Result<()> {
        let mut git = Command::new("git");
        // Outside of every repository, where `git apply` takes paths as they stand in the patch.
        git.current_dir(&self.root).env("GIT_CEILING_DIRECTORIES", env::temp_dir()).arg("apply");
        let output = git.args(reverse.then_some("--reverse")).arg(fs::canonicalize(patch)?).output()?;
        let errors = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{} does not apply: {errors}", patch.display());
        Ok(())
    }

    /// Compiles the commands of the copy: without the checks of debug builds, which the
    /// cross-check as it is used has not either.
    pub(crate) fn build(&self) -> Result<()> {
        let mut cargo = crate::cargo::cargo();
        cargo.current_dir(&self.root).args(["build", "--quiet", "--package", "xtask"]);
        cargo.env("CARGO_TARGET_DIR", &self.build);
        cargo
            .env("CARGO_PROFILE_DEV_DEBUG", "0")
            .env("CARGO_PROFILE_DEV_DEBUG_ASSERTIONS", "false")
            .env("CARGO_PROFILE_DEV_OVERFLOW_CHECKS", "false");
        let output = cargo.output()?;
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr).trim());
        Ok(())
    }

    /// Runs the cross-check of the copy, within a time.
    pub(crate) fn cross_check(&self, batches: u64, with_digests: bool, limit: Duration) -> Result<Ended> {
        let errors = self.root.join("cross-check.err");
        let mut command = Command::new(self.build.join("debug/xtask"));
        command.current_dir(&self.root).args([
            "cross-check",
            "--no-shrink",
            "--batches",
            &batches.to_string(),
        ]);
        command.args((!with_digests).then_some("--without-digests"));
        command
            .stdout(fs::File::create(self.root.join("cross-check.out"))?)
            .stderr(fs::File::create(&errors)?);
        let Some(status) = wait(&mut command, limit)? else { return Ok(Ended::Hung) };
        if status.success() {
            return Ok(Ended::Passed);
        }
        let text = fs::read_to_string(errors)?;
        let message = text.lines().find(|line| line.contains("error") || line.contains("panicked"));
        Ok(Ended::Failed(message.unwrap_or("no message").to_owned()))
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        // What is left behind is in the system's folder for such.
        let _ = fs::remove_dir_all(&self.root);
    }
}

/// How a command ends, or nothing if it does not within a time: it is killed then.
fn wait(command: &mut Command, limit: Duration) -> Result<Option<ExitStatus>> {
    let mut child = command.spawn()?;
    let start = Instant::now();
    while start.elapsed() < limit {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        thread::sleep(Duration::from_millis(50));
    }
    child.kill()?;
    child.wait()?;
    Ok(None)
}
