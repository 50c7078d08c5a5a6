//! Tables written in every format and read, whole and damaged.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| triplet_fuzz::run("tables", bytes));
