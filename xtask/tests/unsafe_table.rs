//! docs/verification.md lists every file of the crates that has `unsafe`, and how often.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

const PAGE: &str = "docs/verification.md";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Lines that begin an unsafe block, function or implementation.
fn count(source: &str) -> usize {
    let code = source.lines().map(str::trim_start).filter(|line| !line.starts_with("//"));
    let kinds = ["unsafe {", "unsafe fn", "unsafe impl", "unsafe extern"];
    code.filter(|line| kinds.iter().any(|kind| line.contains(kind))).count()
}

/// Files below a folder, tests left out.
fn collect(folder: &Path, found: &mut BTreeMap<String, usize>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.strip_prefix(root()).unwrap_or(&path).to_string_lossy().replace('\\', "/");
        if path.is_dir() {
            if !["tests", "benches", "examples"].iter().any(|left_out| path.ends_with(left_out)) {
                collect(&path, found)?;
            }
        } else if name.ends_with(".rs") {
            let unsafe_lines = count(&fs::read_to_string(&path)?);
            if unsafe_lines > 0 {
                found.insert(name, unsafe_lines);
            }
        }
    }
    Ok(())
}

#[test]
fn the_table_of_unsafe_code_is_complete() {
    let mut found = BTreeMap::new();
    collect(&root().join("crates"), &mut found).unwrap();
    assert!(!found.is_empty());
    let page = fs::read_to_string(root().join(PAGE)).unwrap();
    // Rows such as: | `crates/a/src/b.rs` | 3 | why |
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `crates/"));
    let listed: BTreeMap<String, usize> = rows
        .filter_map(|row| {
            let (name, rest) = row.split_once("` | ")?;
            Some((format!("crates/{name}"), rest.split(' ').next()?.parse().ok()?))
        })
        .collect();
    assert_eq!(listed, found, "{PAGE} and the sources");
}
