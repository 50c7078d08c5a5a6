//! A few rows of the gradient: their pairs, and then their chains.

use super::{
    Coefficients, Distances, Entries, ROWS, TallyBuffers,
    chain::{Chain, Others, Segment},
    dense::PairCounts,
    projection::project,
    source::Source,
};
use crate::{
    cpu::isa::Element,
    gram::block::PackedRows,
    lanes::{Kernel, Lanes},
    scratch::Scratch,
};
use core::ops::Range;
use triplet_core::{Distance, Points, Problem, distance::GradientStep};

/// How the rows of a piece go through the other rows: all through the same few, which stay in a cache, before the
/// next few.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Segments {
    /// Bytes of these few.
    pub(crate) bytes: usize,
    /// Entries that a row must have among them for that to pay.
    pub(crate) entries: usize,
}

impl Segments {
    /// In the L2 cache, for rows of few entries.
    pub(crate) const LONG: Self = Self { bytes: 128 * 1024, entries: 16 };
    /// In the L1 cache, for rows of many.
    pub(crate) const SHORT: Self = Self { bytes: 40 * 1024, entries: 6 };
}

/// What pairs are added up in.
pub(crate) struct RowPairs<'a, T: Element> {
    pub(crate) tally: &'a mut TallyBuffers<T>,
    pub(crate) entries: &'a mut Entries<T>,
    pub(crate) unconsumed: &'a mut Vec<Range<usize>>,
    pub(crate) distances: &'a mut Distances<T>,
}

impl<'a, T: Element> RowPairs<'a, T> {
    /// Those of a worker.
    pub(crate) fn of(scratch: &'a mut Scratch<T>) -> Self {
        let Scratch { tally, entries, unconsumed, distances, .. } = scratch;
        Self { tally, entries, unconsumed, distances }
    }

    /// Those of a worker, and its counts.
    pub(super) fn with_counts(scratch: &'a mut Scratch<T>) -> (&'a mut PairCounts<T>, Self) {
        let Scratch { pair_counts, tally, entries, unconsumed, distances, .. } = scratch;
        (pair_counts, Self { tally, entries, unconsumed, distances })
    }

    /// Forgets all pairs, and makes room for a problem's.
    pub(crate) fn clear(&mut self, problem: &Problem<'_, T>) {
        self.tally.resize(problem.candidates().len());
        self.entries.clear();
        self.unconsumed.clear();
    }
}

/// Appends the pairs of some original rows.
pub(crate) struct AddUp<'a, T: Element, S> {
    pub(crate) coefficients: &'a Coefficients<'a, T, S>,
    /// The packed rows, where distances were not kept.
    pub(crate) source: Option<PackedRows<'a, T>>,
    pub(crate) rows: &'a [u32],
    pub(crate) pairs: RowPairs<'a, T>,
}

impl<T: Element, S: Source<T>> Kernel<T> for AddUp<'_, T, S> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes<Real = T>>(self, lanes: L) {
        let Self { coefficients, source, rows, pairs } = self;
        let RowPairs { tally, entries, unconsumed, distances } = pairs;
        for (index, &row) in rows.iter().enumerate() {
            let start = entries.len();
            let mut keys = None;
            if let Some(source) = source {
                if index % L::TILE_ROWS == 0 {
                    let some = &rows[index..rows.len().min(index + L::TILE_ROWS)];
                    distances.compute(lanes, coefficients.problem().anchors(), source, some);
                }
                keys = Some(distances.of(index % L::TILE_ROWS));
            }
            coefficients.row(row, keys, tally, entries);
            unconsumed.push(start..entries.len());
        }
    }
}

/// Runs the chains of some original rows whose pairs are complete.
pub(crate) struct Chains<'a, T: Element> {
    pub(crate) distance: Distance,
    /// The side that the rows are of.
    pub(crate) side: Points<'a, T>,
    /// What every component is multiplied by at the end.
    pub(crate) scale: T,
    /// At most [`ROWS`].
    pub(crate) rows: &'a [u32],
    pub(crate) others: Others<'a, T>,
    pub(crate) segments: Segments,
    pub(crate) scratch: &'a mut Scratch<T>,
    pub(crate) out: &'a mut [T],
}

impl<'a, T: Element> Chains<'a, T> {
    /// Those of some anchors, which read the candidates where they are.
    pub(crate) fn of_anchors(
        problem: &Problem<'a, T>,
        scale: T,
        rows: &'a [u32],
        scratch: &'a mut Scratch<T>,
        out: &'a mut [T],
    ) -> Self {
        let (side, others) = (problem.anchors(), Others::all(problem.candidates()));
        let (distance, segments) = (problem.distance(), Segments::LONG);
        Self { distance, side, scale, rows, others, segments, scratch, out }
    }
}

impl<T: Element> Kernel<T> for Chains<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes<Real = T>>(self, lanes: L) {
        let Self { distance, side, rows, others, segments, .. } = self;
        debug_assert!(rows.len() <= ROWS);
        // One step also where there are no others: it writes zeros.
        let (width, batch) = (side.width(), others.len().max(1));
        let Scratch { columns, entries, unconsumed, .. } = self.scratch;
        if distance.needs_pair_distance() {
            entries.finish(distance);
        }
        // Entries ascend. If most rows of the piece use most other rows, all of them go
        // through the same few others, which stay in the cache, before the next few come
        // by; the chains are resumed.
        let shared = (segments.bytes / (others.stride * size_of::<T>())).max(1);
        let dense = entries.len() / rows.len() * shared >= segments.entries * batch;
        let step = if dense { shared } else { batch };
        let gradient_step = distance.gradient_step();
        for first in (0..batch).step_by(step) {
            let end = first + step;
            for ((out, &row), unconsumed) in self.out.chunks_exact_mut(width).zip(rows).zip(&mut *unconsumed)
            {
                let (mut rows, coefficients) = entries.of(unconsumed.clone());
                if end < batch {
                    rows = &rows[..rows.iter().take_while(|&&other| (other as usize) < end).count()];
                }
                let segment = Segment {
                    rows,
                    coefficients: &coefficients[..rows.len()],
                    resume: first > 0,
                    scale: (end >= batch).then_some(self.scale),
                };
                unconsumed.start += rows.len();
                Chain { lanes, step: gradient_step, own: side.row(row), others }.run(segment, out);
            }
        }
        if gradient_step == GradientStep::UnitRow {
            project(lanes, side, rows, self.out, columns);
        }
    }
}
