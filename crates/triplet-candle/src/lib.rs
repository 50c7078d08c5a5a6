//! Triplet losses as candle operations with a backward pass.
#![forbid(unsafe_code)]
