//! The gradient of batches of few, large classes, in which most pairs of rows have a coefficient.
//!
//! What all triplets put on the pairs of [`BLOCK`] rows is counted in a table of these rows by all rows
//! ([`counts`]). Each anchor's choices are put in order of blocks of chosen rows once ([`by_block`]), so that a
//! block finds those of its own rows without a list for each row.

mod by_block;
mod counts;
mod rows;
#[cfg(test)]
mod tests;

pub(crate) use by_block::ByBlock;
pub(crate) use counts::PairCounts;

use super::{Chains, GradientContext, ROWS, RowPairs, Segments, gains_from_distances, source::Mined};
use crate::{
    cpu::isa::Element, executor::run_tasks, gram::layout::MIN_LARGE_POSITIVES, inlined::from_fn,
    scratch::Scratch,
};
use core::ops::Range;
use counts::Tables;
use rows::AddUpBlock;
use triplet_core::{Problem, Real};

/// Rows whose pairs are counted at a time; their places in a block are listed in a byte each.
pub(crate) const BLOCK: usize = 32;
/// Among so many pairs of rows one positive pair makes counting in tables faster than looking pairs up
/// (measured: see the docs page on speed).
pub(crate) const PAIRS_A_SLOT: usize = 11;

/// Bytes for a problem and so many threads, and of each of these.
pub(crate) fn bytes<T: Element>(problem: &Problem<'_, T>, threads: usize) -> (usize, usize) {
    let valued = problem.distance().needs_pair_distance() && gains_from_distances(problem, true);
    // Weights may come with the gradient.
    let tables = Tables { weighted: true, valued };
    (ByBlock::bytes(problem, valued, threads), PairCounts::<T>::bytes(problem.anchors().len(), tables))
}

/// Whether a batch has large classes and so many pairs, its rule whole numbers to count, and its choices room where
/// so many may be listed in two bytes each.
pub(crate) fn suits<T: Real>(problem: &Problem<'_, T>, most_listed: usize) -> bool {
    let (rows, slots) = (problem.anchors().len(), problem.slots().count());
    problem.is_square()
        && !problem.rule().one_per_anchor()
        && problem.rule().has_unit_derivatives()
        && slots >= rows.saturating_mul(MIN_LARGE_POSITIVES)
        && slots >= rows.saturating_mul(rows) / PAIRS_A_SLOT
        && slots <= most_listed.saturating_mul(2)
        && by_block::fits(problem)
}

/// Writes the blocks of the gradient `[B, D]` that the wanted rows are in, in original row order.
pub(crate) fn run<T: Element>(
    context: GradientContext<'_, T>,
    scratches: &mut [Scratch<T>],
    by_block: &mut ByBlock<T>,
    out: &mut [T],
) {
    let GradientContext { executor, selected, mined, source, others, rows: [first, end] } = context;
    let Mined { problem, scale, .. } = mined;
    let valued = problem.distance().needs_pair_distance() && mined.keeps_distances;
    let tables = Tables { weighted: scale.weights.is_some(), valued };
    by_block.rebuild(&mined, valued, executor, scratches);
    let by_block = &*by_block;
    let (width, rows) = (problem.anchors().width(), problem.anchors().len());
    let blocks = first / BLOCK..end.div_ceil(BLOCK);
    let pieces = out.chunks_mut(BLOCK * width).enumerate().filter(|(block, _)| blocks.contains(block));
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
            let of_anchors = Chains::of_anchors(problem, scale.scale, rows, scratch, out);
            T::dispatch(selected, Chains { others, segments: Segments::SHORT, ..of_anchors });
        }
    });
}

/// The original rows of a block.
fn rows_of(block: usize, rows: usize) -> Range<usize> {
    block * BLOCK..((block + 1) * BLOCK).min(rows)
}
