//! The corpus of every fuzz target, the inputs that once failed, and some hundred mutations of
//! them, without a fuzzer. `cargo xtask fuzz` runs one.

use triplet_fuzz::{Driver, Failure, TARGETS, check, corpus, regressions};

/// Seed of the mutations.
const SEED: u64 = 1;

/// Mutations of each target.
const MUTATIONS: usize = 150;

/// Fails with all messages, if there are any.
fn none(failures: &[String]) {
    assert!(failures.is_empty(), "{} targets or inputs failed:\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn the_corpus_and_what_once_failed_pass() {
    let mut failures = Vec::new();
    for &target in TARGETS {
        let cases = [corpus(target.name), regressions(target.name)].concat();
        assert!(!cases.is_empty(), "{} has no corpus", target.name);
        for case in &cases {
            if let Err(failure) = check(target, &case.bytes) {
                failures.push(format!("{}: {}: {}", target.name, case.path.display(), failure.message));
            }
        }
        println!("{}: {} inputs", target.name, cases.len());
    }
    none(&failures);
}

#[test]
fn mutations_of_the_corpus_pass() {
    let mut failures = Vec::new();
    for &target in TARGETS {
        let inputs = corpus(target.name).into_iter().map(|case| case.bytes).collect();
        let mut driver = Driver::new(target, inputs, SEED);
        let failed = (0..MUTATIONS).find_map(|number| Some((number, driver.step().err()?)));
        if let Some((number, Failure { bytes, message })) = failed {
            failures.push(format!("{}, seed {SEED}, mutation {number}: {message}: {bytes:?}", target.name));
        }
    }
    none(&failures);
}
