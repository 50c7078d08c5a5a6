//! `cargo xtask` compiles its package alone, and the wheel its own, each with the features that they turn on; what other
//! members of the workspace need of the same crates is another build of them and of everything above. Cargo's choice of
//! features for the whole workspace is not stable yet: until then they ask for the same.

use std::{collections::BTreeSet, process::Command};

/// Every crate with its version and features.
fn crates(selection: &[&str]) -> BTreeSet<String> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let output = Command::new(cargo)
        .args(["tree", "--offline", "--locked", "--prefix", "none", "--format", "{p} {f}"])
        .args(selection)
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    // The mark of what was listed before, and members, whose own features differ.
    text.lines()
        .map(|line| line.trim_end_matches(" (*)").trim_end().to_owned())
        .filter(|line| !line.is_empty() && !line.contains("(/") && !line.contains(":\\"))
        .collect()
}

#[test]
fn parts_of_the_workspace_are_compiled_with_the_features_of_the_whole() {
    // What `cargo xtask test` compiles where there is an MPI, and where there is none.
    let mpi: [&[&str]; 2] = [&["--features", "triplet-cli/mpi,triplet-testkit/mpi"], &[]];
    for features in mpi {
        let whole = crates(&[&["--workspace", "--edges", "normal,build,dev"], features].concat());
        for part in [["xtask", ""], ["triplet-python", "shared-build"]] {
            let selection = ["--package", part[0], "--features", part[1], "--edges", "normal,build"];
            let own = crates(&selection);
            let others: Vec<&String> = own.difference(&whole).collect();
            assert!(own.len() > 20, "{own:?}");
            assert!(
                others.is_empty(),
                "{}: the workspace has other features of {others:#?}: turn them on in its Cargo.toml",
                part[0]
            );
        }
    }
}
