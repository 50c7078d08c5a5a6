//! One batch whose rows several ranks hold: processes of a training job, or threads.
//!
//! Each rank has some rows of the batch, its shard; in the order of the ranks they are the batch. Loss, statistics and the
//! gradient to each rank's own rows, including what other ranks' anchors put on them, are those of one process that has all
//! rows, to the last bit. Shards may be of different sizes, and empty.
//!
//! | exchange | bytes that `W` ranks have to send each other, of `B` rows in all, `P` positive pairs; `r` is 2 below 65,535 rows, else 4 |
//! |---|---|
//! | settings and counts | `368 W` |
//! | rows, labels (and weights) | `4 B D + 8 B` (`+ 8 B`) |
//! | candidates for its own rows: each pair of rows is looked at by one rank | `r P` |
//! | triplets: negatives, flags and sums, or negatives and their distances | `r P + P / 8 + 8 B`, or `(r + 4) P` |
//!
//! Of the bytes, a rank has its own part already, and receives the share `(W - 1) / W`.
//!
//! Errors reach every rank: a rank whose input is refused tells the others, settings that differ are named, and who
//! dies is named by the others as soon as the transport notices.

mod engine;
mod error;
mod exchange;
mod header;
mod local;
mod messages;
#[cfg(feature = "mpi")]
mod mpi;

pub use error::RankError;
pub use exchange::{Exchange, ExchangeError, Stage};
pub use header::HEADER_BYTES;
pub use local::Local;
#[cfg(feature = "mpi")]
pub use mpi::Mpi;

use crate::{
    Candidates, Error, Evaluation, Inputs, Loss, LossSpec, Result, Weights, Workspace,
    run::{Gradient, run},
};
use core::ops::Range;
use engine::{OwnSide, RankedEngine};
use header::Header;
use triplet_core::{Batch, Identity, Problem, ProblemBuffers, Real};
use triplet_simd::Element;

/// The rows of one rank, with a number each where there are weights.
#[derive(Debug, Clone, Copy)]
pub struct Shard<'a, T> {
    /// The rows `[B_r, D]`, row by row.
    pub embeddings: &'a [T],
    /// `D`; a rank without rows may have 0.
    pub width: usize,
    /// The labels `[B_r]`.
    pub labels: &'a [i64],
    /// Weights `[B_r]` of the rows, on every rank or on none.
    pub weights: Option<&'a [f64]>,
    /// Marks `[B_r]` that go with the rows and mean what the caller likes, such as rows that only enter a bank; on every
    /// rank or on none.
    pub marks: Option<&'a [bool]>,
}

impl<'a, T> Shard<'a, T> {
    /// Rows that all weigh the same.
    #[must_use]
    pub fn new(embeddings: &'a [T], width: usize, labels: &'a [i64]) -> Self {
        Self { embeddings, width, labels, weights: None, marks: None }
    }
}

/// What a rank keeps from call to call; see the example of [`Local`].
#[derive(Debug, Clone, Default)]
pub struct Ranks<T> {
    calls: u64,
    rows: Vec<T>,
    labels: Vec<i64>,
    weights: Vec<f64>,
    marks: Vec<bool>,
    starts: Vec<usize>,
}

