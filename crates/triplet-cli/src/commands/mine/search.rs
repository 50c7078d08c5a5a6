//! One job: searched, kept from time to time, written.

use super::{
    MineArgs,
    inputs::{Inputs, OfKind},
    output::{self, Distances},
    progress::Shown,
    report::{self, Cost, Found},
    settings, stopped,
};
use crate::{interrupt, io::OutputSet, output as console};
use anyhow::{Context, Result};
use std::{
    cell::RefCell,
    path::Path,
    time::{Duration, Instant},
};
use triplet_api::{BackendOptions, Element};
use triplet_core::nearest::Conditions;
use triplet_dataset::{Control, Error, Job, Request, WorkFolder};

/// Mines a part of the anchors; answers the exit status.
pub(super) fn run<T: OfKind + Element + Distances>(
    args: &MineArgs,
    conditions: Conditions,
    inputs: &Inputs,
) -> Result<u8> {
    let options = args.backend.options()?;
    let start = Instant::now();
    let rows = inputs.rows.in_memory::<T>()?;
    let anchors = inputs.anchors.as_ref().map(|anchors| anchors.in_memory::<T>()).transpose()?.flatten();
    let request = request(args, conditions, inputs, (rows.as_ref(), anchors.as_ref()), options)?;
    let sets = (&inputs.rows, inputs.anchors.as_ref());
    if !args.quiet {
        inputs.understood.iter().for_each(console::note);
    }
    let whole = match settings::text(args, conditions, &request, sets) {
        Err(error) if matches!(error.downcast_ref(), Some(Error::Stopped)) => {
            console::note("stopped before anything was searched");
            return Ok(interrupt::asked().unwrap_or(1));
        }
        text => text?,
    };
    let own = settings::with_plan(&whole, args.memory, args.part);
    let mut folder = open(&args.work(), &own, args.resume)?;
    let job = match search(args, options, request, &mut folder) {
        Ok(Some(job)) => job,
        Ok(None) => return Ok(stopped(args)),
        Err(error) => {
            if !folder.has_state() {
                // Nothing is lost with it.
                let _ = folder.remove();
            }
            return Err(error);
        }
    };
    inputs.rows.check_unchanged()?;
    inputs.anchors.as_ref().map_or(Ok(()), super::inputs::Set::check_unchanged)?;
    let found = Found { args, request: &request, inputs, settings: &own, start };
    let mut cost = Cost::default();
    cost.add(job.plan(), job.screened());
    finish(&found, vec![folder], cost, options).map(|()| 0)
}

/// Writes what complete folders have, whose anchors ascend, prints it in sum, and removes them.
pub(super) fn finish<T: OfKind + Element + Distances>(
    found: &Found<'_, '_, T>,
    mut folders: Vec<WorkFolder>,
    cost: Cost,
    options: BackendOptions,
) -> Result<()> {
    let args = found.args;
    let mut outputs = OutputSet::default();
    let summary = found.summarise(&mut folders, options)?;
    if let Some(folder) = &args.summary {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("cannot make the folder {}", folder.display()))?;
        report::write(&mut outputs, folder, &summary)?;
    }
    let (format, settings) = (output::Format::of(&args.out)?, settings_of_output(found.settings));
    let count = folders.iter().map(WorkFolder::count::<T>).sum();
    let records = report::records::<T>(&mut folders)?;
    outputs.write(&args.out, |out| output::write(format, count, &settings, records, out))?;
    outputs.commit()?;
    folders.into_iter().try_for_each(WorkFolder::remove)?;
    report::print(args, &summary, cost, found.start.elapsed());
    Ok(())
}

/// The request of the command.
pub(super) fn request<'a, T: OfKind>(
    args: &MineArgs,
    conditions: Conditions,
    inputs: &'a Inputs,
    (rows, anchors): (
        Option<&'a triplet_dataset::InMemory<'a, T>>,
        Option<&'a triplet_dataset::InMemory<'a, T>>,
    ),
    options: BackendOptions,
) -> Result<Request<'a, T>> {
    let rows = inputs.rows.side::<T>(rows);
    let own = inputs.anchors.as_ref().map(|set| set.side::<T>(anchors));
    let all = Request::of(own.unwrap_or(rows));
    Ok(Request {
        candidates: own.map(|_| rows),
        distance: args.distance()?,
        conditions,
        keep: args.negatives,
        part: args.part,
        memory: args.memory,
        threads: options.threads.unwrap_or(all.threads),
        ..all
    })
}

/// Opens the folder of a job.
pub(super) fn open(path: &Path, settings: &str, resume: bool) -> Result<WorkFolder> {
    WorkFolder::open(path, settings, resume).map_err(|error| match error {
        Error::Resume(text) if !resume => {
            anyhow::anyhow!("{text} (--resume goes on)")
        }
        error => error.into(),
    })
}

/// Searches to the end, or until a signal; the job then.
pub(super) fn search<'a, T: OfKind + Element>(
    args: &MineArgs,
    options: BackendOptions,
    request: Request<'a, T>,
    folder: &mut WorkFolder,
) -> Result<Option<Job<'a, T>>> {
    let mut engine = options.engine::<T>()?;
    let mut job = Job::new(request)?;
    let resumed = folder.resume(&mut job)?;
    if resumed && !args.quiet {
        console::note(format_args!("goes on in {}", args.work().display()));
    }
    let mut shown = Shown::new(job.plan().pairs(), args.quiet);
    let (folder, mut last) = (RefCell::new(folder), Instant::now());
    let between = Duration::try_from_secs_f64(args.checkpoint).unwrap_or(Duration::MAX);
    let result = job.run_watched(
        &mut *engine,
        &mut |records| Ok(folder.borrow_mut().append(records)?),
        &mut |job, progress| {
            shown.step(progress);
            let stop = interrupt::asked().is_some();
            if stop || job.is_done() || last.elapsed() >= between {
                folder.borrow_mut().keep(job)?;
                last = Instant::now();
            }
            Ok(if stop { Control::Stop } else { Control::GoOn })
        },
    );
    shown.finish();
    match result {
        Ok(()) => Ok(Some(job)),
        Err(Error::Stopped) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Settings without how much memory there was, which changes nothing that is found.
fn settings_of_output(settings: &str) -> String {
    let lines = settings.lines().filter(|line| !line.starts_with("memory "));
    lines.map(|line| format!("{line}\n")).collect()
}
