//! Interpreters, and virtual environments that are made once and kept.

use super::package;
use anyhow::{Context, Result, bail, ensure};
use std::{
    env, fmt, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant, SystemTime},
};

/// The oldest Python that the wheel installs on.
const OLDEST: (u32, u32) = (3, 10);
/// Programs by which further Pythons are found.
const NAMES: [&str; 5] = ["python3.10", "python3.11", "python3.12", "python3.13", "python3.14"];

/// A Python that makes environments.
#[derive(Clone)]
pub(super) struct Interpreter {
    program: PathBuf,
    pub(super) version: (u32, u32),
}

impl fmt::Display for Interpreter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Python {}.{}", self.version.0, self.version.1)
    }
}

impl Interpreter {
    /// The one that `PYTHON` names, or `python3`.
    pub(super) fn find() -> Result<Self> {
        let named = env::var_os("PYTHON").map(PathBuf::from);
        let program = named.unwrap_or_else(|| if cfg!(windows) { "python".into() } else { "python3".into() });
        Self::at(program.clone()).with_context(|| {
            format!(
                "{} is no Python {}.{} or later: install one, name it in PYTHON, or run with --no-python",
                program.display(),
                OLDEST.0,
                OLDEST.1
            )
        })
    }

    fn at(program: PathBuf) -> Option<Self> {
        let ask = "import sys; print(*sys.version_info[:2])";
        let output = Command::new(&program).args(["-c", ask]).output().ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        let (major, minor) = text.trim().split_once(' ')?;
        let version = (major.parse().ok()?, minor.parse().ok()?);
        (output.status.success() && version >= OLDEST).then_some(Self { program, version })
    }

    /// Pythons of other versions: on the path, or listed in `TRIPLET_PYTHONS` as a path is.
    pub(super) fn others(&self) -> Vec<Self> {
        let listed = env::var_os("TRIPLET_PYTHONS").unwrap_or_default();
        let listed: Vec<PathBuf> = env::split_paths(&listed).filter(|p| !p.as_os_str().is_empty()).collect();
        let mut found: Vec<Self> =
            listed.into_iter().chain(NAMES.map(PathBuf::from)).filter_map(Self::at).collect();
        found.sort_by_key(|other| other.version);
        found.dedup_by_key(|other| other.version);
        found.retain(|other| other.version != self.version);
        found
    }
}

/// A virtual environment under `target/python`.
pub(super) struct Environment {
    folder: PathBuf,
}

impl Environment {
    /// Makes it, or takes the one there is if its requirements are the same.
    pub(super) fn ready(name: &str, requirements: &str, interpreter: &Interpreter) -> Result<Self> {
        let list = package().join("requirements").join(requirements);
        let wanted = format!("{interpreter}\n{}", fs::read_to_string(&list)?);
        let folder = target().join(name);
        let stamp = folder.join("requirements");
        let environment = Self { folder };
        if fs::read_to_string(&stamp).is_ok_and(|there| there == wanted) {
            return Ok(environment);
        }
        eprintln!("== environment {name}: {interpreter}, {requirements} (kept for later runs)");
        let start = Instant::now();
        let mut make = Command::new(&interpreter.program);
        done(make.args(["-m", "venv", "--clear"]).arg(&environment.folder))?;
        environment.requirements(&list)?;
        fs::write(stamp, wanted)?;
        eprintln!("   installed in {:.0} s", start.elapsed().as_secs_f64());
        Ok(environment)
    }

    /// A program of the environment.
    pub(super) fn program(&self, name: &str) -> Command {
        let programs = self.folder.join(if cfg!(windows) { "Scripts" } else { "bin" });
        let mut command = Command::new(programs.join(name));
        command.env("VIRTUAL_ENV", &self.folder).env_remove("PYTHONPATH");
        command
    }

    /// Installs a list of requirements: some gigabytes over a network that may fail for a while, so
    /// a failure is repeated twice. What was fetched before it comes from pip's cache then.
    fn requirements(&self, list: &Path) -> Result<()> {
        let install = || {
            let mut pip = self.pip();
            said(pip.args(["install", "--retries", "10", "--requirement"]).arg(list))
        };
        for pause in [10, 60] {
            let Err(error) = install() else { return Ok(()) };
            eprintln!("{error:#}\n   once more in {pause} s");
            thread::sleep(Duration::from_secs(pause));
        }
        install()
    }

    fn pip(&self) -> Command {
        let mut pip = self.program("python");
        pip.args(["-m", "pip", "--quiet", "--disable-pip-version-check"]);
        pip
    }

    /// Builds the wheel, with the profile that the other tests are built with.
    pub(super) fn wheel(&self) -> Result<PathBuf> {
        eprintln!("== wheel");
        let folder = target().join("wheels");
        let mut maturin = self.program("maturin");
        maturin.args(["build", "--quiet", "--profile", "dev", "--features", "shared-build"]);
        done(maturin.args(["--auditwheel", "skip", "--out"]).arg(&folder).current_dir(package()))?;
        let wheels = fs::read_dir(&folder)?.filter_map(|entry| {
            let path = entry.ok()?.path();
            let age = fs::metadata(&path).ok()?.modified().ok()?;
            path.extension().is_some_and(|e| e == "whl").then_some((age, path))
        });
        let (made, wheel) = wheels.max().context("maturin left no wheel")?;
        let old = SystemTime::now().duration_since(made).unwrap_or_default() > Duration::from_secs(3600);
        ensure!(!old, "maturin left no new wheel in {}", folder.display());
        Ok(wheel)
    }

    /// Installs a wheel of ours, whatever was there.
    pub(super) fn install(&self, wheel: &Path) -> Result<()> {
        done(self.pip().args(["install", "--force-reinstall", "--no-deps"]).arg(wheel))
    }
}

/// Where environments, wheels and pictures go.
pub(super) fn target() -> PathBuf {
    crate::cargo::target().join("python")
}

/// Runs a command, which must succeed; what it writes to standard error is part of the error.
fn said(command: &mut Command) -> Result<()> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.stdout(Stdio::null()).output().with_context(|| format!("starting {name}"))?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{name} ended with {}:\n{}", output.status, errors.trim());
    Ok(())
}

/// Runs a command, which must succeed.
pub(super) fn done(command: &mut Command) -> Result<()> {
    let name = command.get_program().to_string_lossy().into_owned();
    let status = command.status().with_context(|| format!("starting {name}"))?;
    if !status.success() {
        let arguments: Vec<_> = command.get_args().map(|a| a.to_string_lossy()).collect();
        bail!("{name} {} ended with {status}", arguments.join(" "));
    }
    Ok(())
}
