//! The last stage: coefficients to gradient rows.

use crate::{
    block::Source,
    chain::{Chain, Part},
    executor::{Crew, Executor, share},
    isa::{Element, Selected},
    lanes::{Kernel, Lanes},
    scratch::Scratch,
};
use triplet_core::{Coefficients, choices::ChoiceSpace, pull::Pull};

/// Rows that a worker takes at a time.
const ROWS: usize = 16;
/// Bytes of other rows that stay in the cache while all rows of a piece use them.
const SHARED_BYTES: usize = 128 * 1024;
/// Entries among so many others that a row must have for that to pay.
const SHARED_ENTRIES: usize = 4;

/// Writes the gradient `[B, D]`. `source` is needed where the problem lacks distances.
pub(crate) fn run<T: Element>(
    executor: &dyn Executor,
    scratches: &mut [Scratch<T>],
    selected: Selected,
    (pull, source): (Pull<'_, T>, Option<Source<'_, T>>),
    space: &mut ChoiceSpace,
    out: &mut [T],
) {
    let width = pull.problem.width();
    space.windows(pull, &Crew(executor), |window, choices| {
        let coefficients = Coefficients::new(pull, choices);
        let rows = &mut out[window.start * width..window.end * width];
        let pieces = rows.chunks_mut(ROWS * width).zip((window.start as u32..).step_by(ROWS));
        share(executor, scratches, pieces, |scratch, (out, first)| {
            T::dispatch(selected, Rows { coefficients: &coefficients, source, first, scratch, out });
        });
    });
}

/// Consecutive rows of the gradient.
struct Rows<'a, T: Element> {
    coefficients: &'a Coefficients<'a, T>,
    source: Option<Source<'a, T>>,
    first: u32,
    scratch: &'a mut Scratch<T>,
    out: &'a mut [T],
}

impl<T: Element> Kernel<T> for Rows<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes<Real = T>>(self, lanes: L) {
        let problem = self.coefficients.problem();
        let (width, batch) = (problem.width(), problem.batch_size());
        let Scratch { row_space, entries, left, distances, .. } = self.scratch;
        entries.clear();
        left.clear();
        let rows = self.first..self.first + (self.out.len() / width) as u32;
        for (index, row) in rows.clone().enumerate() {
            let start = entries.len();
            let mut keys = None;
            if let Some(source) = self.source {
                if index % L::TILE_ROWS == 0 {
                    let end = rows.end.min(row + L::TILE_ROWS as u32);
                    distances.compute(lanes, problem, source, row..end);
                }
                keys = Some(distances.of(index % L::TILE_ROWS));
            }
            self.coefficients.row(row, keys, row_space, entries);
            left.push(start..entries.len());
        }
        // Entries ascend. If most rows of the piece use most other rows, all of them go
        // through the same few others, which stay in the cache, before the next few come
        // by; the chains are resumed.
        let shared = (SHARED_BYTES / (width * size_of::<T>())).max(1);
        let dense = entries.len() / rows.len() * shared >= SHARED_ENTRIES * batch;
        let step = if dense { shared } else { batch };
        for first in (0..batch).step_by(step) {
            let end = first + step;
            for ((out, row), left) in self.out.chunks_exact_mut(width).zip(rows.clone()).zip(&mut *left) {
                let mut part = &entries[left.clone()];
                if end < batch {
                    part = &part[..part.iter().take_while(|entry| (entry.row as usize) < end).count()];
                }
                left.start += part.len();
                let part = Part {
                    entries: part,
                    resume: first > 0,
                    scale: (end >= batch).then_some(self.coefficients.scale()),
                };
                Chain { lanes, problem, row }.run(part, out);
            }
        }
    }
}
