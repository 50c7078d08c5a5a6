//! A run with everything that is needed to judge it later: what `--save` writes and
//! `bench compare` reads.

use super::{environment, roofline::Peak, row::Measured, step::MeasuredStep};
use crate::{commands::info::cpu_name, options::cores};
use anyhow::{Context, Result, anyhow, bail, ensure};
use chrono::{SecondsFormat, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    fs::File,
    io::{Read, Write},
    path::{Path, PathBuf},
    process::Command,
};

/// The value of the field `format`.
const FORMAT: &str = "triplet bench run";
/// Counted up whenever older programs would misread a file. Since 2 rows may be of other losses than the
/// usual one.
const SCHEMA: u64 = 2;
/// The oldest that is read.
const OLDEST: u64 = 1;
/// No run is larger.
const MOST_BYTES: u64 = 256 << 20;

/// A run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Run {
    pub(super) format: String,
    pub(super) schema: u64,
    /// Of this program.
    pub(super) version: String,
    /// Of the sources that the program lies among, if it lies among its sources.
    pub(super) commit: Option<Commit>,
    /// UTC, as RFC 3339.
    pub(super) date: String,
    pub(super) command: String,
    pub(super) cpu: String,
    pub(super) cores: usize,
    pub(super) system: String,
    pub(super) architecture: String,
    /// Variables that change what products and threads do, as set for this program.
    pub(super) environment: BTreeMap<String, String>,
    /// Of the first input; every definition has its own.
    pub(super) seed: u64,
    /// Of Python, with versions.
    pub(super) libraries: Vec<String>,
    pub(super) peaks: Vec<Peak>,
    pub(super) entries: Vec<Measured>,
    pub(super) steps: Vec<MeasuredStep>,
}

/// A commit, and whether files differ from it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Commit {
    pub(super) id: String,
    pub(super) modified: bool,
}

impl Run {
    /// A run of this program that starts now.
    pub(super) fn start(seed: u64) -> Self {
        Self {
            format: FORMAT.to_owned(),
            schema: SCHEMA,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            commit: commit(),
            date: Utc::now().to_rfc3339_opts(SecondsFormat::Secs, true),
            command: command(),
            cpu: cpu_name(),
            cores: cores(),
            system: std::env::consts::OS.to_owned(),
            architecture: std::env::consts::ARCH.to_owned(),
            environment: environment::reported(),
            seed,
            libraries: Vec::new(),
            peaks: Vec::new(),
            entries: Vec::new(),
            steps: Vec::new(),
        }
    }

    /// Version, commit, date and CPU in a line.
    pub(super) fn title(&self) -> String {
        let commit = self.commit.as_ref().map_or_else(String::new, |commit| {
            let id: String = commit.id.chars().take(10).collect();
            format!(" ({id}{})", if commit.modified { ", modified" } else { "" })
        });
        let (version, date, cpu, cores) = (&self.version, &self.date, &self.cpu, self.cores);
        format!("triplet {version}{commit}, {date}, {cpu}, {cores} cores, {}", self.system)
    }

    /// One line of JSON for programs: everything but the rounds.
    pub(super) fn summary(&self, advice: &[String]) -> Value {
        let threads = self.entries.iter().map(|it| it.row.threads).max();
        json!({
            "version": self.version, "commit": self.commit, "date": self.date, "command": self.command,
            "cpu": self.cpu, "cores": self.cores, "threads": threads, "environment": self.environment,
            "libraries": self.libraries, "peaks": self.peaks, "seed": self.seed, "fastest_here": advice,
            "rows": self.entries.iter().map(|it| &it.row).collect::<Vec<_>>(),
            "steps": self.steps.iter().map(|it| &it.row).collect::<Vec<_>>(),
        })
    }

    /// Writes the run.
    pub(super) fn save(&self, out: &mut dyn Write) -> Result<()> {
        let text = serde_json::to_string(self)?;
        Ok(writeln!(out, "{text}")?)
    }