impl<T: Element> Ranks<T> {
    /// Gives every rank the rows of all.
    ///
    /// # Errors
    /// Rows, labels, weights or a margin that are refused, as [`Batch::new`] and [`Loss::evaluate_with`] say; the other ranks
    /// then get [`RankError::Refused`]. Settings that differ between ranks; ranks that do not answer.
    pub fn gather<'a>(
        &'a mut self,
        loss: &impl Loss,
        shard: Shard<'_, T>,
        exchange: &mut dyn Exchange,
    ) -> Result<Gathered<'a, T>> {
        if let Err(error) = check(loss.spec(), shard) {
            self.refuse(&error.to_string(), exchange);
            return Err(error);
        }
        let (rank, ranks) = (exchange.rank(), exchange.ranks());
        let header = Header {
            call: self.calls,
            rows: shard.labels.len() as u64,
            width: shard.width as u64,
            element: size_of::<T>() as u64,
            spec: Some(loss.spec()),
            per_row: [shard.weights.is_some(), shard.marks.is_some()],
        };
        self.calls += 1;
        let mut headers = vec![0; HEADER_BYTES * ranks];
        let stage = Stage::Settings;
        exchange
            .all_gather(stage, &Header::write(Ok(&header)), &vec![HEADER_BYTES; ranks], &mut headers)
            .map_err(RankError::lost(stage))?;
        let (counts, width) = header::read(&headers, (rank, Some(&header)))?;
        let Self { rows, labels, weights, marks, starts, .. } = self;
        starts.clear();
        starts.push(0);
        starts.extend(counts.iter().scan(0, |end, count| {
            *end += count;
            Some(*end)
        }));
        messages::gather_rows(shard, (&counts, width), exchange, (rows, labels, weights, marks))
            .map_err(RankError::lost(Stage::Rows))?;
        // Each part was checked by its own rank.
        let batch = if width == 0 { Batch::new(rows, 1, labels)? } else { Batch::new(rows, width, labels)? };
        let weights = shard.weights.map(|_| &weights[..]);
        let marks = shard.marks.map(|_| &marks[..]);
        Ok(Gathered { batch, weights, marks, starts, rank })
    }

    /// Tells the other ranks that this one cannot take part in their next call, which they get as
    /// [`RankError::Refused`], and why; for input that does not even come to be a [`Shard`].
    pub fn refuse(&mut self, reason: &str, exchange: &mut dyn Exchange) {
        let ranks = exchange.ranks();
        let mut headers = vec![0; HEADER_BYTES * ranks];
        let own = Header::write(Err(reason));
        self.calls += 1;
        // This rank has an error of its own to show.
        let _ = exchange.all_gather(Stage::Settings, &own, &vec![HEADER_BYTES; ranks], &mut headers);
    }
}

/// Checks what can be checked without other ranks.
fn check<T: Element>(spec: LossSpec, shard: Shard<'_, T>) -> Result<()> {
    let empty = shard.labels.is_empty() && shard.embeddings.is_empty();
    let width = if empty { shard.width.max(1) } else { shard.width };
    Batch::new(shard.embeddings, width, shard.labels)?;
    if let Some(weights) = shard.weights {
        Weights::PerSample(weights).check(shard.labels.len())?;
    }
    if let Some(marks) = shard.marks.filter(|marks| marks.len() != shard.labels.len()) {
        return Err(Error::RankMarks { marks: marks.len(), rows: shard.labels.len() });
    }
    // For its margin.
    let nothing = Batch::<T>::new(&[], 1, &[])?;
    Problem::new(&nothing, spec.objective, &mut ProblemBuffers::default())?;
    Ok(())
}

/// The rows of all ranks.
#[derive(Debug)]
pub struct Gathered<'a, T: Real> {
    batch: Batch<'a, T>,
    weights: Option<&'a [f64]>,
    marks: Option<&'a [bool]>,
    starts: &'a [usize],
    rank: usize,
}

impl<'a, T: Element> Gathered<'a, T> {
    /// Rows that were gathered in another way: the batch is the same on every rank, and rank `r` has the rows
    /// `starts[r]..starts[r + 1]`.
    ///
    /// # Errors
    /// Starts that do not ascend from 0 to the rows of the batch, one a rank and the end; weights that are refused.
    pub fn from_parts(
        batch: Batch<'a, T>,
        weights: Option<&'a [f64]>,
        starts: &'a [usize],
        rank: usize,
    ) -> Result<Self> {
        let ends = [starts.first(), starts.last()] == [Some(&0), Some(&batch.rows())];
        if !ends || !starts.is_sorted() || starts.len() < rank + 2 {
            return Err(Error::RankStarts { starts: starts.to_vec(), rows: batch.rows() });
        }
        if let Some(weights) = weights {
            Weights::PerSample(weights).check(batch.rows())?;
        }
        Ok(Self { batch, weights, marks: None, starts, rank })
    }

