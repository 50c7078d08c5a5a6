//! `triplet bench compare`: saved runs against the first one.

mod lines;
mod table;

use super::record::Run;
use crate::output;
use anyhow::{Result, ensure};
use clap::Args;
use lines::lines;
use serde_json::json;
use std::path::PathBuf;

const HELP: &str = "\
Save runs, then compare them; every file is compared with the first:
  triplet bench --batch 512,4096 --reps 50 --save before.json
  triplet bench --batch 512,4096 --reps 50 --save after.json
  triplet bench compare before.json after.json

ratio           the median round of a file over that of the first: 0.8 takes a fifth less time
99 % interval   where that ratio falls in 99 of 100 cases when the rounds of both files are drawn
                again with replacement (2000 times)
verdict         faster or slower if the whole interval lies more than 2 % from 1; no difference
                if it lies within 2 %; else not shown. Fewer than 5 rounds on a side are too few

The interval knows the noise among a run's rounds, not what changes between runs: another clock
frequency, other users of the machine. Save each side twice, in turn, and compare all files: two
runs of the same program tell how much that is. Rows of matrix products serve as a control: the
same library on the same machine should show no difference.";

/// Flags of `triplet bench compare`.
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub(super) struct CompareArgs {
    /// Files that `triplet bench --save` wrote; the first is what the others are compared with.
    #[arg(value_name = "RUN.json", num_args = 2.., required = true)]
    files: Vec<PathBuf>,
    /// Print one line of JSON.
    #[arg(long)]
    json: bool,
}

/// A run and the name of its file.
struct Named {
    name: String,
    run: Run,
}

pub(super) fn run(args: &CompareArgs) -> Result<()> {
    let named = |path: &PathBuf| Ok(Named { name: path.display().to_string(), run: Run::read(path)? });
    let runs: Vec<Named> = args.files.iter().map(named).collect::<Result<_>>()?;
    let (first, others) = (&runs[0], &runs[1..]);
    let lines = lines(&first.run, others.iter().map(|other| &other.run));
    let notes = table::notes(first, others, &lines);
    let example = |named: &Named| {
        let first = lines::timed(&named.run).into_iter().next();
        first.map_or_else(|| "nothing".to_owned(), |(key, _)| key.words())
    };
    ensure!(
        !lines.is_empty(),
        "nothing to compare: no row of {} is in another file ({} against {})",
        first.name,
        example(first),
        example(&others[0])
    );
    if args.json {
        let files: Vec<_> = runs
            .iter()
            .map(|it| json!({ "file": it.name, "run": it.run.title(), "command": it.run.command }))
            .collect();
        output::line(json!({ "files": files, "lines": lines, "notes": notes }));
    } else {
        table::print(&runs, &lines, &notes);
    }
    Ok(())
}
