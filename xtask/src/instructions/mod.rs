//! `cargo xtask instructions`: instruction counts, which no busy machine can blur, against
//! those recorded in `benches/instructions.json`.

mod gungraun;

use crate::profiles::{root, valgrind};
use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, env, fs, process::Command};

/// How much a count may grow: less than 1 % is what another layout of the same code gives.
const ALLOWED: f64 = 1.01;

/// Compares or records.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Write the counts to benches/instructions.json instead of comparing with it.
    #[arg(long)]
    record: bool,
}

/// What is kept in the repository.
#[derive(Debug, Serialize, Deserialize)]
struct Record {
    /// What `rustc --version` says: another compiler gives other counts.
    compiler: String,
    /// What `valgrind --version` says.
    valgrind: String,
    /// Instructions of one call, by instruction set, rule, distance, rows, rows a class and part.
    instructions: BTreeMap<String, u64>,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let Some(valgrind) = valgrind() else { bail!("no valgrind found: install the package valgrind") };
    let here = Record { compiler: compiler()?, valgrind, instructions: gungraun::counts()? };
    let file = root().join("benches/instructions.json");
    if args.record {
        fs::write(&file, serde_json::to_string_pretty(&here)? + "\n")?;
        println!("{} counts recorded", here.instructions.len());
        return Ok(());
    }
    let text = fs::read_to_string(&file).with_context(|| format!("no record: {}", file.display()))?;
    compare(&serde_json::from_str(&text)?, &here)
}

/// Fails where a count has grown, or the two lists differ; by another compiler nothing is judged.
fn compare(recorded: &Record, here: &Record) -> Result<()> {
    let mut grown = 0;
    for (name, &count) in &here.instructions {
        match recorded.instructions.get(name) {
            Some(&before) => {
                let ratio = count as f64 / before as f64;
                let more = ratio > ALLOWED;
                grown += usize::from(more);
                println!("{count:12} {ratio:.4} {name}{}", if more { "  <- grown" } else { "" });
            }
            None => {
                grown += 1;
                println!("{count:12}        {name}  <- not recorded");
            }
        }
    }
    for name in recorded.instructions.keys().filter(|name| !here.instructions.contains_key(*name)) {
        grown += 1;
        println!("recorded, but not counted: {name}");
    }
    if recorded.compiler != here.compiler {
        println!("not judged: recorded with {}, here is {}", recorded.compiler, here.compiler);
        return Ok(());
    }
    ensure!(
        grown == 0,
        "{grown} counts differ from the record by more than 1 %: if that is meant, say why in the commit and \
         run `cargo xtask instructions --record`"
    );
    Ok(())
}

/// The compiler that cargo uses.
fn compiler() -> Result<String> {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc).arg("--version").output().context("cannot run rustc")?;
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(compiler: &str, counts: &[(&str, u64)]) -> Record {
        let instructions = counts.iter().map(|&(name, count)| (name.to_owned(), count)).collect();
        Record { compiler: compiler.to_owned(), valgrind: String::new(), instructions }
    }

    #[test]
    fn only_growth_beyond_one_per_cent_fails() {
        let recorded = record("a", &[("x", 1000)]);
        assert!(compare(&recorded, &record("a", &[("x", 1010)])).is_ok());
        assert!(compare(&recorded, &record("a", &[("x", 500)])).is_ok());
        assert!(compare(&recorded, &record("a", &[("x", 1011)])).is_err());
    }

    #[test]
    fn a_call_without_record_and_a_record_without_call_fail() {
        let recorded = record("a", &[("x", 1000)]);
        assert!(compare(&recorded, &record("a", &[("x", 1000), ("y", 1)])).is_err());
        assert!(compare(&recorded, &record("a", &[])).is_err());
    }

    #[test]
    fn another_compiler_is_not_judged() {
        assert!(compare(&record("a", &[("x", 1000)]), &record("b", &[("x", 2000)])).is_ok());
    }
}
