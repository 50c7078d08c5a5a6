//! Parquet and Arrow.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| triplet_fuzz::run("columns", bytes));
