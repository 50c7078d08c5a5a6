//! The search along the rows of a block: lanes are candidates of one anchor.

use super::{Anchors, Block, block_search::overlaps};
use crate::{inlined::from_fn, lanes::Lanes};
use core::ops::Range;
use triplet_core::{
    Real,
    real::Key,
    rule::{farther, nearer},
};

type KeyOf<L> = <<L as Lanes>::Real as Real>::Key;

/// Offers the candidates of block row `r` to its anchor's thresholds in some slots.
#[inline(always)]
pub(super) fn search<L: Lanes>(
    lanes: L,
    block: &Block<'_, KeyOf<L>>,
    r: usize,
    slots: Range<usize>,
    anchors: &mut Anchors<'_, KeyOf<L>>,
) {
    let mut slot = slots.start;
    // As many at a time as fit the registers, of which a tile that goes on meanwhile leaves few.
    while !overlaps::<L>() && slot + 4 <= slots.end {
        nearest::<L, 4>(lanes, block, r, r + slot * L::PANEL, anchors);
        slot += 4;
    }
    while slot + 2 <= slots.end {
        nearest::<L, 2>(lanes, block, r, r + slot * L::PANEL, anchors);
        slot += 2;
    }
    if slot < slots.end {
        nearest::<L, 1>(lanes, block, r, r + slot * L::PANEL, anchors);
    }
}

/// `N` slots at a time.
#[inline(always)]
fn nearest<L: Lanes, const N: usize>(
    lanes: L,
    block: &Block<'_, KeyOf<L>>,
    r: usize,
    first: usize,
    anchors: &mut Anchors<'_, KeyOf<L>>,
) {
    // Cut once, so that the places in them need no check of their own.
    let len = (N - 1) * L::PANEL + 1;
    let (thresholds, excess) = (&anchors.thresholds[first..][..len], &mut anchors.excess[first..][..len]);
    let keys = &block.keys[r * L::PANEL..][..L::PANEL];
    let wanted: [L::Keys; N] = from_fn(|n| lanes.splat_key(thresholds[n * L::PANEL]));
    let mut least = [lanes.splat_key(Key::MASKED); N];
    for start in (0..L::PANEL).step_by(L::LEN) {
        let keys = lanes.load_keys(&keys[start..]);
        for n in 0..N {
            least[n] = lanes.min_unsigned(least[n], lanes.sub_keys(keys, wanted[n]));
        }
    }
    let reaches: [L::Mask; N] = from_fn(|n| lanes.at_most(least[n], lanes.splat_key(excess[n * L::PANEL])));
    let mut any = reaches[0];
    for &mask in &reaches[1..] {
        any = lanes.or(any, mask);
    }
    if !lanes.any(any) {
        return;
    }
    let nearest_row = &mut anchors.nearest_row[first..][..len];
    for n in 0..N {
        if !lanes.any(reaches[n]) {
            continue;
        }
        let smallest = lanes.smallest(least[n]);
        let row = lowest_row(lanes, block, r, smallest.wrapping_add(thresholds[n * L::PANEL]));
        let kept = (&mut excess[n * L::PANEL], &mut nearest_row[n * L::PANEL]);
        if nearer((smallest, row), (*kept.0, *kept.1)) {
            (*kept.0, *kept.1) = (smallest, row);
        }
    }
}

/// Offers each candidate that is near enough, where several are kept.
#[inline(always)]
pub(super) fn every<L: Lanes>(
    lanes: L,
    block: &Block<'_, KeyOf<L>>,
    r: usize,
    slots: Range<usize>,
    anchors: &mut Anchors<'_, KeyOf<L>>,
) {
    let (keys, ids) = (&block.keys[r * L::PANEL..][..L::PANEL], &block.column_ids[..L::PANEL]);
    for place in slots.map(|slot| r + slot * L::PANEL) {
        let threshold = anchors.thresholds[place];
        let wanted = lanes.splat_key(threshold);
        let mut bound = lanes.splat_key(anchors.excess[place]);
        for start in (0..L::PANEL).step_by(L::LEN) {
            let excess = lanes.sub_keys(lanes.load_keys(&keys[start..]), wanted);
            let mut hits = lanes.bits(lanes.at_most(excess, bound));
            while hits != 0 {
                let lane = start + hits.trailing_zeros() as usize;
                hits &= hits - 1;
                if anchors.offer(place, (keys[lane].wrapping_sub(threshold), ids[lane])) {
                    bound = lanes.splat_key(anchors.excess[place]);
                }
            }
        }
    }
}

/// Offers the candidates of block row `r` to its anchor as its farthest.
#[inline(always)]
pub(super) fn farthest<L: Lanes>(
    lanes: L,
    block: &Block<'_, KeyOf<L>>,
    r: usize,
    anchors: &mut Anchors<'_, KeyOf<L>>,
) {
    let keys = &block.keys[r * L::PANEL..][..L::PANEL];
    let mut most = lanes.splat_key(Key::MASKED);
    for start in (0..L::PANEL).step_by(L::LEN) {
        most = lanes.max_signed(most, lanes.load_keys(&keys[start..]));
    }
    let kept = (&mut anchors.far[r], &mut anchors.farthest_row[r]);
    if !lanes.any(lanes.at_least_signed(most, lanes.splat_key(*kept.0))) {
        return;
    }
    // The largest key is the least below the largest possible one; a masked key, which is
    // negative as a signed integer, becomes more than any.
    let below = lanes.smallest(lanes.sub_keys(lanes.splat_key(Key::SIGNED_MAX), most));
    let key = <KeyOf<L> as Key>::SIGNED_MAX.wrapping_sub(below);
    if key != Key::MASKED {
        let row = lowest_row(lanes, block, r, key);
        if *kept.0 == Key::MASKED || farther((key, row), (*kept.0, *kept.1)) {
            (*kept.0, *kept.1) = (key, row);
        }
    }
}

/// The lowest original row that has a key in block row `r`.
#[inline(always)]
fn lowest_row<L: Lanes>(lanes: L, block: &Block<'_, KeyOf<L>>, r: usize, key: KeyOf<L>) -> KeyOf<L> {
    let key = lanes.splat_key(key);
    let mut row = lanes.splat_key(Key::SIGNED_MAX);
    let (keys, ids) = (&block.keys[r * L::PANEL..][..L::PANEL], &block.column_ids[..L::PANEL]);
    for start in (0..L::PANEL).step_by(L::LEN) {
        let found = lanes.equal(lanes.load_keys(&keys[start..]), key);
        row = lanes.select(found, lanes.min_unsigned(row, lanes.load_keys(&ids[start..])), row);
    }
    lanes.smallest(row)
}