    /// The rows `[B, D]` and labels of all ranks, by ascending rank.
    #[must_use]
    pub fn batch(&self) -> &Batch<'a, T> {
        &self.batch
    }

    /// The weights of all rows, where there are any.
    #[must_use]
    pub fn weights(&self) -> Option<&'a [f64]> {
        self.weights
    }

    /// The marks of all rows, where there are any.
    #[must_use]
    pub fn marks(&self) -> Option<&'a [bool]> {
        self.marks
    }

    /// Where the rows of each rank start, and the end.
    #[must_use]
    pub fn starts(&self) -> &'a [usize] {
        self.starts
    }

    /// Which rows are this rank's own.
    #[must_use]
    pub fn own(&self) -> Range<usize> {
        self.starts[self.rank]..self.starts[self.rank + 1]
    }

    /// A matrix `[B, D]`, given the rows that each rank has of it: of the gradient, for example.
    ///
    /// # Errors
    /// Ranks that do not answer.
    pub fn join(&self, own: &[T], exchange: &mut dyn Exchange) -> Result<Vec<T>> {
        let width = self.batch.width();
        let ends = self.starts.windows(2).map(|pair| pair[1] - pair[0]);
        let lengths: Vec<usize> = ends.map(|rows| rows * width * size_of::<T>()).collect();
        let (mut bytes, mut joined) = (Vec::new(), Vec::new());
        T::write_le(own, &mut bytes);
        let mut all = vec![0; lengths.iter().sum()];
        let stage = Stage::Joined;
        exchange.all_gather(stage, &bytes, &lengths, &mut all).map_err(RankError::lost(stage))?;
        T::read_le(&all, &mut joined);
        Ok(joined)
    }

    /// Loss, statistics and triplets of the whole batch, on every rank. Of the gradient `[B, D]`, this rank's own rows
    /// are filled in, and the others are zero.
    ///
    /// # Errors
    /// As [`Loss::evaluate_with`]; [`RankError`].
    pub fn evaluate<'e>(
        &'e self,
        loss: &impl Loss,
        exchange: &mut dyn Exchange,
        workspace: &'e mut Workspace<T>,
    ) -> Result<Evaluation<'e, T>> {
        self.run(loss.spec(), None, true, exchange, workspace)
    }

    /// [`Gathered::evaluate`] without the gradient.
    ///
    /// # Errors
    /// As [`Gathered::evaluate`].
    pub fn forward<'e>(
        &'e self,
        loss: &impl Loss,
        exchange: &mut dyn Exchange,
        workspace: &'e mut Workspace<T>,
    ) -> Result<Evaluation<'e, T>> {
        self.run(loss.spec(), None, false, exchange, workspace)
    }

    /// The rows of all ranks against candidates that every rank has alike: a memory bank, or a reference set. Each rank
    /// searches for its own rows; ids of anchors are those of all ranks' rows. The triplets are not kept.
    ///
    /// # Errors
    /// As [`Loss::evaluate_against`]; [`RankError`]; [`Error::RankCandidates`] for candidates whose gradient is wanted, which
    /// no rank has in whole.
    pub fn evaluate_against<'e>(
        &'e self,
        loss: &impl Loss,
        candidates: Candidates<'e, T>,
        with_gradient: bool,
        exchange: &mut dyn Exchange,
        workspace: &'e mut Workspace<T>,
    ) -> Result<Evaluation<'e, T>> {
        if candidates.gradient {
            return Err(Error::RankCandidates);
        }
        self.run(loss.spec(), Some(candidates), with_gradient, exchange, workspace)
    }

    fn run<'e>(
        &'e self,
        spec: LossSpec,
        candidates: Option<Candidates<'e, T>>,
        with_gradient: bool,
        exchange: &mut dyn Exchange,
        workspace: &'e mut Workspace<T>,
    ) -> Result<Evaluation<'e, T>> {
        let weights = self.weights.map_or(Weights::None, Weights::PerSample);
        let inputs = Inputs { weights, upstream: None };
        let side = candidates.map(|candidates| OwnSide::new(self, candidates, spec.objective));
        let (engine, kept) = workspace.parts();
        let mut ranked = RankedEngine::new(engine, exchange, (self, inputs), side);
        let wanted = if with_gradient { Gradient::Workspace } else { Gradient::Skip };
        let result = run(spec, (&self.batch, candidates), inputs, (&mut ranked, kept), wanted);
        match result {
            Ok(evaluation) => Ok(evaluation),
            Err(error) => Err(ranked.report(error, &self.batch, spec.objective)),
        }
    }
}

/// The ids of one rank's rows among those of all.
fn own_ids(identity: Identity<'_>, own: Range<usize>) -> Identity<'_> {
    match identity {
        Identity::Ids { anchors, candidates } => {
            Identity::Ids { anchors: anchors.get(own).unwrap_or(&[]), candidates }
        }
        identity => identity,
    }
}
