//! The search down the columns of a block: lanes are anchors.

use super::{Block, PanelBest, THRESHOLDS_PER_PASS};
use crate::{
    inlined::{from_fn, zip},
    lanes::{Kernel, Lanes},
};
use triplet_core::{Real, real::Key};

type KeyOf<L> = <<L as Lanes>::Real as Real>::Key;

/// Rows searched between two tests whether any lane improved. With one test a block, some
/// lane has improved in about half of the tests; the fewer rows, the rarer, and the fewer to
/// search for it.
const ROWS_PER_CHECK: usize = 8;

/// Rows that a panel must have been compared with before its search tests for improvements:
/// before, nearly every test would find some.
pub(crate) const WARMUP_ROWS: u32 = 1000;

/// Updates the bests of one column panel, that starts at column `start` of the
/// block, with the block's rows as candidates.
#[inline(always)]
pub(crate) fn search<L: Lanes>(
    lanes: L,
    block: Block<'_, KeyOf<L>>,
    start: usize,
    best: &mut PanelBest<'_, KeyOf<L>>,
    far: bool,
) {
    let slots = best.thresholds.len() / L::PANEL;
    if slots == 0 {
        return;
    }
    let young = *best.seen < WARMUP_ROWS;
    *best.seen += block.row_ids.len() as u32;
    for lane in (0..L::PANEL).step_by(L::LEN) {
        let column = start + lane;
        if far {
            farthest(lanes, block, column, &mut best.far[lane..], &mut best.farthest_row[lane..]);
        }
        let mut first = lane;
        let mut left = slots;
        if young {
            resolve_all(lanes, block, column, best, first, left);
            continue;
        }
        while left >= THRESHOLDS_PER_PASS {
            nearest::<L, THRESHOLDS_PER_PASS>(lanes, block, column, best, first);
            first += THRESHOLDS_PER_PASS * L::PANEL;
            left -= THRESHOLDS_PER_PASS;
        }
        match left {
            3 => nearest::<L, 3>(lanes, block, column, best, first),
            2 => nearest::<L, 2>(lanes, block, column, best, first),
            1 => nearest::<L, 1>(lanes, block, column, best, first),
            _ => {}
        }
    }
}

/// `N` thresholds of a vector of anchors, a panel apart from `first` on.
#[inline(always)]
fn nearest<L: Lanes, const N: usize>(
    lanes: L,
    block: Block<'_, KeyOf<L>>,
    column: usize,
    best: &mut PanelBest<'_, KeyOf<L>>,
    first: usize,
) {
    let slot = |n: usize| first + n * L::PANEL;
    let thresholds: [L::Keys; N] = from_fn(|n| lanes.load_keys(&best.thresholds[slot(n)..]));
    let mut excess: [L::Keys; N] = from_fn(|n| lanes.load_keys(&best.excess[slot(n)..]));
    for (keys, ids) in
        zip(block.keys.chunks(block.stride * ROWS_PER_CHECK), block.row_ids.chunks(ROWS_PER_CHECK))
    {
        let mut least = [lanes.splat_key(Key::MASKED); N];
        for keys in keys.chunks_exact(block.stride).take(ids.len()) {
            let keys = lanes.load_keys(&keys[column..]);
            for n in 0..N {
                least[n] = lanes.min_unsigned(least[n], lanes.sub_keys(keys, thresholds[n]));
            }
        }
        let reaches: [L::Mask; N] = from_fn(|n| lanes.at_most(least[n], excess[n]));
        if !lanes.any(reaches.into_iter().reduce(|a, b| lanes.or(a, b)).unwrap_or(reaches[0])) {
            continue;
        }
        for n in (0..N).filter(|&n| lanes.any(reaches[n])) {
            let group = Block { keys, row_ids: ids, ..block };
            let (thresholds, excess) = (&best.thresholds[slot(n)..], &mut best.excess[slot(n)..]);
            lanes.enter(Resolve {
                block: group,
                column,
                thresholds,
                excess,
                nearest_row: &mut best.nearest_row[slot(n)..],
            });
        }
        excess = from_fn(|n| lanes.load_keys(&best.excess[slot(n)..]));
    }
}

/// Takes the smaller excess of each lane, the lowest original row on ties. Rare, so
/// kept out of the loop as a function of its own.
struct Resolve<'a, K> {
    block: Block<'a, K>,
    column: usize,
    thresholds: &'a [K],
    excess: &'a mut [K],
    nearest_row: &'a mut [K],
}

