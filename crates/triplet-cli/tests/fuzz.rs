//! The corpus of every fuzz target, the inputs that once failed, and some hundred mutations of
//! them, without a fuzzer. `cargo xtask fuzz` runs one.

use triplet_fuzz::{Driver, TARGETS, check, corpus, regressions};

/// Seed of the mutations.
const SEED: u64 = 1;

/// Mutations of each target.
const MUTATIONS: usize = 150;

#[test]
fn the_corpus_and_what_once_failed_pass() {
    for &target in TARGETS {
        let cases = [corpus(target.name), regressions(target.name)].concat();
        assert!(!cases.is_empty(), "{} has no corpus", target.name);
        for case in &cases {
            if let Err(failure) = check(target, &case.bytes) {
                panic!("{}: {}: {}", target.name, case.path.display(), failure.message);
            }
        }
        println!("{}: {} inputs", target.name, cases.len());
    }
}

#[test]
fn mutations_of_the_corpus_pass() {
    for &target in TARGETS {
        let inputs = corpus(target.name).into_iter().map(|case| case.bytes).collect();
        let mut driver = Driver::new(target, inputs, SEED);
        for number in 0..MUTATIONS {
            if let Err(failure) = driver.step() {
                panic!(
                    "{}, seed {SEED}, mutation {number}: {}: {:?}",
                    target.name, failure.message, failure.bytes
                );
            }
        }
    }
}
