//! The search along the rows of a block: lanes are candidates of one anchor.

use super::{Block, PanelBest, TOGETHER};
use crate::lanes::{Kernel, Lanes};
use core::ops::Range;
use triplet_core::{Real, real::Key};

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
    let slots = best.floors.len() / L::PANEL;
    if slots == 0 {
        return;
    }
    let ids = &block.column_ids[columns.clone()];
    for (r, &id) in block.row_ids.iter().enumerate() {
        debug_assert!(id != Key::SIGNED_MAX);
        let keys = block.row(r, columns.clone());
        if far {
            farthest(lanes, keys, ids, &mut best.far[r], &mut best.farthest[r]);
        }
        let mut first = r;
        let mut left = slots;
        while left >= TOGETHER {
            nearest::<L, TOGETHER>(lanes, keys, ids, best, first);
            first += TOGETHER * L::PANEL;
            left -= TOGETHER;
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
    let floors: [L::Keys; N] = core::array::from_fn(|n| lanes.splat_key(best.floors[first + n * L::PANEL]));
    let mut least = [lanes.splat_key(Key::MASKED); N];
    for keys in keys.chunks_exact(L::LEN) {
        let keys = lanes.load_keys(keys);
        for (least, &floor) in least.iter_mut().zip(&floors) {
            *least = lanes.min_unsigned(*least, lanes.sub_keys(keys, floor));
        }
    }
    for (n, &least) in least.iter().enumerate() {
        let slot = first + n * L::PANEL;
        if lanes.any(lanes.at_most(least, lanes.splat_key(best.excess[slot]))) {
            lanes.enter(Resolve {
                keys,
                ids,
                floor: best.floors[slot],
                excess: &mut best.excess[slot],
                nearest: &mut best.nearest[slot],
            });
        }
    }
}

/// Finds the smallest excess and whose it is, the lowest original row on ties.
/// Rare, so kept out of the loop as a function of its own.
struct Resolve<'a, K> {
    keys: &'a [K],
    ids: &'a [K],
    floor: K,
    excess: &'a mut K,
    nearest: &'a mut K,
}

impl<T: Real> Kernel<T> for Resolve<'_, T::Key> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes<Real = T>>(self, lanes: L) {
        let floor = lanes.splat_key(self.floor);
        let excess = |keys| lanes.sub_keys(lanes.load_keys(keys), floor);
        let mut least = lanes.splat_key(Key::MASKED);
        for keys in self.keys.chunks_exact(L::LEN) {
            least = lanes.min_unsigned(least, excess(keys));
        }
        let smallest = lanes.smallest(least);
        let wanted = lanes.splat_key(smallest);
        let mut owner = lanes.splat_key(Key::SIGNED_MAX);
        for (keys, ids) in self.keys.chunks_exact(L::LEN).zip(self.ids.chunks_exact(L::LEN)) {
            let found = lanes.equal(excess(keys), wanted);
            owner = lanes.select(found, lanes.min_unsigned(owner, lanes.load_keys(ids)), owner);
        }
        let candidate = (smallest, lanes.smallest(owner));
        if candidate < (*self.excess, *self.nearest) {
            (*self.excess, *self.nearest) = candidate;
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
    farthest: &mut KeyOf<L>,
) {
    let mut most = lanes.splat_key(Key::MASKED);
    for keys in keys.chunks_exact(L::LEN) {
        most = lanes.max_signed(most, lanes.load_keys(keys));
    }
    if lanes.any(lanes.at_least_signed(most, lanes.splat_key(*far))) {
        let mut lanes_of_most = [Key::MASKED; 16];
        lanes.store_keys(&mut lanes_of_most, most);
        // Masked keys are negative as signed integers, below every distance.
        let reached = lanes_of_most[..L::LEN].iter().copied().filter(|&key| key != Key::MASKED).max();
        if let Some(key) = reached {
            resolve_far(keys, ids, key, far, farthest);
        }
    }
}

/// Takes a key that reaches the farthest so far, if there is one; the lowest original
/// row on ties.
#[inline(never)]
fn resolve_far<K: Key>(keys: &[K], ids: &[K], key: K, far: &mut K, farthest: &mut K) {
    let owners = keys.iter().zip(ids).filter(|&(&k, _)| k == key).map(|(_, &id)| id);
    let owner = owners.min().unwrap_or(K::SIGNED_MAX);
    if *far == K::MASKED || key > *far || owner < *farthest {
        (*far, *farthest) = (key, owner);
    }
}
