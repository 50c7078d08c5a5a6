//! The subcommands, one file each.

pub(crate) mod bench;
pub(crate) mod bench_child;
pub(crate) mod info;
pub(crate) mod loss;
mod product;
mod shape;