impl<T: Real> Kernel<T> for Resolve<'_, T::Key> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes<Real = T>>(self, lanes: L) {
        resolve::<L, 1>(lanes, self.block, self.column, self.thresholds, self.excess, self.nearest_row);
    }
}

/// All thresholds of a vector of anchors, without a test.
#[inline(always)]
fn resolve_all<L: Lanes>(
    lanes: L,
    block: Block<'_, KeyOf<L>>,
    column: usize,
    best: &mut PanelBest<'_, KeyOf<L>>,
    mut first: usize,
    mut left: usize,
) {
    while left > 0 {
        let (thresholds, excess, nearest) =
            (&best.thresholds[first..], &mut best.excess[first..], &mut best.nearest_row[first..]);
        let done = left.min(2);
        match done {
            2 => resolve::<L, 2>(lanes, block, column, thresholds, excess, nearest),
            _ => resolve::<L, 1>(lanes, block, column, thresholds, excess, nearest),
        }
        first += done * L::PANEL;
        left -= done;
    }
}

/// `N` thresholds at a time, a panel apart.
#[inline(always)]
fn resolve<L: Lanes, const N: usize>(
    lanes: L,
    block: Block<'_, KeyOf<L>>,
    column: usize,
    thresholds: &[KeyOf<L>],
    excess: &mut [KeyOf<L>],
    nearest: &mut [KeyOf<L>],
) {
    let thresholds: [L::Keys; N] = from_fn(|n| lanes.load_keys(&thresholds[n * L::PANEL..]));
    let mut least: [L::Keys; N] = from_fn(|n| lanes.load_keys(&excess[n * L::PANEL..]));
    let mut row: [L::Keys; N] = from_fn(|n| lanes.load_keys(&nearest[n * L::PANEL..]));
    for (keys, &id) in zip(block.keys.chunks_exact(block.stride), block.row_ids) {
        let keys = lanes.load_keys(&keys[column..]);
        let id = lanes.splat_key(id);
        for n in 0..N {
            let candidate = lanes.sub_keys(keys, thresholds[n]);
            // Among equals the lower id; a smaller excess takes the id as it is.
            let reaches = lanes.at_most(candidate, least[n]);
            let ties = lanes.equal(candidate, least[n]);
            let taken = lanes.select(ties, lanes.min_unsigned(row[n], id), id);
            row[n] = lanes.select(reaches, taken, row[n]);
            least[n] = lanes.min_unsigned(least[n], candidate);
        }
    }
    for n in 0..N {
        lanes.store_keys(&mut excess[n * L::PANEL..], least[n]);
        lanes.store_keys(&mut nearest[n * L::PANEL..], row[n]);
    }
}

/// The largest key of each lane that is not masked.
#[inline(always)]
fn farthest<L: Lanes>(
    lanes: L,
    block: Block<'_, KeyOf<L>>,
    column: usize,
    far: &mut [KeyOf<L>],
    farthest_row: &mut [KeyOf<L>],
) {
    let mut most = lanes.splat_key(Key::MASKED);
    for keys in block.keys.chunks_exact(block.stride).take(block.row_ids.len()) {
        most = lanes.max_signed(most, lanes.load_keys(&keys[column..]));
    }
    if lanes.any(lanes.at_least_signed(most, lanes.load_keys(far))) {
        lanes.enter(ResolveFar { block, column, far, farthest_row });
    }
}

/// Takes the larger key of each lane, the lowest original row on ties. Masked keys
/// are negative as signed integers, below every distance; a lane with nothing else
/// keeps a masked key, and any row.
struct ResolveFar<'a, K> {
    block: Block<'a, K>,
    column: usize,
    far: &'a mut [K],
    farthest_row: &'a mut [K],
}

impl<T: Real> Kernel<T> for ResolveFar<'_, T::Key> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes<Real = T>>(self, lanes: L) {
        let (mut most, mut row) = (lanes.load_keys(self.far), lanes.load_keys(self.farthest_row));
        let rows = self.block.keys.chunks_exact(self.block.stride);
        for (keys, &id) in zip(rows, self.block.row_ids) {
            let candidate = lanes.load_keys(&keys[self.column..]);
            let id = lanes.splat_key(id);
            let reaches = lanes.at_least_signed(candidate, most);
            let ties = lanes.equal(candidate, most);
            let taken = lanes.select(ties, lanes.min_unsigned(row, id), id);
            row = lanes.select(reaches, taken, row);
            most = lanes.max_signed(most, candidate);
        }
        lanes.store_keys(self.far, most);
        lanes.store_keys(self.farthest_row, row);
    }
}
