//! The passes over a batch, in order. Each is cut into pieces that write to places
//! of their own, so that any number of workers gives the same result.
//!
//! `pack` → `thresholds` → `triangle` → `collect` mine the triplets of classes of usual
//! size, `large` those of large ones; `gradient` turns coefficients into rows.

pub(crate) mod collect;
pub(crate) mod gradient;
pub(crate) mod large;
pub(crate) mod pack;
pub(crate) mod thresholds;
pub(crate) mod triangle;

use crate::layout::Layout;
use core::ops::Range;
use triplet_core::{Problem, Real};

/// Cuts a slice into consecutive mutable pieces of the given lengths.
pub(crate) fn pieces<'a, T>(
    mut slice: &'a mut [T],
    lengths: impl Iterator<Item = usize> + Send + 'a,
) -> impl Iterator<Item = &'a mut [T]> + Send + 'a
where
    T: Send,
{
    lengths.map(move |length| {
        let (piece, rest) = core::mem::take(&mut slice).split_at_mut(length);
        slice = rest;
        piece
    })
}

/// The slots of the triplets whose anchors lie in a panel.
pub(crate) fn panel_slots<T: Real>(layout: &Layout, problem: &Problem<'_, T>, panel: usize) -> Range<usize> {
    let positions = layout.positions(panel);
    problem.slots(positions.start).start..problem.slots(positions.end - 1).end
}
