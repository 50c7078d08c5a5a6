//! States of mining jobs, whole and changed.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| triplet_fuzz::run("states", bytes));
