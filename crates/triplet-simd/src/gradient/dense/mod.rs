//! The gradient of batches of few, large classes, in which most pairs of rows have a coefficient.
//!
//! What all triplets put on the pairs of [`BLOCK`] rows is counted in a table of these rows by all rows
//! ([`counts`]). Each anchor's choices are put in order of blocks of chosen rows once ([`by_block`]), so that a
//! block finds those of its own rows without a list for each row.

mod by_block;
mod counts;
mod rows;

pub(crate) use counts::PairCounts;

use super::{Chains, GradientContext, Others, ROWS, RowPairs, gains_from_distances, source::Mined};
use crate::{
    cpu::isa::Element,
    executor::run_tasks,
    gram::aligned::{Aligned, aligned_stride},
    inlined::from_fn,
};
use core::ops::Range;
use by_block::ByBlock;
use counts::Tables;
use rows::AddUpBlock;
use triplet_core::{Problem, Real};

/// Rows whose pairs are counted at a time; their places in a block are listed in a byte each.
pub(crate) const BLOCK: usize = 32;
/// Among so many pairs of rows one positive pair makes counting in tables faster than looking pairs up
/// (measured: see the docs page on speed).
pub(crate) const PAIRS_A_POSITIVE: usize = 24;

/// What the gradient by tables keeps from call to call, besides the scratch of each worker.
#[derive(Debug)]
pub(crate) struct DenseBuffers<T: Element> {
    by_block: ByBlock<T>,
    /// All rows, each from the start of a cache line on.
    copied: Aligned<T>,
}

impl<T: Element> Default for DenseBuffers<T> {
    fn default() -> Self {
        Self { by_block: ByBlock::default(), copied: Aligned::default() }
    }
}

impl<T: Element> DenseBuffers<T> {
    /// Bytes for a problem and so many threads, and of each of these.
    pub(crate) fn bytes(problem: &Problem<'_, T>, threads: usize) -> (usize, usize) {
        let points = problem.anchors();
        let copied = points.len().saturating_mul(aligned_stride::<T>(points.width()) * size_of::<T>());
        let valued = problem.distance().needs_pair_distance() && gains_from_distances(problem, true);
        let listed = ByBlock::<T>::bytes(problem, valued, threads);
        // Weights may come with the gradient.
        let tables = PairCounts::<T>::bytes(points.len(), Tables { weighted: true, valued });
        (listed.saturating_add(copied), tables)
    }
}

/// Whether a batch has so many pairs, its rule whole numbers to count, and its choices room where so many may be
/// listed in two bytes each.
pub(crate) fn suits<T: Real>(problem: &Problem<'_, T>, most_listed: usize) -> bool {
    let (rows, slots) = (problem.anchors().len(), problem.slots().count());
    problem.is_square()
        && !problem.rule().one_per_anchor()
        && problem.rule().has_unit_derivatives()
        && slots >= rows.saturating_mul(rows) / PAIRS_A_POSITIVE
        && slots <= most_listed.saturating_mul(2)
        && by_block::fits(problem)
}

/// Writes the gradient `[B, D]`, in original row order.
pub(crate) fn run<T: Element>(
    context: GradientContext<'_, T>,
    scratches: &mut [crate::scratch::Scratch<T>],
    buffers: &mut DenseBuffers<T>,
    out: &mut [T],
) {
    let GradientContext { executor, selected, mined, source } = context;
    let Mined { problem, scale, .. } = mined;
    let DenseBuffers { by_block, copied } = buffers;
    let valued = problem.distance().needs_pair_distance() && mined.keeps_distances;
    let tables = Tables { weighted: scale.weights.is_some(), valued };
    by_block.rebuild(&mined, valued, executor, scratches);
    let by_block = &*by_block;
    let others = copy(problem, copied);
    let (width, rows) = (problem.anchors().width(), problem.anchors().len());
    let pieces = out.chunks_mut(BLOCK * width).enumerate();
    run_tasks(executor, scratches, pieces, |scratch, (block, out)| {
        let block = rows_of(block, rows);
        scratch.pair_counts.count(&mined, by_block, block.clone(), tables);
        let mut first = block.start;
        for out in out.chunks_mut(ROWS * width) {
            let some = first..(first + ROWS).min(block.end);
            first = some.end;
            let rows: [u32; ROWS] = from_fn(|row| (some.start + row) as u32);
            let rows = &rows[..some.len()];
            let (counts, pairs) = RowPairs::with_counts(scratch);
            let add = AddUpBlock { mined: &mined, source, first_of_block: block.start, rows, counts, pairs };
            T::dispatch(selected, add);
            T::dispatch(selected, Chains { problem, scale: scale.scale, rows, others, scratch, out });
        }
    });
}

/// The original rows of a block.
fn rows_of(block: usize, rows: usize) -> Range<usize> {
    block * BLOCK..((block + 1) * BLOCK).min(rows)
}

/// Copies all rows, so that no vector of them straddles two cache lines.
fn copy<'a, T: Element>(problem: &Problem<'_, T>, copied: &'a mut Aligned<T>) -> Others<'a, T> {
    let points = problem.anchors();
    let (width, stride) = (points.width(), aligned_stride::<T>(points.width()));
    copied.resize(points.len() * stride);
    for (copied, row) in copied.chunks_exact_mut(stride).zip(points.rows().chunks_exact(width)) {
        copied[..width].copy_from_slice(row);
    }
    Others { values: copied, first: 0, stride }
}
