//! Triplets to gradient: choices turned round, coefficients, and one chain a component.
//!
//! The gradient of a square batch is a sum over pairs of rows. For each row, [`chosen_by`] lists
//! the anchors that chose it as their negative, [`coefficients`] adds up what the triplets put on
//! each of its pairs, and [`chain`] runs the pairs' chain of multiply-adds.

pub(crate) mod aligned_rows;
pub(crate) mod chain;
mod chosen_by;
mod coefficients;
pub(crate) mod dense;
mod distances;
mod entries;
mod list;
pub(crate) mod projection;
mod rows;
pub(crate) mod source;
mod tally;

pub(crate) use chain::Others;
pub(crate) use chosen_by::ChoiceBuffers;
pub use chosen_by::MOST_LISTED_CHOICES;
pub(crate) use distances::Distances;
pub(crate) use entries::Entries;
pub(crate) use tally::TallyBuffers;

use crate::{
    cpu::isa::{Element, Selected},
    executor::{Executor, run_tasks},
    gram::{block::PackedRows, layout::MIN_LARGE_POSITIVES},
    inlined::from_fn,
    scratch::Scratch,
};
pub(crate) use coefficients::Coefficients;
pub(crate) use list::{List, Listed};
pub(crate) use rows::{AddUp, Chains, RowPairs, Segments};
use source::{Kept, Mined};
use triplet_core::Problem;

/// What the stages of the gradient are given.
#[derive(Clone, Copy)]
pub(crate) struct GradientContext<'a, T: Element> {
    /// Runs the pieces.
    pub(crate) executor: &'a dyn Executor,
    /// The instruction set.
    pub(crate) selected: Selected,
    /// Triplets and factors.
    pub(crate) mined: Mined<'a, T>,
    /// The packed rows, where distances were not kept.
    pub(crate) source: Option<PackedRows<'a, T>>,
    /// The rows that chains read.
    pub(crate) others: Others<'a, T>,
    /// The first of the rows whose gradient is wanted, and the one after the last.
    pub(crate) rows: [usize; 2],
}

/// Rows that a worker takes at a time.
pub(crate) const ROWS: usize = 16;
/// Among so many pairs of rows, one positive pair makes looking distances up slower than computing all of
/// them again (measured: see the docs page on speed).
const PAIRS_A_POSITIVE: usize = 4;

/// Whether triplets should keep their distances. Only the gradient of a distance that is differentiated pair
/// by pair reads them, and computing all again takes less than looking up very many. Few are kept
/// anyway, for whoever lists the triplets.
pub(crate) fn gains_from_distances<T: Element>(problem: &Problem<'_, T>, with_gradient: bool) -> bool {
    let (rows, slots) = (problem.anchors().len(), problem.slots().count());
    let needed = with_gradient && problem.distance().needs_pair_distance();
    let dense = slots >= rows.saturating_mul(rows) / PAIRS_A_POSITIVE;
    slots / MIN_LARGE_POSITIVES < rows || (needed && !dense)
}

/// Writes the wanted rows of the gradient `[B, D]`, in original row order.
pub(crate) fn run<T: Element>(
    context: GradientContext<'_, T>,
    scratches: &mut [Scratch<T>],
    buffers: &mut ChoiceBuffers,
    out: &mut [T],
) {
    let GradientContext { executor, selected, mined, source, others, rows } = context;
    let Mined { problem, scale, .. } = mined;
    let width = problem.anchors().width();
    buffers.windows(mined, executor, rows[0]..rows[1], |window, choices| {
        let coefficients = &Coefficients::new(problem, scale, Kept { mined, choices });
        let rows = &mut out[window.start * width..window.end * width];
        let pieces = rows.chunks_mut(ROWS * width).zip((window.start as u32..).step_by(ROWS));
        run_tasks(executor, scratches, pieces, |scratch, (out, first)| {
            let rows: [u32; ROWS] = from_fn(|row| first + row as u32);
            let rows = &rows[..out.len() / width];
            let mut pairs = RowPairs::of(scratch);
            pairs.clear(problem);
            T::dispatch(selected, AddUp { coefficients, source, rows, pairs });
            let of_anchors = Chains::of_anchors(problem, scale.scale, rows, scratch, out);
            T::dispatch(selected, Chains { others, ..of_anchors });
        });
    });
}
