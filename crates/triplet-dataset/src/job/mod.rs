//! The search of a data set: slabs of anchors, each against every row.
//!
//! Where a slab's anchors are candidates too, two slabs are searched for each other at once, which halves the inner
//! products; rows that are no anchors of this part are searched for the anchors alone. A slab whose last step is
//! done is complete: its records go to the sink, in order of anchor, and its memory is free.

mod class_index;
mod plan;
mod positives;
mod progress;
mod request;
mod slab;
mod state;
mod steps;

pub use plan::Plan;
pub use progress::{Control, Progress};
pub(crate) use request::read as read_rows;
pub use request::{Request, Side, check_rows};

use crate::{Error, Record, Result};
use class_index::ClassIndex;
use plan::Step;
use positives::Positives;
use slab::Slab;
use std::time::Instant;
use triplet_core::{Engine, Real, ScreenedPairs};

/// A search that can be stopped between its steps.
///
/// ```
/// use triplet_core::Scalar;
/// use triplet_dataset::{InMemory, Job, Request, Side};
/// let rows = InMemory::new(&[0.0_f32, 1.0, 1.5, 3.0], 1);
/// let request = Request { keep: 2, ..Request::of(Side { rows: &rows, labels: &[0, 0, 1, 2] }) };
/// let mut negatives = Vec::new();
/// let mut job = Job::new(request)?;
/// job.run(&mut Scalar, &mut |found| {
///     negatives.extend(found.iter().map(|record| (record.anchor, record.negative)));
///     Ok(())
/// })?;
/// assert_eq!(negatives, [(0, 2), (0, 3), (1, 3)]);
/// # Ok::<(), triplet_dataset::Error>(())
/// ```
pub struct Job<'a, T: Real> {
    request: Request<'a, T>,
    classes: ClassIndex,
    plan: Plan,
    /// The next step.
    next: usize,
    /// Of the group at work, those that are not complete yet.
    slabs: Vec<Slab<T>>,
    screened: ScreenedPairs,
    /// Records that went to the sink.
    records: u64,
    buffers: steps::Buffers<T>,
}

/// What takes the records of complete anchors, in order.
pub type Sink<'s, T> =
    dyn FnMut(&[Record<T>]) -> core::result::Result<(), Box<dyn std::error::Error + Send + Sync>> + 's;

impl<'a, T: Real> Job<'a, T> {
    /// Plans a search.
    ///
    /// # Errors
    /// What is wrong with the request; less memory than one step takes.
    pub fn new(request: Request<'a, T>) -> Result<Self> {
        request.check()?;
        let classes = ClassIndex::new(&request);
        let plan = Plan::new(&request, &classes)?;
        Ok(Self {
            request,
            classes,
            plan,
            next: 0,
            slabs: Vec::new(),
            screened: ScreenedPairs::default(),
            records: 0,
            buffers: steps::Buffers::default(),
        })
    }

    /// How it is cut up.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Pairs that were screened so far, and those that this left undecided.
    #[must_use]
    pub fn screened(&self) -> ScreenedPairs {
        self.screened
    }

    /// Records that went to the sink, in all runs.
    #[must_use]
    pub fn records(&self) -> u64 {
        self.records
    }

    /// Whether all is done.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.next == self.plan.steps().len()
    }

    /// Searches to the end.
    ///
    /// # Errors
    /// Rows that cannot be read or are refused, by number; what the engine or the sink says.
    pub fn run(&mut self, engine: &mut dyn Engine<T>, sink: &mut Sink<'_, T>) -> Result<()> {
        self.run_watched(engine, sink, &mut |_, _| Ok(Control::GoOn))
    }

    /// The same, and shows the job to `watch` after every step, which may keep its state, or stop it.
    ///
    /// # Errors
    /// As [`Job::run`]; [`Error::Stopped`].
    pub fn run_watched(
        &mut self,
        engine: &mut dyn Engine<T>,
        sink: &mut Sink<'_, T>,
        watch: &mut dyn FnMut(&Self, &Progress) -> Result<Control>,
    ) -> Result<()> {
        let start = Instant::now();
        let before = self.plan.pairs_before(self.next);
        while let Some(&step) = self.plan.steps().get(self.next) {
            self.begin_group(step)?;
            let upcoming = self.plan.steps().get(self.next + 1).copied();
            self.do_step(engine, step, upcoming)?;
            self.next += 1;
            self.complete(sink)?;
            let progress = Progress {
                pairs: self.plan.pairs_before(self.next),
                all_pairs: self.plan.pairs(),
                here: self.plan.pairs_before(self.next) - before,
                elapsed: start.elapsed(),
                records: self.records,
            };
            if watch(self, &progress)? == Control::Stop && !self.is_done() {
                return Err(Error::Stopped);
            }
        }
        Ok(())
    }

    /// Finds the positives of a group's anchors before its first step.
    fn begin_group(&mut self, step: Step) -> Result<()> {
        if !self.slabs.is_empty() {
            return Ok(());
        }
        for rows in self.plan.slabs_of(step.group).iter().skip(step.first) {
            let positives = Positives::find(&self.request, &self.classes, rows.clone())?;
            self.slabs.push(Slab::new(&self.request, rows.clone(), positives));
        }
        Ok(())
    }

    /// Hands over the slabs whose last step is done.
    fn complete(&mut self, sink: &mut Sink<'_, T>) -> Result<()> {
        let done = match self.plan.steps().get(self.next) {
            Some(next) if self.next > 0 => {
                let last = self.plan.steps()[self.next - 1];
                if next.group == last.group { next.first - last.first } else { self.slabs.len() }
            }
            Some(_) => 0,
            None => self.slabs.len(),
        };
        for slab in self.slabs.drain(..done) {
            let records = &mut self.records;
            slab.list(&self.request, &self.classes, &mut |found| {
                *records += found.len() as u64;
                sink(found).map_err(Error::Sink)
            })?;
        }
        Ok(())
    }
}
