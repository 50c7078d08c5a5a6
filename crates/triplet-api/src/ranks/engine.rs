//! An engine that searches its share, and has the rest from other ranks.

use super::{
    Exchange, Gathered,
    messages::{self, Found},
    own_side::{OwnSide, digest},
};
use crate::{
    Error, Inputs, Result,
    overflow::{check_gradient, surely_finite},
};
use core::ops::Range;
use triplet_core::{
    Engine, Error as CoreError, ExecutionInfo, GradientInputs, GradientScale, Objective, Problem,
    ProblemBuffers, ScreenedPairs, Triplets,
    retrieval::{RetrievalTask, Score},
    shares::{Merging, Share, WholeUnits},
};
use triplet_simd::Element;

/// Who has which rows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Parties<'a> {
    pub(super) rank: usize,
    /// Where the rows of each rank start, and the end.
    starts: &'a [usize],
}

impl Parties<'_> {
    pub(super) fn count(&self) -> usize {
        self.starts.len() - 1
    }

    pub(super) fn rows(&self, rank: usize) -> Range<usize> {
        self.starts[rank]..self.starts[rank + 1]
    }

    fn own(&self) -> Range<usize> {
        self.rows(self.rank)
    }
}

/// Searches this rank's share on an engine of its own, and exchanges what is found.
pub(super) struct RankedEngine<'x, 'a, T: Element> {
    inner: &'x mut dyn Engine<T>,
    exchange: &'x mut dyn Exchange,
    parties: Parties<'x>,
    inputs: Inputs<'x>,
    /// The largest component of all ranks' rows.
    largest: T,
    own: Option<OwnSide<'a, T>>,
    /// Whether the other ranks know that this one got as far as its triplets.
    exchanged: bool,
    failure: Option<Error>,
}

