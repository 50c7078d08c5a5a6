//! All choices turned round: for each block of rows, which of them each anchor chose.

use super::{super::source::Mined, BLOCK};
use crate::{
    cpu::isa::Element,
    executor::{Executor, run_tasks},
    memory::reserve_exact,
    scratch::Scratch,
};
use core::ops::Range;
use triplet_core::{Problem, Real};

/// Stands for the end of an anchor's choices in a block.
pub(super) const END: u8 = BLOCK as u8;

/// The choices of all anchors, by block of chosen rows: a part for each thread that lists them.
#[derive(Debug)]
pub(crate) struct ByBlock<T> {
    parts: Vec<Part<T>>,
}

/// The choices of consecutive original rows.
#[derive(Debug)]
struct Part<T> {
    anchors: Range<usize>,
    /// Block by block the places in it that the anchors chose, anchors ascending, each followed by [`END`].
    places: Vec<u8>,
    /// The ranking value of each choice, at the same index; empty where nothing depends on it.
    values: Vec<T>,
    /// Where each block starts, and the end.
    starts: Vec<u32>,
}

/// What some anchors chose of a block.
pub(super) struct Chosen<'a, T> {
    /// The original row of the first of them.
    pub(super) first: usize,
    pub(super) places: &'a [u8],
    /// As many, or none.
    pub(super) values: &'a [T],
}

impl<T> Default for ByBlock<T> {
    fn default() -> Self {
        Self { parts: Vec::new() }
    }
}

/// Numbers in the lists of a problem.
fn listed<T: Real>(problem: &Problem<'_, T>) -> usize {
    let rows = problem.anchors().len();
    problem.slots().count().saturating_add(rows.saturating_mul(rows.div_ceil(BLOCK)))
}

/// Whether an index into the lists has four bytes.
pub(super) fn fits<T: Real>(problem: &Problem<'_, T>) -> bool {
    u32::try_from(listed(problem)).is_ok()
}

impl<T: Element> ByBlock<T> {
    /// Bytes for a problem and so many threads.
    pub(super) fn bytes(problem: &Problem<'_, T>, with_values: bool, threads: usize) -> usize {
        let each = 1 + if with_values { size_of::<T>() } else { 0 };
        let starts = threads * (problem.anchors().len().div_ceil(BLOCK) + 2);
        listed(problem).saturating_mul(each).saturating_add(4 * starts)
    }

    /// Lists the choices of all anchors; with their ranking values, where the triplets keep them and the gradient
    /// depends on them.
    pub(super) fn rebuild(
        &mut self,
        mined: &Mined<'_, T>,
        with_values: bool,
        executor: &dyn Executor,
        scratches: &mut [Scratch<T>],
    ) {
        let (rows, parts) = (mined.problem.anchors().len(), scratches.len());
        self.parts.resize_with(parts, || Part {
            anchors: 0..0,
            places: Vec::new(),
            values: Vec::new(),
            starts: Vec::new(),
        });
        let bound = |part: usize| rows * part / parts;
        let pieces = self.parts.iter_mut().enumerate();
        run_tasks(executor, scratches, pieces, |_, (index, part)| {
            part.anchors = bound(index)..bound(index + 1);
            part.list(mined, with_values);
        });
    }

    /// What all anchors chose of a block.
    pub(super) fn of(&self, block: usize) -> impl Iterator<Item = Chosen<'_, T>> {
        self.parts.iter().map(move |part| {
            let list = part.starts[block] as usize..part.starts[block + 1] as usize;
            let values = if part.values.is_empty() { &[] } else { &part.values[list.clone()] };
            Chosen { first: part.anchors.start, places: &part.places[list], values }
        })
    }
}

impl<T: Real> Part<T> {
    /// Counting sort by block. Starts are two blocks ahead while choices are counted, one while they are placed.
    fn list(&mut self, mined: &Mined<'_, T>, with_values: bool) {
        let Self { anchors, places, values, starts } = self;
        let classes = mined.problem.classes();
        let blocks = classes.rows().div_ceil(BLOCK);
        starts.clear();
        starts.resize(blocks + 2, anchors.len() as u32);
        starts[..2].fill(0);
        let position = |row: usize| {
            let position = classes.positions()[row] as usize;
            position..position + 1
        };
        for row in anchors.clone() {
            mined.for_each_choice(position(row), |_, _, chosen| starts[chosen as usize / BLOCK + 2] += 1);
        }
        let mut total = 0;
        for start in &mut starts[2..] {
            total += *start;
            *start = total;
        }
        let total = total as usize;
        reserve_exact(places, total);
        places.resize(total, 0);
        let valued = if with_values { total } else { 0 };
        reserve_exact(values, valued);
        values.resize(valued, T::ZERO);
        for row in anchors.clone() {
            mined.for_each_choice(position(row), |_, slot, chosen| {
                let at = next(&mut starts[chosen as usize / BLOCK + 1]);
                places[at] = (chosen as usize % BLOCK) as u8;
                if with_values {
                    values[at] = mined.negative_distances[slot];
                }
            });
            for start in &mut starts[1..=blocks] {
                places[next(start)] = END;
            }
        }
    }
}

/// A number before it goes up by one.
#[inline(always)]
fn next(number: &mut u32) -> usize {
    let at = *number as usize;
    *number += 1;
    at
}
