//! Cargo, started again, and where it builds.

use std::{env, path::PathBuf, process::Command};

/// The cargo that started this program.
pub(crate) fn cargo() -> Command {
    Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// The folder of everything that is built.
pub(crate) fn target() -> PathBuf {
    let default = concat!(env!("CARGO_MANIFEST_DIR"), "/../target");
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| default.into(), PathBuf::from)
}
