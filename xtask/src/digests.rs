//! `cargo xtask digests`: the recorded digests of answers, compared or written anew.

use anyhow::{Result, bail, ensure};
use triplet_api::{Backend, BackendOptions};
use triplet_testkit::digests::{Case, Digester, FILES, Recorded};

/// What to do with them.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Writes testdata/digests anew, from the answers of the scalar reference. What changes
    /// there is a change of the definition in docs/numerics.md.
    #[arg(long)]
    record: bool,
    /// Backend: scalar, simd or par.
    #[arg(long, default_value = "scalar")]
    backend: String,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let options = BackendOptions { backend: args.backend.parse::<Backend>()?, isa: None, threads: None };
    let mut digester = Digester::new(options)?;
    let mut different = 0;
    for file in FILES {
        let cases = Case::of_file(file)?;
        let pairs = cases.iter().map(|case| (case.name.clone(), digester.digests(case)));
        if args.record {
            let pairs: Vec<_> = pairs.collect();
            let changed = Recorded::write(file, &pairs)?;
            println!("{file}: {} cases recorded, {changed} of them new or changed", pairs.len());
            continue;
        }
        let recorded = Recorded::read(file)?;
        ensure!(recorded.len() == cases.len(), "{file}: {} recorded, {} cases", recorded.len(), cases.len());
        let wrong: Vec<String> = cases
            .iter()
            .zip(pairs)
            .filter_map(|(case, (_, found))| recorded.check(case, found).err())
            .collect();
        println!("{file}: {} cases, {} differ", cases.len(), wrong.len());
        if let Some(first) = wrong.first() {
            println!("  {first}");
        }
        different += wrong.len();
    }
    if different > 0 {
        bail!("{different} answers differ from the recorded ones");
    }
    Ok(())
}
