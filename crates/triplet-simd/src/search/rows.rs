//! The search along the rows of a block: lanes are candidates of one anchor.

use super::{Block, PanelBest, THRESHOLDS_PER_PASS};
use crate::{
    inlined::{from_fn, zip},
    lanes::{Kernel, Lanes, MAX_LEN},
};
use core::ops::Range;
use triplet_core::{
    Real,
    real::Key,
    rule::{farther, nearer},
};

type KeyOf<L> = <<L as Lanes>::Real as Real>::Key;

/// Updates the bests of the block's rows with the candidates in some columns.
#[inline(always)]
pub(crate) fn search<L: Lanes>(
    lanes: L,
    block: Block<'_, KeyOf<L>>,
    columns: Range<usize>,
    best: &mut PanelBest<'_, KeyOf<L>>,
    far: bool,
) {
    let slots = best.thresholds.len() / L::PANEL;
    if slots == 0 {
        return;
    }
    let ids = &block.column_ids[columns.clone()];
    for (r, &id) in block.row_ids.iter().enumerate() {
        debug_assert!(id != Key::SIGNED_MAX);
        let keys = block.row(r, columns.clone());
        if far {
            farthest(lanes, keys, ids, &mut best.far[r], &mut best.farthest_row[r]);
        }
        let mut first = r;
        let mut left = slots;
        while left >= THRESHOLDS_PER_PASS {
            nearest::<L, THRESHOLDS_PER_PASS>(lanes, keys, ids, best, first);
            first += THRESHOLDS_PER_PASS * L::PANEL;
            left -= THRESHOLDS_PER_PASS;
        }
        match left {
            3 => nearest::<L, 3>(lanes, keys, ids, best, first),
            2 => nearest::<L, 2>(lanes, keys, ids, best, first),
            1 => nearest::<L, 1>(lanes, keys, ids, best, first),
            _ => {}
        }
    }
}

/// `N` thresholds of one row, a panel of lanes apart from `first` on.
#[inline(always)]
fn nearest<L: Lanes, const N: usize>(
    lanes: L,
    keys: &[KeyOf<L>],
    ids: &[KeyOf<L>],
    best: &mut PanelBest<'_, KeyOf<L>>,
    first: usize,
) {
    let thresholds: [L::Keys; N] = from_fn(|n| lanes.splat_key(best.thresholds[first + n * L::PANEL]));
    let mut least = [lanes.splat_key(Key::MASKED); N];
    for keys in keys.chunks_exact(L::LEN) {
        let keys = lanes.load_keys(keys);
        for n in 0..N {
            least[n] = lanes.min_unsigned(least[n], lanes.sub_keys(keys, thresholds[n]));
        }
    }
    for (n, &least) in least.iter().enumerate() {
        let slot = first + n * L::PANEL;
        if lanes.any(lanes.at_most(least, lanes.splat_key(best.excess[slot]))) {
            lanes.enter(Resolve {
                keys,
                ids,
                threshold: best.thresholds[slot],
                excess: &mut best.excess[slot],
                nearest_row: &mut best.nearest_row[slot],
            });
        }
    }
}

/// Finds the smallest excess and its row, the lowest original row on ties.
/// Rare, so kept out of the loop as a function of its own.
struct Resolve<'a, K> {
    keys: &'a [K],
    ids: &'a [K],
    threshold: K,
    excess: &'a mut K,
    nearest_row: &'a mut K,
}

impl<T: Real> Kernel<T> for Resolve<'_, T::Key> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes<Real = T>>(self, lanes: L) {
        let threshold = lanes.splat_key(self.threshold);
        let excess = |keys| lanes.sub_keys(lanes.load_keys(keys), threshold);
        let mut least = lanes.splat_key(Key::MASKED);
        for keys in self.keys.chunks_exact(L::LEN) {
            least = lanes.min_unsigned(least, excess(keys));
        }
        let smallest = lanes.smallest(least);
        let wanted = lanes.splat_key(smallest);
        let mut row = lanes.splat_key(Key::SIGNED_MAX);
        for (keys, ids) in zip(self.keys.chunks_exact(L::LEN), self.ids.chunks_exact(L::LEN)) {
            let found = lanes.equal(excess(keys), wanted);
            row = lanes.select(found, lanes.min_unsigned(row, lanes.load_keys(ids)), row);
        }
        let candidate = (smallest, lanes.smallest(row));
        if nearer(candidate, (*self.excess, *self.nearest_row)) {
            (*self.excess, *self.nearest_row) = candidate;
        }
    }
}

/// The largest key of a row that is not masked.
#[inline(always)]
fn farthest<L: Lanes>(
    lanes: L,
    keys: &[KeyOf<L>],
    ids: &[KeyOf<L>],
    far: &mut KeyOf<L>,
    farthest_row: &mut KeyOf<L>,
) {
    let mut most = lanes.splat_key(Key::MASKED);
    for keys in keys.chunks_exact(L::LEN) {
        most = lanes.max_signed(most, lanes.load_keys(keys));
    }
    if lanes.any(lanes.at_least_signed(most, lanes.splat_key(*far))) {
        let mut lanes_of_most = [Key::MASKED; MAX_LEN];
        lanes.store_keys(&mut lanes_of_most, most);
        // Masked keys are negative as signed integers, below every distance.
        let reached = lanes_of_most[..L::LEN].iter().copied().filter(|&key| key != Key::MASKED).max();
        if let Some(key) = reached {
            resolve_far(keys, ids, key, far, farthest_row);
        }
    }
}

/// Takes a key that reaches the farthest so far, if there is one; the lowest original
/// row on ties.
#[inline(never)]
fn resolve_far<K: Key>(keys: &[K], ids: &[K], key: K, far: &mut K, farthest_row: &mut K) {
    let matching = keys.iter().zip(ids).filter(|&(&k, _)| k == key).map(|(_, &id)| id);
    let row = matching.min().unwrap_or(K::SIGNED_MAX);
    if *far == K::MASKED || farther((key, row), (*far, *farthest_row)) {
        (*far, *farthest_row) = (key, row);
    }
}
