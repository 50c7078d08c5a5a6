//! Runs cargo-mutants, as `.cargo/mutants.toml` configures it, and sums its results up.

use anyhow::{Context, Result, ensure};
use std::{env, fs, path::Path, process::Command};

/// The crates whose code is safe, or mostly so.
pub(crate) const PACKAGES: [&str; 4] = ["triplet-core", "triplet-simd", "triplet-par", "triplet-api"];

/// The least share of faults that the tests must see.
const LEAST: f64 = 0.9;

/// Where cargo-mutants puts its folder `mutants.out`.
const OUTPUT: &str = "target/mutants";

pub(crate) fn run(packages: &[String], arguments: &[String]) -> Result<()> {
    let cargo = || Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    let version = cargo().args(["mutants", "--version"]).output().context("starting cargo")?;
    ensure!(version.status.success(), "cargo-mutants is not installed: cargo install cargo-mutants --locked");
    println!("{}", String::from_utf8_lossy(&version.stdout).trim());
    fs::create_dir_all(OUTPUT)?;
    // First each crate's own tests, which compile in seconds and see most of its faults; what they
    // miss is then held against the tests of all.
    let all = PACKAGES.iter().flat_map(|name| ["--test-package", name]);
    let rounds = [(Vec::new(), &[][..]), (all.collect(), &["--iterate"][..])];
    let mut seen_before = 0;
    for (tests, again) in rounds {
        let mut mutants = cargo();
        mutants.args(["mutants", "--no-shuffle", "--output", OUTPUT]).args(again).args(tests);
        mutants.args(packages.iter().flat_map(|name| ["--package", name])).args(arguments);
        let status = mutants.status()?;
        // 2 and 3 stand for faults that were missed, or that made a test hang: what is counted here.
        ensure!(matches!(status.code(), Some(0 | 2 | 3)), "cargo-mutants ended with {status}");
        let summary = Summary::read(&Path::new(OUTPUT).join("mutants.out"), seen_before)?;
        summary.print();
        // The second round leaves out what was caught, but tries again what did not end.
        seen_before += summary.caught.len();
        if again.is_empty() && !summary.missed.is_empty() {
            continue;
        }
        ensure!(summary.share() >= LEAST, "fewer than {:.0} % of the faults are seen", 100.0 * LEAST);
        break;
    }
    Ok(())
}

/// The faults by what became of them, in cargo-mutants's words.
struct Summary {
    /// Caught in the round before.
    before: usize,
    caught: Vec<String>,
    /// A test that does not end has seen the fault too.
    timeout: Vec<String>,
    missed: Vec<String>,
    unviable: Vec<String>,
}

impl Summary {
    fn read(folder: &Path, before: usize) -> Result<Self> {
        let list = |name: &str| -> Result<Vec<String>> {
            let path = folder.join(name).with_extension("txt");
            let text = fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
            Ok(text.lines().map(str::to_owned).collect())
        };
        Ok(Self {
            before,
            caught: list("caught")?,
            timeout: list("timeout")?,
            missed: list("missed")?,
            unviable: list("unviable")?,
        })
    }

    /// Those that were seen in this round.
    fn seen(&self) -> usize {
        self.caught.len() + self.timeout.len()
    }

    /// The share of the faults that compile which are seen; all of none.
    fn share(&self) -> f64 {
        let seen = self.before + self.seen();
        let all = seen + self.missed.len();
        if all == 0 { 1.0 } else { seen as f64 / all as f64 }
    }

    fn print(&self) {
        let [caught, timeout, missed, unviable] =
            [&self.caught, &self.timeout, &self.missed, &self.unviable].map(Vec::len);
        println!(
            "{caught} caught, {timeout} by a test that did not end, {missed} missed, {unviable} do not compile"
        );
        println!("{:.1} % seen", 100.0 * self.share());
        for fault in &self.missed {
            println!("  missed: {fault}");
        }
    }
}
