//! `triplet bench`: the backends against one another and against others, alternately, on
//! this machine.

mod advice;
mod args;
mod check;
pub(crate) mod child;
mod compare;
mod environment;
mod measure;
mod notes;
mod plan;
mod progress;
mod record;
mod report;
mod rivals;
mod roofline;
mod row;
mod selection;
mod statistics;
mod step;
mod table;

pub(crate) use args::BenchArgs;

use crate::{io::OutputSet, output};
use anyhow::Result;
use args::BenchCommand;
use environment::Start;
use measure::Group;
use plan::Plan;
use progress::Progress;
use record::Run;
use rivals::Rivals;
use selection::Selection;

pub(crate) fn run(args: &BenchArgs) -> Result<()> {
    if let Some(BenchCommand::Compare(args)) = &args.command {
        return compare::run(args);
    }
    let selection = Selection::new(args)?;
    if args.list {
        check::list(&selection, args.json);
        return Ok(());
    }
    if args.check {
        return check::check(args, &selection);
    }
    let plan = Plan::new(args, selection)?;
    let run = measure_all(args, &plan)?;
    let notes = notes::notes(args, &run);
    let advice = advice::advice(&run.entries);
    let mut outputs = OutputSet::default();
    if let Some(path) = &args.csv {
        outputs.write(path, |out| table::write_csv(out, &run))?;
    }
    if let Some(path) = &args.report {
        let page = report::page(&run, &notes, &advice);
        outputs.write(path, |out| Ok(out.write_all(page.as_bytes())?))?;
    }
    if let Some(path) = &plan.save {
        outputs.write(path, |out| run.save(out))?;
    }
    outputs.commit()?;
    if args.json {
        output::line(run.summary(&advice));
    } else {
        table::print(&run, &notes, &advice);
    }
    Ok(())
}

/// Every input on every number of threads.
fn measure_all(args: &BenchArgs, plan: &Plan) -> Result<Run> {
    let benchmarks = &plan.selection.benchmarks;
    let mut run = Run::start(benchmarks.first().map_or(1, |benchmark| benchmark.seed));
    let progress = Progress::new(benchmarks.len() * plan.threads.len(), args.quiet);
    for &threads in &plan.threads {
        let rivals = start(args, threads, &progress)?;
        for library in rivals.iter().flat_map(|rival| &rival.libraries) {
            if !run.libraries.contains(library) {
                run.libraries.push(library.clone());
            }
        }
        let by_name = plan.selection.by_name;
        let mut group = Group { threads, by_name, contenders: Vec::new(), rivals };
        for benchmark in benchmarks {
            progress.input(benchmark, threads);
            if args.step {
                let python = &mut group.rivals[0];
                run.steps.extend(step::measure(args, benchmark, threads, python, &progress)?);
            } else {
                group.contenders = plan.contenders(args, benchmark);
                run.entries.extend(measure::measure(args, benchmark, &mut group, &progress)?);
            }
        }
    }
    run.peaks = roofline::fill(run.entries.iter_mut().map(|it| &mut it.row));
    progress.finish();
    Ok(run)
}

/// Starts the Pythons that were given.
fn start(args: &BenchArgs, threads: usize, progress: &Progress) -> Result<Vec<Rivals>> {
    let how = Start { threads, keep: args.keep_environment, usual_waiting: args.step };
    let groups = match (args.step, args.peers) {
        (true, _) => "step",
        (false, true) => "baselines,peers",
        (false, false) => "baselines",
    };
    let python = args.python.as_deref().map(|python| Rivals::start(python, groups, how, progress));
    let tfa = args.tfa_python.as_deref().map(|python| Rivals::start(python, "tfa", how, progress));
    python.into_iter().chain(tfa).collect()
}
