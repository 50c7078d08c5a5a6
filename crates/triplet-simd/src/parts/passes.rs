//! Passes over all anchors, each mined in a worker's buffers.

use crate::{
    cpu::isa::Element,
    executor::run_tasks,
    gradient::source::for_each_flagged,
    gram::layout::Layout,
    memory::reserve_exact,
    mining::{StageContext, mine_tile, tiles},
    scratch::Scratch,
    search::buckets::Anchor,
};
use core::{
    ops::Range,
    sync::atomic::{AtomicU32, Ordering::Relaxed},
};
use triplet_core::{NO_ROW, Problem, triplets::AnchorBuffers};

/// Makes room in a worker's buffers for the anchors of the largest class, and for the pairs of some rows of the
/// gradient, so that they do not grow by doubling.
pub(super) fn reserve<T: Element>(
    scratch: &mut Scratch<T>,
    problem: &Problem<'_, T>,
    layout: &Layout,
    gradient_rows: usize,
) {
    let rows = problem.anchors().len();
    let (anchors, positives) = (layout.tile_rows.min(rows), problem.classes().largest().saturating_sub(1));
    if scratch.anchors.len() < anchors {
        reserve_exact(&mut scratch.anchors, anchors);
        scratch.anchors.resize_with(anchors, Default::default);
    }
    scratch.anchors.iter_mut().for_each(|anchor| anchor.reserve(positives));
    reserve_exact(&mut scratch.negatives, positives);
    scratch.entries.reserve(gradient_rows * rows);
    reserve_exact(&mut scratch.appended, if gradient_rows > 0 { positives } else { 0 });
    reserve_exact(&mut scratch.rows, gradient_rows * problem.anchors().width());
}

/// Mines every anchor, tile by tile, and hands over the worker whose buffers have the triplets of some
/// positions, with what belongs to the tile.
pub(super) fn each_tile<'a, T: Element, P: Send>(
    context: StageContext<'a, T>,
    scratches: &mut [Scratch<T>],
    mut piece: impl FnMut(&Range<usize>) -> P + Send,
    take: impl Fn(&mut Scratch<T>, Range<usize>, P) + Sync,
) {
    let pieces = tiles(context.source.layout).map(|positions| (piece(&positions), positions));
    run_tasks(context.executor, scratches, pieces, |scratch, (piece, positions)| {
        mine_tile(context, scratch, positions.clone());
        take(scratch, positions, piece);
    });
}

/// The triplets of some positions, in the buffers of a worker's anchors.
pub(super) fn found<T: Element>(
    anchors: &[Anchor<T>],
    positions: Range<usize>,
) -> impl Iterator<Item = (usize, &AnchorBuffers)> {
    positions.zip(anchors.iter().map(|anchor| &anchor.found))
}

/// Calls `visit(row)` for every choice of an anchor in a triplet that has a gradient.
#[inline(always)]
pub(super) fn for_each_choice(anchor: &AnchorBuffers, mut visit: impl FnMut(u32)) {
    for_each_flagged(&anchor.has_gradient, &anchor.negatives, |_, row| {
        if row != NO_ROW {
            visit(row);
        }
    });
}

/// The sums of all anchors.
pub(super) fn sums<T: Element>(context: StageContext<'_, T>, scratches: &mut [Scratch<T>], sums: &mut [f64]) {
    let mut rest = sums;
    let piece = |positions: &Range<usize>| rest.split_off_mut(..positions.len()).unwrap_or_default();
    each_tile(context, scratches, piece, |scratch, positions, sums: &mut [f64]| {
        for ((_, anchor), sum) in found(&scratch.anchors, positions).zip(sums) {
            *sum = anchor.sum;
        }
    });
}

/// The sums of all anchors, and how often each row was chosen in a triplet that has a gradient. What else is
/// noted of an anchor, `also` does, given a worker's buffer, the position and its piece of `rest`.
pub(super) fn count<'a, T: Element, P: Send>(
    context: StageContext<'a, T>,
    scratches: &mut [Scratch<T>],
    chosen: &mut Vec<AtomicU32>,
    sums: &mut [f64],
    mut rest: impl FnMut(&Range<usize>) -> P + Send,
    also: impl Fn(&mut Vec<u32>, usize, &AnchorBuffers, &mut P) + Sync,
) {
    let classes = context.problem.classes();
    chosen.clear();
    reserve_exact(chosen, classes.rows());
    chosen.resize_with(classes.rows(), AtomicU32::default);
    let chosen = &chosen[..];
    let several = scratches.len() > 1;
    let mut sums = sums;
    let piece = |positions: &Range<usize>| {
        (sums.split_off_mut(..positions.len()).unwrap_or_default(), rest(positions))
    };
    each_tile(context, scratches, piece, |scratch, positions, (sums, mut rest): (&mut [f64], P)| {
        let Scratch { anchors, appended, .. } = scratch;
        for ((position, anchor), sum) in found(anchors, positions).zip(sums) {
            *sum = anchor.sum;
            for_each_choice(anchor, |row| {
                next(&chosen[classes.positions()[row as usize] as usize], several);
            });
            also(appended, position, anchor, &mut rest);
        }
    });
}

/// A number that several threads may count up, before it goes up by one.
#[inline(always)]
pub(super) fn next(number: &AtomicU32, several: bool) -> u32 {
    if several {
        number.fetch_add(1, Relaxed)
    } else {
        // An atomic addition takes several times as long.
        let value = number.load(Relaxed);
        number.store(value.wrapping_add(1), Relaxed);
        value
    }
}
