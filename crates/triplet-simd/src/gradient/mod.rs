//! Triplets to gradient: choices turned round, coefficients, and one chain a component.
//!
//! The gradient of a square batch is a sum over pairs of rows. For each row, [`chosen_by`] lists
//! the anchors that chose it as their negative, [`coefficients`] adds up what the triplets put on
//! each of its pairs, and [`chain`] runs the pairs' chain of multiply-adds.

pub(crate) mod chain;
mod chosen_by;
mod coefficients;
mod distances;
mod entries;
mod list;
pub(crate) mod projection;
mod tally;

pub(crate) use chosen_by::ChoiceBuffers;
pub use chosen_by::MOST_LISTED_CHOICES;
pub(crate) use distances::Distances;
pub(crate) use entries::Entries;
pub(crate) use tally::TallyBuffers;

use crate::{
    cpu::isa::{Element, Selected},
    executor::{Executor, run_tasks},
    gram::{block::PackedRows, layout::MIN_LARGE_POSITIVES},
    lanes::{Kernel, Lanes},
    scratch::Scratch,
};
use chain::{Chain, Segment};
use coefficients::Coefficients;
use projection::project;
use triplet_core::{GradientInputs, Problem, distance::GradientStep};

/// What the stages of the gradient are given.
#[derive(Clone, Copy)]
pub(crate) struct GradientContext<'a, T: Element> {
    /// Runs the pieces.
    pub(crate) executor: &'a dyn Executor,
    /// The instruction set.
    pub(crate) selected: Selected,
    /// Problem, triplets and factors.
    pub(crate) inputs: GradientInputs<'a, T>,
    /// The packed rows, where distances were not kept.
    pub(crate) source: Option<PackedRows<'a, T>>,
}

/// Rows that a worker takes at a time.
pub(crate) const ROWS: usize = 16;
/// Bytes of other rows that stay in the cache while all rows of a piece use them.
const SHARED_BYTES: usize = 128 * 1024;
/// Entries among so many others that a row must have for that to pay.
const SHARED_ENTRIES: usize = 16;

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

/// Writes the gradient `[B, D]`, in original row order.
pub(crate) fn run<T: Element>(
    context: GradientContext<'_, T>,
    scratches: &mut [Scratch<T>],
    buffers: &mut ChoiceBuffers,
    out: &mut [T],
) {
    let GradientContext { executor, selected, inputs, source } = context;
    let width = inputs.problem.anchors().width();
    buffers.windows(inputs, executor, |window, choices| {
        let coefficients = Coefficients::new(inputs, choices);
        let rows = &mut out[window.start * width..window.end * width];
        let pieces = rows.chunks_mut(ROWS * width).zip((window.start as u32..).step_by(ROWS));
        run_tasks(executor, scratches, pieces, |scratch, (out, first)| {
            T::dispatch(selected, Rows { coefficients: &coefficients, source, first, scratch, out });
        });
    });
}

/// Consecutive rows of the gradient.
struct Rows<'a, T: Element> {
    coefficients: &'a Coefficients<'a, T>,
    source: Option<PackedRows<'a, T>>,
    first: u32,
    scratch: &'a mut Scratch<T>,
    out: &'a mut [T],
}

impl<T: Element> Kernel<T> for Rows<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes<Real = T>>(self, lanes: L) {
        let problem = self.coefficients.problem();
        let (width, batch) = (problem.anchors().width(), problem.candidates().len());
        let Scratch { columns, tally, entries, unconsumed, distances, .. } = self.scratch;
        entries.clear();
        tally.resize(batch);
        unconsumed.clear();
        let rows = self.first..self.first + (self.out.len() / width) as u32;
        for (index, row) in rows.clone().enumerate() {
            let start = entries.len();
            let mut keys = None;
            if let Some(source) = self.source {
                if index % L::TILE_ROWS == 0 {
                    let end = rows.end.min(row + L::TILE_ROWS as u32);
                    distances.compute(lanes, problem.anchors(), source, row..end);
                }
                keys = Some(distances.of(index % L::TILE_ROWS));
            }
            self.coefficients.row(row, keys, tally, entries);
            unconsumed.push(start..entries.len());
        }
        if problem.distance().needs_pair_distance() {
            entries.finish(problem.distance());
        }
        // Entries ascend. If most rows of the piece use most other rows, all of them go
        // through the same few others, which stay in the cache, before the next few come
        // by; the chains are resumed.
        let shared = (SHARED_BYTES / (width * size_of::<T>())).max(1);
        let dense = entries.len() / rows.len() * shared >= SHARED_ENTRIES * batch;
        let step = if dense { shared } else { batch };
        for first in (0..batch).step_by(step) {
            let end = first + step;
            for ((out, row), unconsumed) in
                self.out.chunks_exact_mut(width).zip(rows.clone()).zip(&mut *unconsumed)
            {
                let (mut others, coefficients) = entries.of(unconsumed.clone());
                if end < batch {
                    others = &others[..others.iter().take_while(|&&other| (other as usize) < end).count()];
                }
                let segment = Segment {
                    rows: others,
                    coefficients: &coefficients[..others.len()],
                    resume: first > 0,
                    scale: (end >= batch).then_some(self.coefficients.scale()),
                };
                unconsumed.start += others.len();
                Chain { lanes, problem, row }.run(segment, out);
            }
        }
        if problem.distance().gradient_step() == GradientStep::UnitRow {
            project(lanes, problem, self.first, self.out, columns);
        }
    }
}
