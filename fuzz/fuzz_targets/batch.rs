//! Every engine against the reference: losses, triplets, gradients.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| triplet_fuzz::run("batch", bytes));
