//! `cargo xtask mutants`: do the tests see faults that are put into the code?
//!
//! Two kinds: small ones in every function, by cargo-mutants, which the tests must see; and the
//! patches of testdata/mutants, which the cross-check alone must see.

mod patches;
mod tool;
mod tree;

use anyhow::Result;

/// Which faults.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The patches of testdata/mutants instead, one by one, each held against the cross-check.
    #[arg(long)]
    patches: bool,
    /// Batches of the cross-check for each patch: by default as many as all of them are seen in.
    #[arg(long, default_value_t = 226, requires = "patches")]
    batches: u64,
    /// Only patches whose names contain this.
    #[arg(long, requires = "patches")]
    only: Option<String>,
    /// Crates to put faults into.
    #[arg(long = "package", default_values = tool::PACKAGES, conflicts_with = "patches")]
    packages: Vec<String>,
    /// Further arguments of cargo-mutants, such as `--shard 0/8` or `--file`.
    #[arg(last = true, conflicts_with = "patches")]
    arguments: Vec<String>,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    if args.patches {
        patches::run(args.batches, args.only.as_deref())
    } else {
        tool::run(&args.packages, &args.arguments)
    }
}