    /// Reads a run.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, is no run, was written in another schema, or holds a time that
    /// is none; each names the file, and the field.
    pub(super) fn read(path: &Path) -> Result<Self> {
        let name = path.display();
        let file = File::open(path).with_context(|| format!("cannot read {name}"))?;
        let mut text = Vec::new();
        file.take(MOST_BYTES + 1).read_to_end(&mut text).with_context(|| format!("cannot read {name}"))?;
        ensure!(
            text.len() as u64 <= MOST_BYTES,
            "{name} is no run of triplet bench: over {} MB",
            MOST_BYTES >> 20
        );
        Self::parse(&text).map_err(|error| anyhow!("{name} {error}"))
    }

    fn parse(text: &[u8]) -> Result<Self> {
        let hint = "give a file that triplet bench --save wrote";
        let value: Value = serde_json::from_slice(text)
            .map_err(|error| anyhow!("is no run of triplet bench ({error}): {hint}"))?;
        if value["format"] != FORMAT {
            bail!("is no run of triplet bench (its field format is not \"{FORMAT}\"): {hint}");
        }
        let Some(schema) = value["schema"].as_u64() else {
            bail!("is no run of triplet bench (its field schema is no whole number): {hint}");
        };
        if !(OLDEST..=SCHEMA).contains(&schema) {
            let by = value["version"].as_str().unwrap_or("an unknown version");
            bail!(
                "has schema {schema}, this program reads {OLDEST} to {SCHEMA}: compare with the triplet that wrote it ({})",
                by.chars().take(40).collect::<String>()
            );
        }
        let run: Self =
            serde_json::from_value(value).map_err(|error| anyhow!("is no run of triplet bench: {error}"))?;
        run.check()?;
        Ok(run)
    }

    /// Refuses what no run holds.
    fn check(&self) -> Result<()> {
        let check = |place: String, times: &[f64]| -> Result<()> {
            let wrong = times.iter().position(|ms| !(ms.is_finite() && *ms > 0.0));
            match wrong {
                Some(round) => {
                    bail!("has {} ms in {place}[{round}]: times are positive numbers", times[round])
                }
                None => Ok(()),
            }
        };
        for (index, entry) in self.entries.iter().enumerate() {
            check(format!("entries[{index}].loss_ms"), &entry.loss_ms)?;
            check(format!("entries[{index}].total_ms"), &entry.total_ms)?;
        }
        for (index, step) in self.steps.iter().enumerate() {
            check(format!("steps[{index}].step_ms"), &step.step_ms)?;
        }
        Ok(())
    }
}

/// The file to save a run to: the path itself, or in a folder one that date and CPU name.
pub(super) fn file_in(path: &Path) -> PathBuf {
    if !path.is_dir() {
        return path.to_owned();
    }
    path.join(format!("{}-{}.json", Utc::now().format("%Y-%m-%dT%H%M%SZ"), hyphenated(&cpu_name())))
}

/// A CPU's name as a part of a file name: `Intel(R) Xeon(R) CPU @ 2.70GHz` is `intel-xeon`.
fn hyphenated(cpu: &str) -> String {
    let name = cpu.split('@').next().unwrap_or_default().replace("(R)", "").replace("(TM)", "");
    let lower = name.to_lowercase();
    let words = lower.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let kept: Vec<&str> = words.filter(|word| !["cpu", "processor"].contains(word)).collect();
    if kept.is_empty() { "unknown-cpu".to_owned() } else { kept.join("-") }
}

