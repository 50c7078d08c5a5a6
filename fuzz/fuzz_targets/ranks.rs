//! Messages of another rank, changed on their way.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| triplet_fuzz::run("ranks", bytes));
