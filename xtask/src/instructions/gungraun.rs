//! The counts of `benches/instructions.rs`: its run through `cargo bench`, and what gungraun says of it.

use crate::profiles::root;
use anyhow::{Context, Result, anyhow, bail, ensure};
use serde_json::Value;
use std::{collections::BTreeMap, env, ffi::OsString, fs, process::Command};
use triplet_benches::COUNTED;

/// Instructions of each call of [`COUNTED`].
pub(super) fn counts() -> Result<BTreeMap<String, u64>> {
    has_runner()?;
    let output = Command::new(env!("CARGO"))
        .args(["bench", "--quiet", "--package", "triplet-benches", "--bench", "instructions"])
        .args(["--", "--output-format=json"])
        .current_dir(root())
        .output()?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "benches/instructions.rs failed ({}):\n{errors}", output.status);
    read(&String::from_utf8(output.stdout)?)
}

/// Reads gungraun's summaries, one JSON object a line. Every call must be there once.
fn read(text: &str) -> Result<BTreeMap<String, u64>> {
    let mut counts = BTreeMap::new();
    for line in text.lines().filter(|line| line.starts_with('{')) {
        let summary: Value = serde_json::from_str(line).context("gungraun's summary")?;
        let (call, count) = one(&summary).with_context(|| format!("not a summary of gungraun's: {line}"))?;
        ensure!(counts.insert(call.to_owned(), count).is_none(), "{call} was counted twice");
    }
    for call in COUNTED {
        ensure!(counts.contains_key(call), "gungraun did not count {call}");
    }
    Ok(counts)
}

/// The call of a summary, and its instructions, which are not 0.
fn one(summary: &Value) -> Option<(&'static str, u64)> {
    // `call_7` is the eighth of the list.
    let place: usize = summary["id"].as_str()?.strip_prefix("call_")?.parse().ok()?;
    let profile = summary["profiles"].as_array()?.iter().find(|profile| profile["tool"] == "Callgrind")?;
    let count = profile["data"]["total"]["metrics"]["Ir"]["values"]["new"].as_u64()?;
    Some((*COUNTED.get(place)?, count)).filter(|&(_, count)| count > 0)
}

/// Whether the runner is here, in the version that the benchmark is compiled with.
fn has_runner() -> Result<()> {
    let lock = fs::read_to_string(root().join("Cargo.lock"))?;
    let version = locked(&lock).context("no gungraun in Cargo.lock")?;
    let install = format!("cargo install gungraun-runner --version {version} --locked");
    // What the benchmark starts, too.
    let runner = env::var_os("GUNGRAUN_RUNNER").unwrap_or_else(|| OsString::from("gungraun-runner"));
    let output = Command::new(runner).arg("--version").output();
    let output = output.map_err(|error| anyhow!("cannot run gungraun-runner ({error}): {install}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let here = text.trim().strip_prefix("gungraun-runner ").unwrap_or("of an unknown version");
    if here != version {
        bail!("gungraun-runner here is {here}, the benchmark's gungraun {version}: {install}");
    }
    Ok(())
}

/// The version of gungraun in a `Cargo.lock`.
fn locked(lock: &str) -> Option<&str> {
    let (_, rest) = lock.split_once("name = \"gungraun\"\nversion = \"")?;
    Some(rest.split_once('"')?.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary(place: usize, count: u64) -> String {
        format!(
            r#"{{"id":"call_{place}","profiles":[{{"tool":"Callgrind","data":{{"total":{{"metrics":{{"Ir":{{"values":{{"new":{count},"old":1}}}}}}}}}}}}]}}"#
        )
    }

    fn all(count: impl Fn(usize) -> u64) -> String {
        (0..COUNTED.len()).map(|place| summary(place, count(place)) + "\n").collect()
    }

    #[test]
    fn summaries_become_counts_by_call() {
        let counts = read(&all(|place| 100 + place as u64)).unwrap();
        assert_eq!(counts.len(), COUNTED.len());
        assert_eq!(counts[COUNTED[7]], 107);
    }

    #[test]
    fn missing_repeated_empty_and_unknown_counts_are_errors() {
        let text = all(|_| 1);
        assert!(read(text.split_once('\n').unwrap().1).is_err());
        assert!(read(&format!("{text}{}", summary(0, 1))).is_err());
        assert!(read(&all(|place| u64::from(place != 3))).is_err());
        assert!(read(&format!("{text}{}", summary(COUNTED.len(), 1))).is_err());
        assert!(read(&text.replace("Callgrind", "DHAT")).is_err());
    }

    #[test]
    fn the_runner_has_the_version_of_the_crate() {
        let lock = "[[package]]\nname = \"gungraun-macros\"\nversion = \"1\"\n\n\
                    [[package]]\nname = \"gungraun\"\nversion = \"2.3.4\"\nsource = \"x\"\n";
        assert_eq!(locked(lock), Some("2.3.4"));
        assert_eq!(locked("[[package]]\nname = \"gungraun-macros\"\nversion = \"1\"\n"), None);
    }
}
