//! `cargo xtask supply`: what the packages are made of, and whether they come out the same when made again.

use crate::cargo::{cargo, target};
use anyhow::{Context, Result, ensure};
use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// Which checks.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Builds the wheel twice, from two copies of the committed tree in folders of different names, with nothing shared but cargo's
    /// registry, and compares them to the byte, then file by file; looks for the list of components (`CycloneDX`) in it. Two release builds.
    #[arg(long)]
    wheel: bool,
    /// A copy of the `RustSec` advisory database, for machines that cannot fetch it: a git repository.
    #[arg(long)]
    advisories: Option<PathBuf>,
}

const ADVISORIES: &str = "https://github.com/RustSec/advisory-db";

pub(crate) fn run(args: &Args) -> Result<()> {
    build_scripts()?;
    deny(args.advisories.as_deref())?;
    pip()?;
    if args.wheel { wheels() } else { Ok(()) }
}

/// Build scripts of published crates run on users' machines: there are none.
fn build_scripts() -> Result<()> {
    let listed = cargo().args(["metadata", "--no-deps", "--format-version", "1"]).output()?;
    ensure!(listed.status.success(), "cargo metadata failed");
    let metadata: serde_json::Value = serde_json::from_slice(&listed.stdout)?;
    let packages = metadata["packages"].as_array().context("no packages")?;
    let with_script: Vec<&str> = packages
        .iter()
        .filter(|package| {
            let targets = package["targets"].as_array();
            targets.into_iter().flatten().any(|target| target["kind"][0] == "custom-build")
        })
        .filter_map(|package| package["name"].as_str())
        .collect();
    ensure!(with_script.is_empty(), "these crates have build scripts: {}", with_script.join(", "));
    println!("{} crates of the workspace, none with a build script", packages.len());
    Ok(())
}

/// Licences, advisories, duplicates and sources of every dependency, as deny.toml has them.
fn deny(advisories: Option<&Path>) -> Result<()> {
    let there = cargo().args(["deny", "--version"]).stderr(Stdio::null()).output();
    if !there.is_ok_and(|output| output.status.success()) {
        println!("NOT covered, no cargo-deny: cargo install cargo-deny --locked");
        return Ok(());
    }
    let mut deny = cargo();
    deny.args(["deny", "--workspace", "--all-features", "--locked"]);
    let folder = tempfile::tempdir()?;
    if let Some(copy) = advisories {
        let copy = fs::canonicalize(copy).context("the copy of the advisories")?;
        let config = folder.path().join("deny.toml");
        let lines = format!("[advisories]\ngit-fetch-with-cli = true\ndb-path = {:?}\n", folder.path());
        fs::write(&config, fs::read_to_string("deny.toml")?.replace("[advisories]\n", &lines))?;
        deny.arg("--config").arg(config);
        deny.env("GIT_CONFIG_COUNT", "1")
            .env("GIT_CONFIG_KEY_0", format!("url.file://{}.insteadOf", copy.display()))
            .env("GIT_CONFIG_VALUE_0", ADVISORIES);
    }
    deny.arg("check");
    let status = deny.status().context("starting cargo deny")?;
    ensure!(status.success(), "cargo deny found what deny.toml does not allow");
    Ok(())
}

/// What the Python package is tested with. What it needs itself is NumPy alone, of any version since 1.23.
const REQUIREMENTS: &str = "crates/triplet-python/requirements/test.txt";

/// Advisories of the Python side.
fn pip() -> Result<()> {
    let there = Command::new("pip-audit").arg("--version").stdout(Stdio::null()).status();
    if there.is_err() {
        println!("NOT covered, no pip-audit: python -m pip install pip-audit");
        return Ok(());
    }
    let mut audit = Command::new("pip-audit");
    // Strict: a package that the index knows no advisories of has not been checked.
    audit.args([
        "--strict",
        "--no-deps",
        "--disable-pip",
        "--progress-spinner=off",
        "--requirement",
        REQUIREMENTS,
    ]);
    ensure!(audit.status()?.success(), "pip-audit found advisories, or could not ask for them");
    Ok(())
}

/// Builds two wheels and compares them.
fn wheels() -> Result<()> {
    let folder = target().join("supply");
    let _ = fs::remove_dir_all(&folder);
    let mut wheels = Vec::new();
    for name in ["a", "another folder"] {
        println!("building the wheel in {}", folder.join(name).display());
        wheels.push(wheel(&folder.join(name))?);
    }
    let [first, second] = [&wheels[0], &wheels[1]].map(fs::read);
    let (first, second) = (first?, second?);
    let name = wheels[0].file_name().unwrap_or_default().to_string_lossy();
    println!("{name}: {} bytes", first.len());
    components(&wheels[0], &folder)?;
    if first == second {
        println!("two builds of it are the same to the byte");
        return Ok(());
    }
    let trees = ["first", "second"].map(|place| folder.join("differs").join(place));
    for (tree, wheel) in trees.iter().zip(&wheels) {
        unpack(wheel, tree)?;
    }
    let [first, second] = [contents(&trees[0])?, contents(&trees[1])?];
    let differs = |name: &&String| first.get(*name) != second.get(*name);
    let names: BTreeSet<&String> = first.keys().chain(second.keys()).collect();
    let differing: Vec<&String> = names.into_iter().filter(differs).collect();
    ensure!(
        differing.is_empty(),
        "the two wheels differ, and are unpacked in {}: {differing:?}",
        folder.display()
    );
    println!(
        "two builds of it are the same, file by file, but for what maturin puts into the list of components:"
    );
    println!("  a number at random, the time, the folder of the build; and its line in RECORD");
    Ok(())
}

