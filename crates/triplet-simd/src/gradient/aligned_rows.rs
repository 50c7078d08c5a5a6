//! Rows that no vector straddles two cache lines in.

use super::Others;
use crate::{
    cpu::isa::Element,
    gram::aligned::{Aligned, LINE},
};
use triplet_core::Problem;

/// Choices a row from which on a copy is read often enough to pay (measured: see the docs page on speed).
const SLOTS_A_ROW: usize = 4;
/// Bytes of rows from which on: smaller ones stay in the L1 cache, where a second line is nearly free.
const LEAST_BYTES: usize = 64 * 1024;

/// Values from row to row of a copy, whose rows start on cache lines.
fn stride<T>(width: usize) -> usize {
    width.next_multiple_of(LINE / size_of::<T>())
}

/// Whether the gradient of a problem reads a copy of its rows, unless they start on cache lines themselves.
fn gains<T: Element>(problem: &Problem<'_, T>) -> bool {
    let points = problem.candidates();
    problem.slots().count() >= SLOTS_A_ROW * points.len() && size_of_val(points.rows()) >= LEAST_BYTES
}

/// Bytes of the copy of a problem's rows.
pub(crate) fn bytes<T: Element>(problem: &Problem<'_, T>) -> usize {
    let points = problem.candidates();
    if gains(problem) { points.len().saturating_mul(stride::<T>(points.width()) * size_of::<T>()) } else { 0 }
}

/// The rows of a problem: themselves, or a copy where that is faster to read and allowed.
pub(crate) fn rows<'a, T: Element>(
    problem: &Problem<'a, T>,
    allowed: bool,
    copied: &'a mut Aligned<T>,
) -> Others<'a, T> {
    let points = problem.candidates();
    let (width, stride) = (points.width(), stride::<T>(points.width()));
    let aligned = width == stride && points.rows().as_ptr().addr().is_multiple_of(LINE);
    if aligned || !allowed || !gains(problem) {
        return Others::all(points);
    }
    copied.resize(points.len() * stride);
    for (copied, row) in copied.chunks_exact_mut(stride).zip(points.rows().chunks_exact(width)) {
        copied[..width].copy_from_slice(row);
    }
    Others { values: copied, stride }
}
