//! The search down the columns of a block: lanes are anchors.

use super::{Anchors, Block, block_search::overlaps};
use crate::{inlined::from_fn, lanes::Lanes};
use core::ops::Range;
use triplet_core::{Real, real::Key};

type KeyOf<L> = <<L as Lanes>::Real as Real>::Key;

/// Rows that a panel must have been compared with before its search tests for improvements:
/// before, many a test would find some, and the processor guess wrong.
pub(crate) const WARMUP_ROWS: u32 = 1000;

/// Some rows of a block, [`strip_rows`] of them, and a vector of its columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Strip {
    pub(super) first_row: usize,
    pub(super) column: usize,
}

/// Rows of a strip. With more of them tests are fewer, but find more often that something improved, and have more to look through.
#[inline(always)]
pub(super) const fn strip_rows<L: Lanes>() -> usize {
    if overlaps::<L>() || L::PANEL < 24 { L::TILE_ROWS } else { 24 }
}

impl Strip {
    /// The keys, a panel apart from row to row.
    #[inline(always)]
    fn keys<'a, L: Lanes>(self, block: &Block<'a, KeyOf<L>>) -> &'a [KeyOf<L>] {
        let len = (strip_rows::<L>() - 1) * L::PANEL + L::LEN;
        &block.keys[self.first_row * L::PANEL + self.column..][..len]
    }

    /// The rows' original numbers.
    #[inline(always)]
    fn ids<'a, L: Lanes>(self, block: &Block<'a, KeyOf<L>>) -> &'a [KeyOf<L>] {
        &block.row_ids[self.first_row..][..strip_rows::<L>()]
    }
}

/// Offers the rows of a strip to the thresholds in some slots of its columns' anchors.
#[inline(always)]
pub(super) fn search<L: Lanes>(
    lanes: L,
    block: &Block<'_, KeyOf<L>>,
    strip: Strip,
    slots: Range<usize>,
    young: bool,
    anchors: &mut Anchors<'_, KeyOf<L>>,
) {
    let mut slot = slots.start;
    // As many at a time as fit the registers, of which a tile that goes on meanwhile leaves few.
    while !overlaps::<L>() && slot + 4 <= slots.end {
        nearest::<L, 4>(lanes, block, strip, strip.column + slot * L::PANEL, young, anchors);
        slot += 4;
    }
    while slot + 2 <= slots.end {
        nearest::<L, 2>(lanes, block, strip, strip.column + slot * L::PANEL, young, anchors);
        slot += 2;
    }
    if slot < slots.end {
        nearest::<L, 1>(lanes, block, strip, strip.column + slot * L::PANEL, young, anchors);
    }
}

/// `N` slots at a time.
#[inline(always)]
fn nearest<L: Lanes, const N: usize>(
    lanes: L,
    block: &Block<'_, KeyOf<L>>,
    strip: Strip,
    first: usize,
    young: bool,
    anchors: &mut Anchors<'_, KeyOf<L>>,
) {
    // Cut once, so that the places in them need no check of their own.
    let len = (N - 1) * L::PANEL + L::LEN;
    let (thresholds, excess) = (&anchors.thresholds[first..][..len], &mut anchors.excess[first..][..len]);
    let keys = strip.keys::<L>(block);
    let wanted: [L::Keys; N] = from_fn(|n| lanes.load_keys(&thresholds[n * L::PANEL..]));
    if !young {
        let mut least = [lanes.splat_key(Key::MASKED); N];
        for r in 0..strip_rows::<L>() {
            let keys = lanes.load_keys(&keys[r * L::PANEL..]);
            for n in 0..N {
                least[n] = lanes.min_unsigned(least[n], lanes.sub_keys(keys, wanted[n]));
            }
        }
        let reaches: [L::Mask; N] =
            from_fn(|n| lanes.at_most(least[n], lanes.load_keys(&excess[n * L::PANEL..])));
        let mut any = reaches[0];
        for &mask in &reaches[1..] {
            any = lanes.or(any, mask);
        }
        if !lanes.any(any) {
            return;
        }
    }
    let (ids, nearest_row) = (strip.ids::<L>(block), &mut anchors.nearest_row[first..][..len]);
    let mut least: [L::Keys; N] = from_fn(|n| lanes.load_keys(&excess[n * L::PANEL..]));
    let mut row: [L::Keys; N] = from_fn(|n| lanes.load_keys(&nearest_row[n * L::PANEL..]));
    for r in 0..strip_rows::<L>() {
        let (keys, id) = (lanes.load_keys(&keys[r * L::PANEL..]), lanes.splat_key(ids[r]));
        for n in 0..N {
            lanes.keep_nearer(lanes.sub_keys(keys, wanted[n]), id, &mut least[n], &mut row[n]);
        }
    }
    for n in 0..N {
        lanes.store_keys(&mut excess[n * L::PANEL..], least[n]);
        lanes.store_keys(&mut nearest_row[n * L::PANEL..], row[n]);
    }
}

/// Offers each row that is near enough, where several are kept.
#[inline(always)]
pub(super) fn every<L: Lanes>(
    lanes: L,
    block: &Block<'_, KeyOf<L>>,
    strip: Strip,
    slots: Range<usize>,
    anchors: &mut Anchors<'_, KeyOf<L>>,
) {
    let (keys, ids) = (strip.keys::<L>(block), strip.ids::<L>(block));
    for first in slots.map(|slot| strip.column + slot * L::PANEL) {
        let wanted = lanes.load_keys(&anchors.thresholds[first..]);
        let mut bounds = lanes.load_keys(&anchors.excess[first..]);
        for (r, &id) in ids.iter().enumerate() {
            let keys = &keys[r * L::PANEL..];
            let mut hits = lanes.bits(lanes.at_most(lanes.sub_keys(lanes.load_keys(keys), wanted), bounds));
            if hits == 0 {
                continue;
            }
            while hits != 0 {
                let lane = hits.trailing_zeros() as usize;
                hits &= hits - 1;
                let place = first + lane;
                anchors.offer(place, (keys[lane].wrapping_sub(anchors.thresholds[place]), id));
            }
            bounds = lanes.load_keys(&anchors.excess[first..]);
        }
    }
}

/// Offers the rows of a strip to its columns' anchors as their farthest. A lane with nothing else
/// keeps a masked key, and any row.
#[inline(always)]
pub(super) fn farthest<L: Lanes>(
    lanes: L,
    block: &Block<'_, KeyOf<L>>,
    strip: Strip,
    anchors: &mut Anchors<'_, KeyOf<L>>,
) {
    let keys = strip.keys::<L>(block);
    let far = &mut anchors.far[strip.column..][..L::LEN];
    let mut most = lanes.splat_key(Key::MASKED);
    for r in 0..strip_rows::<L>() {
        most = lanes.max_signed(most, lanes.load_keys(&keys[r * L::PANEL..]));
    }
    let mut kept = lanes.load_keys(far);
    if !lanes.any(lanes.at_least_signed(most, kept)) {
        return;
    }
    let ids = strip.ids::<L>(block);
    let farthest_row = &mut anchors.farthest_row[strip.column..][..L::LEN];
    let mut row = lanes.load_keys(farthest_row);
    for r in 0..strip_rows::<L>() {
        let keys = lanes.load_keys(&keys[r * L::PANEL..]);
        lanes.keep_farther(keys, lanes.splat_key(ids[r]), &mut kept, &mut row);
    }
    lanes.store_keys(far, kept);
    lanes.store_keys(farthest_row, row);
}
