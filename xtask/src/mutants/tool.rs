//! Runs cargo-mutants, as `.cargo/mutants.toml` configures it, and sums its results up.

use crate::cargo::cargo;
use anyhow::{Context, Result, ensure};
use std::{fs, path::Path};

/// The crates whose code is safe, or mostly so.
pub(crate) const PACKAGES: [&str; 6] =
    ["triplet-core", "triplet-simd", "triplet-par", "triplet-api", "triplet-dataset", "triplet-openmp"];

/// The least share of faults that the tests must see.
const LEAST: f64 = 0.95;

/// Where cargo-mutants puts its folder `mutants.out`.
const OUTPUT: &str = "target/mutants";

/// Arguments that say which faults are tried; each is followed by its value.
const SELECTING: [&str; 10] =
    ["--shard", "--sharding", "--file", "-f", "--re", "-F", "--exclude", "-e", "--exclude-re", "-E"];

pub(crate) fn run(packages: &[String], arguments: &[String]) -> Result<()> {
    let version = cargo().args(["mutants", "--version"]).output().context("starting cargo")?;
    ensure!(version.status.success(), "cargo-mutants is not installed: cargo install cargo-mutants --locked");
    println!("{}", String::from_utf8_lossy(&version.stdout).trim());
    fs::create_dir_all(OUTPUT)?;
    // First each crate's own tests, which compile in seconds and see most of its faults; what they
    // miss is then held against the tests of all.
    let own = round(packages, arguments)?;
    own.print("own tests");
    let mut seen = own.seen();
    if !own.missed.is_empty() {
        let all = PACKAGES.iter().flat_map(|name| ["--test-package", name]).map(str::to_owned);
        // By name: a shard of what is left would not be what is left of the shard.
        let missed = own.missed.iter().flat_map(|name| ["--re".to_owned(), exactly(name)]);
        let again: Vec<String> = all.chain(missed).chain(not_selecting(arguments)).collect();
        let others = round(packages, &again)?;
        others.print("what they miss, by the tests of all crates");
        seen += others.seen();
    }
    let all = own.seen() + own.missed.len();
    let share = if all == 0 { 1.0 } else { seen as f64 / all as f64 };
    println!("{seen} of {all} seen: {:.1} %", 100.0 * share);
    ensure!(share >= LEAST, "fewer than {:.0} % of the faults are seen", 100.0 * LEAST);
    Ok(())
}

/// One run of cargo-mutants.
fn round(packages: &[String], arguments: &[String]) -> Result<Summary> {
    let mut mutants = cargo();
    mutants.args(["mutants", "--no-shuffle", "--output", OUTPUT]);
    mutants.args(packages.iter().flat_map(|name| ["--package", name])).args(arguments);
    // Each fault is compiled and linked anew: nobody debugs it.
    let status = mutants.env("CARGO_PROFILE_DEV_DEBUG", "0").status()?;
    // 2 and 3 stand for faults that were missed, or that made a test hang: what is counted here.
    ensure!(matches!(status.code(), Some(0 | 2 | 3)), "cargo-mutants ended with {status}");
    Summary::read(&Path::new(OUTPUT).join("mutants.out"))
}

/// A regular expression that matches this name alone.
fn exactly(name: &str) -> String {
    let mut expression = "^".to_owned();
    for letter in name.chars() {
        if r"\.+*?()|[]{}^$#&-~".contains(letter) {
            expression.push('\\');
        }
        expression.push(letter);
    }
    expression + "$"
}

/// The arguments but those that select.
fn not_selecting(arguments: &[String]) -> Vec<String> {
    let mut kept = Vec::new();
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        if SELECTING.contains(&argument.as_str()) {
            arguments.next();
        } else if !SELECTING.iter().any(|name| argument.starts_with(&format!("{name}="))) {
            kept.push(argument.clone());
        }
    }
    kept
}

/// The faults of a run by what became of them, in cargo-mutants's words.
struct Summary {
    caught: Vec<String>,
    /// A test that does not end has seen the fault too.
    timeout: Vec<String>,
    missed: Vec<String>,
    unviable: Vec<String>,
}

impl Summary {
    fn read(folder: &Path) -> Result<Self> {
        let list = |name: &str| -> Result<Vec<String>> {
            let path = folder.join(name).with_extension("txt");
            let text = fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
            Ok(text.lines().map(str::to_owned).collect())
        };
        Ok(Self {
            caught: list("caught")?,
            timeout: list("timeout")?,
            missed: list("missed")?,
            unviable: list("unviable")?,
        })
    }

    fn seen(&self) -> usize {
        self.caught.len() + self.timeout.len()
    }

    fn print(&self, tests: &str) {
        let [caught, timeout, missed, unviable] =
            [&self.caught, &self.timeout, &self.missed, &self.unviable].map(Vec::len);
        println!(
            "{tests}: {caught} caught, {timeout} by a test that did not end, {missed} missed, {unviable} do not compile"
        );
        for fault in &self.missed {
            println!("  missed: {fault}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_round_tries_the_same_faults_whatever_selected_them() {
        let arguments = ["-j", "2", "--shard", "0/7", "--sharding=round-robin", "-f", "a.rs", "--timeout=9"];
        assert_eq!(not_selecting(&arguments.map(str::to_owned)), ["-j", "2", "--timeout=9"]);
    }

    #[test]
    fn a_name_is_matched_to_the_letter() {
        let name = "a-b/c.rs:1:2: replace + with * in <impl A<'_> for B>::f -> (u32, [T])";
        let expected = r"^a\-b/c\.rs:1:2: replace \+ with \* in <impl A<'_> for B>::f \-> \(u32, \[T\]\)$";
        assert_eq!(exactly(name), expected);
    }
}
