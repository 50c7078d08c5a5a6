//! `triplet`: train, evaluate and measure triplet losses.
#![forbid(unsafe_code)]

mod io;
mod train;

fn main() {}
