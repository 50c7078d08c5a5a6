//! Configurations: read, written, read again.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| triplet_fuzz::run("config", bytes));
