//! `triplet bench`: the backends against one another and against others, alternately, on
//! this machine.

mod args;
pub(crate) mod child;
mod measure;
mod report;
mod rivals;
mod roofline;
mod row;
mod shape;
mod table;

pub(crate) use args::BenchArgs;

use crate::output;
use anyhow::Result;
use indicatif::{ProgressBar, ProgressStyle};
use measure::Group;
use rivals::Rivals;

pub(crate) fn run(args: &BenchArgs) -> Result<()> {
    let plan = args.plan()?;
    let bar = ProgressBar::new((plan.shapes.len() * plan.threads.len()) as u64);
    bar.set_style(ProgressStyle::with_template("{bar:30} {pos}/{len} {msg}, {eta} left")?);
    let mut rows = Vec::new();
    let mut libraries = Vec::new();
    for &threads in &plan.threads {
        let rivals = rivals(args, threads)?;
        for rival in &rivals {
            if !libraries.contains(&rival.library) {
                libraries.push(rival.library.clone());
            }
        }
        let mut group = Group { threads, contenders: &plan.contenders, rivals };
        for &shape in &plan.shapes {
            bar.set_message(format!(
                "{} x {}, {} classes, {threads} thread(s)",
                shape.rows, shape.width, shape.classes
            ));
            rows.extend(measure::measure(args, shape, &mut group)?);
            bar.inc(1);
        }
    }
    let peaks = roofline::fill(&mut rows);
    bar.finish_and_clear();
    if let Some(path) = &args.csv {
        table::write_csv(path, &rows)?;
    }
    if let Some(path) = &args.report {
        report::write(path, &rows, &peaks, &libraries)?;
    }
    if args.json {
        output::line(table::json(&rows, &peaks, &libraries));
    } else {
        table::print(&rows, &peaks, &libraries);
    }
    Ok(())
}

/// Starts the Pythons that were given.
fn rivals(args: &BenchArgs, threads: usize) -> Result<Vec<Rivals>> {
    let groups = if args.peers { "floors,peers" } else { "floors" };
    let floors = args.python.as_deref().map(|python| Rivals::start(python, groups, threads));
    let tfa = args.tfa_python.as_deref().map(|python| Rivals::start(python, "tfa", threads));
    floors.into_iter().chain(tfa).collect()
}