/// The files of an unpacked wheel. Of the list of components without what says which build it was, which nothing turns off.
fn contents(wheel: &Path) -> Result<BTreeMap<String, Vec<u8>>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![wheel.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let name = path.strip_prefix(wheel)?.display().to_string();
            let bytes = fs::read(&path)?;
            let bytes = if name.contains("/sboms/") {
                without_build(&bytes)?
            } else if name.ends_with("/RECORD") {
                String::from_utf8(bytes)?
                    .lines()
                    .filter(|line| !line.contains("/sboms/"))
                    .collect::<String>()
                    .into()
            } else {
                bytes
            };
            files.insert(name, bytes);
        }
    }
    Ok(files)
}

/// A list of components without its number, its time and the folder in the names of the workspace's crates.
fn without_build(list: &[u8]) -> Result<Vec<u8>> {
    let mut bom: serde_json::Value = serde_json::from_slice(list)?;
    let fields = bom.as_object_mut().context("a list of components that is no object")?;
    fields.remove("serialNumber");
    if let Some(metadata) = fields.get_mut("metadata").and_then(serde_json::Value::as_object_mut) {
        metadata.remove("timestamp");
    }
    let text = bom.to_string();
    let places = ["a", "another folder", "another%20folder"].map(|name| format!("/{name}/tree/"));
    let mut short = String::new();
    for part in text.split('"') {
        // What stands before the tree, whichever of the two folders it is in.
        let place = places.iter().find_map(|place| part.find(place.as_str()).map(|at| at + place.len()));
        short.push_str(place.map_or(part, |at| &part[at..]));
        short.push('"');
    }
    Ok(short.into_bytes())
}

/// Builds the wheel from a copy of what is committed.
fn wheel(folder: &Path) -> Result<PathBuf> {
    let tree = folder.join("tree");
    fs::create_dir_all(&tree)?;
    let tree = tree.canonicalize()?;
    let mut archive = Command::new("git").args(["archive", "HEAD"]).stdout(Stdio::piped()).spawn()?;
    let packed = archive.stdout.take().context("no archive")?;
    let unpacked = Command::new("tar").arg("-x").current_dir(&tree).stdin(packed).status()?;
    ensure!(archive.wait()?.success() && unpacked.success(), "copying the tree failed");
    let time = Command::new("git").args(["log", "-1", "--format=%ct"]).output()?;
    let time = String::from_utf8(time.stdout)?;
    let registry = env::var("CARGO_HOME").or_else(|_| env::var("HOME").map(|home| home + "/.cargo"))?;
    let out = folder.join("wheels");
    let status = Command::new("maturin")
        .args(["build", "--quiet", "--release", "--locked", "--auditwheel", "skip", "--out"])
        .arg(&out)
        .current_dir(tree.join("crates/triplet-python"))
        .env("CARGO_TARGET_DIR", folder.join("target"))
        .env("SOURCE_DATE_EPOCH", time.trim())
        .env("CARGO_ENCODED_RUSTFLAGS", remapped(&tree, Path::new(&registry)))
        .status()
        .context("starting maturin: python -m pip install maturin, and have it on the path")?;
    ensure!(status.success(), "maturin failed");
    let wheel = fs::read_dir(out)?.next().context("maturin left no wheel")??;
    Ok(wheel.path())
}

/// The flags of rustc that keep folders of this machine out of what it writes.
fn remapped(tree: &Path, registry: &Path) -> String {
    let flag = |from: &Path, to: &str| format!("--remap-path-prefix={}={to}", from.display());
    [flag(tree, "/triplet"), flag(registry, "/cargo")].join("\u{1f}")
}

/// Counts the components that the wheel lists.
fn components(wheel: &Path, folder: &Path) -> Result<()> {
    let unpacked = folder.join("unpacked");
    unpack(wheel, &unpacked)?;
    let mut lists = Vec::new();
    for entry in fs::read_dir(&unpacked)? {
        let boms = entry?.path().join("sboms");
        lists.extend(fs::read_dir(boms).into_iter().flatten().map(|entry| entry.map(|entry| entry.path())));
    }
    let list = lists.into_iter().next().context("the wheel has no list of components")??;
    let bom: serde_json::Value = serde_json::from_slice(&fs::read(list)?)?;
    let components = bom["components"].as_array().context("a list without components")?;
    let unlicensed: Vec<&str> = components
        .iter()
        .filter(|component| component["licenses"].as_array().is_none_or(Vec::is_empty))
        .filter_map(|component| component["name"].as_str())
        .collect();
    ensure!(!components.is_empty() && unlicensed.is_empty(), "without a licence: {}", unlicensed.join(", "));
    println!("its list of components (CycloneDX) has {}, each with its licence", components.len());
    Ok(())
}

fn unpack(wheel: &Path, folder: &Path) -> Result<()> {
    let status = Command::new("python3").args(["-m", "zipfile", "-e"]).arg(wheel).arg(folder).status()?;
    ensure!(status.success(), "unpacking {} failed", wheel.display());
    Ok(())
}
