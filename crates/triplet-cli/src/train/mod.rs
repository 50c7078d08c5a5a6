//! `triplet train`.