impl<'x, 'a, T: Element> RankedEngine<'x, 'a, T> {
    pub(super) fn new(
        inner: &'x mut dyn Engine<T>,
        exchange: &'x mut dyn Exchange,
        (gathered, inputs): (&'x Gathered<'_, T>, Inputs<'x>),
        own: Option<OwnSide<'a, T>>,
    ) -> Self {
        let parties = Parties { rank: gathered.rank, starts: gathered.starts };
        let largest = gathered.batch.largest();
        Self { inner, exchange, parties, inputs, largest, own, exchanged: false, failure: None }
    }

    /// Tells the other ranks of an error of this one, if they still wait for it; the error to show.
    pub(super) fn report(&mut self, error: Error, gathered: &Gathered<'_, T>, objective: Objective) -> Error {
        if !self.exchanged {
            stop(gathered, objective, self.own.is_some(), self.exchange);
        }
        self.failure.take().unwrap_or(error)
    }

    /// Keeps an error of another kind than an engine's.
    fn keep(&mut self, error: Error) -> CoreError {
        self.failure = Some(error);
        CoreError::Stopped { backend: self.inner.executed().backend }
    }

    fn mine_square(&mut self, problem: &Problem<'_, T>, out: &mut Triplets<T>) -> Result<()> {
        let Self { inner, exchange, parties, exchanged, .. } = self;
        let whole = WholeUnits::of(problem);
        let keeps = keeps_distances(problem, &whole);
        out.keep_distances_up_to(if keeps { usize::MAX } else { 0 });
        let own = parties.own();
        let share = Share { rank: parties.rank, ranks: parties.count(), rows: own.clone() };
        inner.mine_share(problem, &share, out)?;
        // Merging and what follows fail on no rank alone.
        *exchanged = true;
        let Found { rows, values } =
            messages::exchange_candidates(problem, (&whole, keeps), parties, *exchange, Some(out))?;
        let found: Vec<&[u32]> = rows.iter().map(Vec::as_slice).collect();
        let values: Option<Vec<&[T]>> =
            values.as_ref().map(|values| values.iter().map(Vec::as_slice).collect());
        let merging = Merging {
            whole: &whole,
            first: own.start,
            end: own.end,
            found: &found,
            values: values.as_deref(),
        };
        inner.merge_shares(problem, &merging, out)?;
        if !problem.distance().needs_pair_distance() {
            // Flags and sums take fewer bytes.
            out.forget_distances(problem);
        }
        messages::exchange_triplets(problem, parties, *exchange, out)
    }

    fn mine_against(&mut self, problem: &Problem<'_, T>, out: &mut Triplets<T>) -> Result<()> {
        let Self { inner, exchange, parties, own, exchanged, .. } = self;
        let Some(OwnSide { anchors, candidates, objective, buffers, triplets }) = own else { return Ok(()) };
        let anchors = anchors.as_ref().map_err(Clone::clone)?;
        let own = Problem::against([anchors, candidates.batch], candidates.identity, *objective, buffers)?;
        inner.mine(&own, triplets)?;
        *exchanged = true;
        out.resize_sums(problem);
        messages::exchange_sums(parties, *exchange, Some((triplets, digest(candidates))), out)
    }

    fn gradient_of_own(&mut self, inputs: GradientInputs<'_, T>, out: &mut [T]) -> Result<()> {
        let rows = self.parties.own();
        let width = inputs.problem.anchors().width();
        let values = rows.start * width..rows.end * width;
        match &mut self.own {
            None => self.inner.gradient_of_rows(inputs, rows, out)?,
            Some(OwnSide { anchors, candidates, objective, buffers, triplets }) => {
                let anchors = anchors.as_ref().map_err(Clone::clone)?;
                let sides = [anchors, candidates.batch];
                let problem = Problem::against(sides, candidates.identity, *objective, buffers)?;
                let weights = inputs.scale.weights.map(|weights| &weights[rows]);
                let scale = GradientScale { weights, ..inputs.scale };
                let own = GradientInputs { problem: &problem, triplets, scale };
                self.inner.gradient(own, &mut out[values.clone()])?;
            }
        }
        out[..values.start].fill(T::ZERO);
        out[values.end..].fill(T::ZERO);
        Ok(())
    }

    /// Where a gradient may overflow, which all ranks see alike, each says whether its own did.
    fn agree_on_overflow(&mut self, inputs: GradientInputs<'_, T>, out: &[T]) -> Result<()> {
        let others = self.own.as_ref().map_or(T::ZERO, |own| own.candidates.batch.largest());
        let largest = if others > self.largest { others } else { self.largest };
        if surely_finite(inputs.problem, largest, inputs.scale.scale, self.inputs) {
            return Ok(());
        }
        let (width, first) = (inputs.problem.anchors().width(), self.parties.own().start);
        let checked = check_gradient(out, width).map_err(|error| match error {
            Error::GradientOverflow { row } => Error::GradientOverflow { row: row - first },
            error => error,
        });
        let agreed = messages::agree(&self.parties, self.exchange, checked.is_err());
        checked.and(agreed)
    }
}

/// Takes part in the next exchange of ranks that evaluate, and says that this one cannot.
pub(super) fn stop<T: Element>(
    gathered: &Gathered<'_, T>,
    objective: Objective,
    against: bool,
    exchange: &mut dyn Exchange,
) {
    let parties = Parties { rank: gathered.rank, starts: gathered.starts };
    if parties.count() < 2 {
        return;
    }
    let mut buffers = ProblemBuffers::default();
    // What fails here too is not the error to show.
    let _ = if against {
        messages::exchange_sums::<T>(&parties, exchange, None, &mut Triplets::default())
    } else {
        Problem::new(&gathered.batch, objective, &mut buffers).map_err(Error::from).and_then(|problem| {
            let whole = WholeUnits::of(&problem);
            let sizes = (&whole, keeps_distances(&problem, &whole));
            messages::exchange_candidates(&problem, sizes, &parties, exchange, None).map(|_| ())
        })
    };
}

/// Whether triplets keep distances meanwhile: where no anchor has many. All ranks must exchange the same.
fn keeps_distances<T: Element>(problem: &Problem<'_, T>, whole: &WholeUnits) -> bool {
    problem.rule().one_per_anchor() || !whole.any()
}

impl<T: Element> Engine<T> for RankedEngine<'_, '_, T> {
    fn mine(&mut self, problem: &Problem<'_, T>, out: &mut Triplets<T>) -> triplet_core::Result<()> {
        let mined = if self.own.is_some() {
            self.mine_against(problem, out)
        } else if self.parties.count() == 1 {
            return self.inner.mine(problem, out);
        } else {
            self.mine_square(problem, out)
        };
        mined.map_err(|error| self.keep(error))
    }

    fn gradient(&mut self, inputs: GradientInputs<'_, T>, out: &mut [T]) -> triplet_core::Result<()> {
        if self.own.is_none() && self.parties.count() == 1 {
            return self.inner.gradient(inputs, out);
        }
        let written = self.gradient_of_own(inputs, out);
        written.and_then(|()| self.agree_on_overflow(inputs, out)).map_err(|error| self.keep(error))
    }

    fn retrieve(&mut self, task: &RetrievalTask<'_, T>, scores: &mut [Score]) {
        self.inner.retrieve(task, scores);
    }

    fn bytes_needed(&self, problem: &Problem<'_, T>, with_gradient: bool) -> usize {
        // Distances that triplets are told to keep.
        let whole = WholeUnits::of(problem);
        let kept = self.own.is_none() && keeps_distances(problem, &whole);
        let distances = if kept { problem.slots().count().saturating_mul(2 * size_of::<T>()) } else { 0 };
        self.inner.bytes_needed(problem, with_gradient).saturating_add(distances)
    }

    fn release(&mut self) {
        self.inner.release();
    }

    fn gains_from_distances(&self, problem: &Problem<'_, T>, with_gradient: bool) -> bool {
        self.inner.gains_from_distances(problem, with_gradient)
    }

    fn limit_listed_choices(&mut self, most: usize) {
        self.inner.limit_listed_choices(most);
    }

    fn allow_copies(&mut self, allowed: bool) {
        self.inner.allow_copies(allowed);
    }

    fn screened(&self) -> ScreenedPairs {
        self.inner.screened()
    }

    fn executed(&self) -> ExecutionInfo {
        self.inner.executed()
    }
}