/// The command line, from the name of this subcommand on.
fn command() -> String {
    let words: Vec<String> = std::env::args_os().map(|word| quoted(&word.to_string_lossy())).collect();
    let start = words.iter().position(|word| word == "bench").unwrap_or(words.len());
    let rest = &words[start..];
    if rest.is_empty() { "triplet bench".to_owned() } else { format!("triplet {}", rest.join(" ")) }
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_./,=+:@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

/// The commit of the folder that the program lies in, if that is this project's.
fn commit() -> Option<Commit> {
    let program = std::env::current_exe().ok()?;
    let folder = program.parent()?;
    let git = |arguments: &[&str]| {
        let output = Command::new("git").arg("-C").arg(folder).args(arguments).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let top = git(&["rev-parse", "--show-toplevel"])?;
    let mark = Path::new(&top).join("crates/triplet-core/Cargo.toml");
    if !mark.is_file() {
        return None;
    }
    let modified = !git(&["status", "--porcelain", "--untracked-files=no"])?.is_empty();
    Some(Commit { id: git(&["rev-parse", "HEAD"])?, modified })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::bench::row::{Kind, testing::row};

    fn run() -> Run {
        let mut run = Run::start(7);
        run.entries.push(row(Kind::Ours, "simd", 512, &[0.1, 0.123_456_789_012_345_6]));
        run
    }

    #[test]
    fn a_saved_run_comes_back() {
        let run = run();
        let saved = serde_json::to_string(&run).unwrap();
        let mut read = Run::parse(saved.as_bytes()).unwrap();
        // JSON's numbers are read to the last place but one.
        let (times, right) = (&read.entries[0].total_ms, &run.entries[0].total_ms);
        assert!(times.iter().zip(right).all(|(a, b)| (a / b - 1.0).abs() < 1e-15), "{times:?} {right:?}");
        read.entries = run.entries.clone();
        assert_eq!(serde_json::to_string(&read).unwrap(), saved);
    }

    #[test]
    fn what_is_no_run_is_refused_with_the_field() {
        type Change = fn(&mut Value);
        let refused = |change: Change| {
            let mut value = serde_json::to_value(run()).unwrap();
            change(&mut value);
            Run::parse(value.to_string().as_bytes()).unwrap_err().to_string()
        };
        let cases: [(Change, &str); 8] = [
            (|it| it["format"] = "something".into(), "its field format is not"),
            (|it| *it = json!([1, 2]), "its field format is not"),
            (|it| it["schema"] = "1".into(), "schema is no whole number"),
            (|it| it["schema"] = 3.into(), "has schema 3, this program reads 1 to 2"),
            (|it| it["schema"] = 0.into(), "has schema 0, this program reads 1 to 2"),
            (|it| drop(it.as_object_mut().unwrap().remove("cpu")), "missing field `cpu`"),
            (|it| it["entries"][0]["total_ms"][1] = (-1.0).into(), "-1 ms in entries[0].total_ms[1]"),
            (|it| it["entries"][0]["row"]["b"] = "x".into(), "invalid type: string \"x\""),
        ];
        for (change, fragment) in cases {
            let message = refused(change);
            assert!(message.contains(fragment) && message.len() < 300, "{fragment}: {message}");
        }
        assert!(Run::parse(b"no json").unwrap_err().to_string().contains("is no run of triplet bench"));
    }

    #[test]
    fn a_run_of_the_first_schema_is_read() {
        let mut old = serde_json::to_value(run()).unwrap();
        old["schema"] = 1.into();
        for key in ["definition", "differences"] {
            old["entries"][0]["row"].as_object_mut().unwrap().remove(key).unwrap();
        }
        let read = Run::parse(old.to_string().as_bytes()).unwrap();
        assert_eq!((&read.entries[0].row.definition, read.entries[0].row.differences.as_str()), (&None, ""));
    }

    #[test]
    fn a_folder_gets_a_file_of_date_and_cpu() {
        assert_eq!(hyphenated("Intel(R) Xeon(R) Platinum 8481C CPU @ 2.70GHz"), "intel-xeon-platinum-8481c");
        assert_eq!(hyphenated("AMD EPYC 7B13 64-Core Processor"), "amd-epyc-7b13-64-core");
        assert_eq!(hyphenated("(R)"), "unknown-cpu");
        assert_eq!(file_in(Path::new("no/such/file.json")), Path::new("no/such/file.json"));
        let folder = tempfile::tempdir().unwrap();
        let file = file_in(folder.path());
        assert_eq!(file.parent(), Some(folder.path()));
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        assert!(name.starts_with("20") && name[10..].starts_with('T') && name.ends_with(".json"), "{name}");
    }

    #[test]
    fn words_are_quoted_for_a_shell() {
        assert_eq!(quoted("--batch=1,2"), "--batch=1,2");
        assert_eq!(quoted("a b"), "'a b'");
        assert_eq!(quoted("it's"), "'it'\\''s'");
        assert_eq!(quoted(""), "''");
    }
}
