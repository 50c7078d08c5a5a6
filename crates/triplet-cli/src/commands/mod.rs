//! The subcommands, one file or folder each.

pub(crate) mod bench;
pub(crate) mod info;
pub(crate) mod loss;
pub(crate) mod mine;
