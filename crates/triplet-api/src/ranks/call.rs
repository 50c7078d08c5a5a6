//! The first half of a call: every rank gets the rows of all.

use super::{
    Exchange, Gathered, HEADER_BYTES, RankError, Shard, Stage,
    header::{self, Header},
    messages,
};
use crate::{Error, Loss, LossSpec, Result, Weights};
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::Relaxed},
};
use triplet_core::{Batch, Problem, ProblemBuffers};
use triplet_simd::Element;

/// What a rank keeps from call to call; see the example of [`Local`](super::Local).
#[derive(Debug, Clone, Default)]
pub struct Ranks<T> {
    /// Calls that this rank has made, in any element type.
    calls: Arc<AtomicU64>,
    rows: Vec<T>,
    labels: Vec<i64>,
    weights: Vec<f64>,
    marks: Vec<bool>,
    starts: Vec<usize>,
}

impl<T: Element> Ranks<T> {
    /// For calls in another element type that take turns with these.
    #[must_use]
    pub fn of_same_rank<U: Element>(&self) -> Ranks<U> {
        Ranks { calls: Arc::clone(&self.calls), ..Ranks::default() }
    }

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
        let rank = exchange.rank();
        let header = Header {
            call: self.calls.fetch_add(1, Relaxed),
            rows: shard.labels.len() as u64,
            width: shard.width as u64,
            element: size_of::<T>() as u64,
            spec: Some(loss.spec()),
            per_row: [shard.weights.is_some(), shard.marks.is_some()],
            kind: shard.kind,
            digest: shard.digest,
            gradient: shard.gradient,
        };
        let headers = exchange_headers(Ok(&header), exchange)?;
        let header::Agreed { counts, width, gradient } = header::read(&headers, (rank, Some(&header)))?;
        let Self { rows, labels, weights, marks, starts, .. } = self;
        starts.clear();
        starts.push(0);
        starts.extend(counts.iter().scan(0, |end, count| {
            *end += count;
            Some(*end)
        }));
        messages::gather_rows(shard, (&counts, width), exchange, (rows, labels, weights, marks))?;
        // Each part was checked by its own rank.
        let batch = if width == 0 { Batch::new(rows, 1, labels)? } else { Batch::new(rows, width, labels)? };
        let weights = shard.weights.map(|_| &weights[..]);
        let marks = shard.marks.map(|_| &marks[..]);
        Ok(Gathered { batch, weights, marks, starts, rank, gradient })
    }

    /// Tells the other ranks that this one cannot take part in their next call, which they get as
    /// [`RankError::Refused`], and why; for input that does not even come to be a [`Shard`].
    pub fn refuse(&mut self, reason: &str, exchange: &mut dyn Exchange) {
        self.calls.fetch_add(1, Relaxed);
        // This rank has an error of its own to show.
        let _ = exchange_headers(Err(reason), exchange);
    }
}

/// The headers of all ranks, given this one's, or why it has none.
fn exchange_headers(
    own: core::result::Result<&Header, &str>,
    exchange: &mut dyn Exchange,
) -> core::result::Result<Vec<u8>, RankError> {
    let lengths = vec![HEADER_BYTES; exchange.ranks()];
    let mut headers = vec![0; lengths.iter().sum()];
    let stage = Stage::Settings;
    exchange
        .all_gather(stage, &Header::write(own), &lengths, &mut headers)
        .map_err(RankError::lost(stage))?;
    Ok(headers)
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
