//! One step: two slabs that are searched for each other, or a slab that is searched for among other rows.

use super::{
    Job,
    plan::{Among, Step},
    request::read,
    slab::{Slab, task},
};
use crate::{Error, Result};
use core::ops::Range;
use triplet_core::{
    Batch, Engine, Points, Real,
    nearest::{Mutual, Nearest, Portion},
    points::PointsBuffers,
};

/// Memory of the slabs at work, kept from step to step.
#[derive(Debug, Default)]
pub(super) struct Buffers<T: Real> {
    /// The rows of the first slab, then, of two that are searched for each other, of the second.
    rows: Vec<T>,
    /// The first slab, by its first row, and how many.
    held: Range<usize>,
    /// Rows of no slab; or, ahead of the next step, what it reads.
    others: Vec<T>,
    /// Which those are.
    ahead: Option<Step>,
    unit: [PointsBuffers<T>; 2],
    starts: Vec<usize>,
    thresholds: Vec<T::Key>,
}

impl<T: Real> Job<'_, T> {
    /// Does a step; meanwhile reads what the next one needs.
    pub(super) fn do_step(
        &mut self,
        engine: &mut dyn Engine<T>,
        step: Step,
        upcoming: Option<Step>,
    ) -> Result<()> {
        let all = self.plan.slabs_of(step.group).to_vec();
        let width = self.request.anchors.rows.width();
        let own = all[step.first].clone();
        let mut buffers = core::mem::take(&mut self.buffers);
        if buffers.held != own {
            buffers.rows.resize(own.len() * width, T::ZERO);
            read(self.request.anchors.rows, own.clone(), &mut buffers.rows)?;
            buffers.held = own.clone();
        }
        buffers.rows.truncate(own.len() * width);
        if buffers.ahead != Some(step) {
            self.read_others(step, &mut buffers.others)?;
        }
        buffers.ahead = None;
        // The second slab goes behind the first; other rows stay where they are.
        let mutual = matches!(step.among, Among::Slab(second) if second != step.first);
        let mut ahead = Vec::new();
        if mutual {
            buffers.rows.extend_from_slice(&buffers.others);
            core::mem::swap(&mut ahead, &mut buffers.others);
        }
        let (request, plan) = (self.request, &self.plan);
        let mut slabs = core::mem::take(&mut self.slabs);
        let searched = std::thread::scope(|scope| {
            let reader = upcoming.map(|upcoming| {
                scope.spawn(move || {
                    let read = read_others(&request, plan.slabs_of(upcoming.group), upcoming, &mut ahead);
                    read.map(|()| (upcoming, ahead))
                })
            });
            let searched = search(&request, engine, &all, step, &mut slabs, &mut buffers);
            // A failure is told when that step comes.
            let ahead = reader.and_then(|reader| reader.join().ok()?.ok());
            searched.map(|()| ahead)
        });
        self.slabs = slabs;
        if let Some((step, others)) = searched? {
            (buffers.ahead, buffers.others) = (Some(step), others);
        }
        self.buffers = buffers;
        let screened = engine.screened();
        self.screened.pairs += screened.pairs;
        self.screened.undecided += screened.undecided;
        Ok(())
    }

    fn read_others(&self, step: Step, out: &mut Vec<T>) -> Result<()> {
        read_others(&self.request, self.plan.slabs_of(step.group), step, out)
    }
}

/// Reads what the first slab of a step is compared with; nothing, if that is itself.
fn read_others<T: Real>(
    request: &super::Request<'_, T>,
    slabs: &[Range<usize>],
    step: Step,
    out: &mut Vec<T>,
) -> Result<()> {
    let rows = match step.among {
        Among::Slab(second) if second == step.first => 0..0,
        Among::Slab(second) => slabs[second].clone(),
        Among::Rows { start, end } => start..end,
    };
    out.resize(rows.len() * request.anchors.rows.width(), T::ZERO);
    read(request.candidates().rows, rows, out)
}

/// Searches what was read. `slabs` are those of the group from the first that is not complete on.
fn search<T: Real>(
    request: &super::Request<'_, T>,
    engine: &mut dyn Engine<T>,
    all: &[Range<usize>],
    step: Step,
    slabs: &mut [Slab<T>],
    buffers: &mut Buffers<T>,
) -> Result<()> {
    let width = request.anchors.rows.width();
    let labels = |rows: &Range<usize>| &request.anchors.labels[rows.clone()];
    let Buffers { rows, others, unit: [left, right], starts, thresholds, .. } = buffers;
    let own = &all[step.first];
    let refused = |error| Error::of_whole_set(error, |row| own.start + row);
    // Slabs before the first one are complete.
    let complete = all.len() - slabs.len();
    let place = |slab: usize| slab - complete;
    match step.among {
        Among::Slab(second) if second == step.first => {
            let batch = Batch::new(rows, width, labels(own)).map_err(refused)?;
            let slab = &mut slabs[place(second)];
            let mut nearest = core::mem::take(&mut slab.nearest);
            let task = slab.task(request, Points::new(&batch, request.distance, left))?;
            engine.search_nearest_mutual(&task, Mutual::within(own.start as u32), &mut nearest)?;
            slab.nearest = nearest;
        }
        Among::Slab(second) => {
            let other = &all[second];
            let mutual = Mutual::between([own.start as u32, other.start as u32], own.len());
            let both: Vec<i64> = [own, other].into_iter().flat_map(labels).copied().collect();
            let batch = Batch::new(rows, width, &both)
                .map_err(|error| Error::of_whole_set(error, |row| mutual.row(row) as usize))?;
            let points = Points::new(&batch, request.distance, left);
            let (before, from) = slabs.split_at_mut(place(second));
            let (first, second) = (&mut before[place(step.first)], &mut from[0]);
            starts.clear();
            starts.extend_from_slice(&first.positives.starts);
            let end = first.thresholds.len();
            starts.extend(second.positives.starts[1..].iter().map(|start| end + start));
            thresholds.clear();
            thresholds.extend_from_slice(&first.thresholds);
            thresholds.extend_from_slice(&second.thresholds);
            let mut nearest = core::mem::take(&mut first.nearest);
            nearest.append(&second.nearest);
            let task = task(request, points, starts, thresholds)?;
            engine.search_nearest_mutual(&task, mutual, &mut nearest)?;
            nearest.take_last(&mut second.nearest);
            first.nearest = nearest;
        }
        Among::Rows { start, end } => {
            let batch = Batch::new(rows, width, labels(own)).map_err(refused)?;
            let labels = &request.candidates().labels[start..end];
            let candidates = Batch::new(others, width, labels)
                .map_err(|error| Error::of_whole_set(error, |row| start + row))?;
            let slab = &mut slabs[place(step.first)];
            let mut nearest: Nearest<T> = core::mem::take(&mut slab.nearest);
            let task = slab.task(request, Points::new(&batch, request.distance, left))?;
            let points = Points::new(&candidates, request.distance, right);
            engine.search_nearest(&task, &Portion { points, first_row: start as u32 }, &mut nearest)?;
            slab.nearest = nearest;
        }
    }
    Ok(())
}
