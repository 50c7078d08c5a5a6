//! Faults kept as patches: the comparison of the engines with the reference must see each.

use super::tree::{Ended, Tree};
use anyhow::{Context, Result, bail, ensure};
use std::{
    fs,
    io::Write as _,
    path::PathBuf,
    time::{Duration, Instant},
};

const FOLDER: &str = "testdata/mutants";

/// What the cross-check made of a fault.
enum Outcome {
    /// The comparison ends with this message.
    Seen(String),
    /// The comparison does not end.
    SeenByHanging,
    /// The comparison passes, but the recorded digests differ: engines and reference share it.
    SeenByDigests(String),
    /// Nothing differs.
    NotSeen,
}

pub(crate) fn run(batches: u64, only: Option<&str>) -> Result<()> {
    let patches = patches(only)?;
    ensure!(!patches.is_empty(), "no such patch in {FOLDER}");
    let tree = Tree::copy()?;
    println!("{} patches, {batches} batches each; first none of them", patches.len());
    tree.build().context("the tree as it is does not compile")?;
    let start = Instant::now();
    // No fault makes it slower by more without hanging; a loaded machine may be slower too.
    match tree.cross_check(batches, true, Duration::from_secs(3600))? {
        Ended::Passed => {}
        Ended::Failed(message) => bail!("the cross-check fails without a patch: {message}"),
        Ended::Hung => bail!("the cross-check does not end without a patch"),
    }
    let limit = Duration::from_secs(60) + 10 * start.elapsed();
    let mut unseen = 0;
    for patch in &patches {
        let name = patch.file_stem().unwrap_or_default().to_string_lossy();
        tree.apply(patch, false)?;
        tree.build().with_context(|| format!("{name} does not compile"))?;
        let outcome = outcome(&tree, batches, limit)?;
        tree.apply(patch, true)?;
        unseen += usize::from(matches!(outcome, Outcome::SeenByDigests(_) | Outcome::NotSeen));
        println!("| {name} | {} |", describe(&outcome));
        std::io::stdout().flush()?;
    }
    println!("{} of {} seen by the comparison", patches.len() - unseen, patches.len());
    ensure!(unseen == 0, "{unseen} faults change what all engines and the reference answer, or nothing");
    Ok(())
}

/// The patches, by name.
fn patches(only: Option<&str>) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(FOLDER).with_context(|| format!("reading {FOLDER}"))?;
    let mut patches: Vec<PathBuf> = entries.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    let wanted = |path: &PathBuf| only.is_none_or(|part| path.to_string_lossy().contains(part));
    patches.retain(|path| path.extension().is_some_and(|extension| extension == "patch") && wanted(path));
    patches.sort();
    Ok(patches)
}

fn outcome(tree: &Tree, batches: u64, limit: Duration) -> Result<Outcome> {
    Ok(match tree.cross_check(batches, false, limit)? {
        Ended::Failed(message) => Outcome::Seen(message),
        Ended::Hung => Outcome::SeenByHanging,
        Ended::Passed => match tree.cross_check(batches, true, limit)? {
            Ended::Failed(message) => Outcome::SeenByDigests(message),
            Ended::Passed | Ended::Hung => Outcome::NotSeen,
        },
    })
}

fn describe(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Seen(message) => format!("{} | {message}", batch(message)),
        Outcome::SeenByHanging => "seen | the comparison does not end".to_owned(),
        Outcome::SeenByDigests(message) => format!("**not seen**, but by the digests | {message}"),
        Outcome::NotSeen => "**not seen** |".to_owned(),
    }
}

/// Where the comparison sees a fault: the batch that its message names.
fn batch(message: &str) -> String {
    let number = message.split_once(", batch ").and_then(|(_, after)| after.split_once(')'));
    number.map_or_else(|| "seen".to_owned(), |(number, _)| format!("seen in batch {number}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    /// A patch that no longer fits what it changes must be stated anew with the change.
    #[test]
    fn every_patch_applies() {
        let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
        let mut patches: Vec<PathBuf> =
            fs::read_dir(format!("{root}/{FOLDER}")).unwrap().map(|entry| entry.unwrap().path()).collect();
        patches.retain(|path| path.extension().is_some_and(|extension| extension == "patch"));
        assert!(patches.len() > 20);
        for patch in patches {
            let mut git = Command::new("git");
            git.current_dir(root).args(["apply", "--check"]).arg(&patch);
            match git.output() {
                Ok(output) => {
                    let errors = String::from_utf8_lossy(&output.stderr);
                    assert!(output.status.success(), "{}: {errors}", patch.display());
                }
                Err(error) => return eprintln!("NOT covered, no git: {error}"),
            }
        }
    }
}
