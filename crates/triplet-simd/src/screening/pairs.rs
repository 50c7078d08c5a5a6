//! Pairs that screening leaves undecided: their distances as defined, offered to both anchors.

use super::{block::row_and_column, prepare::Screened, trials::ScreenedTriangle, words::PANEL};
use crate::{
    gram::{block::PackedRows, tile::ranking_value},
    inlined::zip,
    lanes::{Lanes, MAX_LEN},
    search::Best,
};
use core::ops::Range;
use triplet_core::{Real, real::Key};

type KeyOf<L> = <<L as Lanes>::Real as Real>::Key;

/// Computes the pairs of a block and offers each to the anchors of its row and of its column.
#[inline(always)]
pub(super) fn settle<L: Lanes>(
    lanes: L,
    triangle: &ScreenedTriangle<'_, L::Real>,
    block: [usize; 2],
    listed: &[u16],
    count: usize,
    best: [&mut Best<KeyOf<L>>; 2],
) {
    let ScreenedTriangle { screened, source, thresholds, .. } = triangle;
    let (source, layout) = (*source, source.layout);
    let [row, column] = block;
    let ids = |panel: usize| &source.packed.ids[panel * PANEL..][..PANEL];
    let side = |panel, best, others| Side {
        thresholds: &thresholds[layout.threshold_range(panel)],
        slots: layout.slots(panel),
        errors: screened.errors(panel),
        screened,
        others: ids(others),
        best,
    };
    let [row_best, column_best] = best;
    let mut sides = [side(row, row_best, column), side(column, column_best, row)];
    let mut pairs = 0..count;
    while !pairs.is_empty() {
        let first = group::<L>(listed, &mut pairs);
        let second = group::<L>(listed, &mut pairs);
        if second.is_empty() {
            several(lanes, source, block, listed, [first], &mut sides);
        } else {
            several(lanes, source, block, listed, [first, second], &mut sides);
        }
    }
}

/// Takes pairs for one vector: their rows are within `LEN` of each other.
#[inline(always)]
fn group<L: Lanes>(listed: &[u16], pairs: &mut Range<usize>) -> Range<usize> {
    let most = pairs.start..pairs.end.min(pairs.start + L::LEN);
    let end = listed.get(most.start).map_or(0, |&first| first_row::<L>(first) + L::LEN);
    let fits = |pair: u16| row_and_column(pair).0 < end;
    // Usually all of them.
    let all = most.is_empty() || fits(listed[most.end - 1]);
    let some = listed[most.clone()].iter();
    let count = if all { most.len() } else { some.take_while(|&&pair| fits(pair)).count() };
    pairs.start += count;
    most.start..most.start + count
}

/// From which row on a group picks its rows, given its first pair. Pairs are listed in order of row, but those of
/// an even row and the next together.
#[inline(always)]
fn first_row<L: Lanes>(pair: u16) -> usize {
    (row_and_column(pair).0 & !1).min(PANEL - L::LEN)
}

/// Groups of pairs side by side.
#[inline(always)]
fn several<L: Lanes, const G: usize>(
    lanes: L,
    source: PackedRows<'_, L::Real>,
    [row, column]: [usize; 2],
    listed: &[u16],
    groups: [Range<usize>; G],
    sides: &mut [Side<'_, KeyOf<L>>; 2],
) {
    let mut first_rows = [0; G];
    // Of rows, from the first on; of rows; of columns.
    let mut index = [[lanes.splat_key(Key::ZERO); 3]; G];
    for (g, group) in groups.iter().enumerate() {
        first_rows[g] = first_row::<L>(listed[group.start]);
        // Past the last pair of the group follow other pairs of the list, or of a block before.
        let [rows, columns] = lanes.load_split(&listed[group.start..]);
        let near = lanes.sub_keys(rows, lanes.splat_key(Key::from_row(first_rows[g] as u32)));
        let near = lanes.min_unsigned(near, lanes.splat_key(Key::from_row(L::LEN as u32 - 1)));
        index[g] = [near, rows, columns];
    }
    let (row_panel, column_panel) = (source.panel(row), source.panel(column));
    let mut sums = [lanes.splat(L::Real::ZERO); G];
    let steps = zip(row_panel.rows.chunks_exact(PANEL), column_panel.rows.chunks_exact(PANEL));
    for (x, y) in steps {
        for g in 0..G {
            let x = lanes.pick_near(&x[first_rows[g]..], index[g][0]);
            sums[g] = lanes.fma(x, lanes.pick(y, index[g][2]), sums[g]);
        }
    }
    for (g, group) in groups.iter().enumerate() {
        let [_, rows, columns] = index[g];
        let norms = (lanes.pick(row_panel.norms, rows), lanes.pick(column_panel.norms, columns));
        let keys = lanes.keys(ranking_value(lanes, source.distance, sums[g], norms.0, norms.1));
        let mut found = Found { pairs: &listed[group.clone()], keys: [KeyOf::<L>::ZERO; MAX_LEN] };
        lanes.store_keys(&mut found.keys, keys);
        let [of_rows, of_columns] = &mut *sides;
        of_rows.offer(lanes, keys, rows, &found, |(row, column)| (row, column));
        of_columns.offer(lanes, keys, columns, &found, |(row, column)| (column, row));
    }
}

/// A group of pairs, and their keys.
struct Found<'a, K> {
    pairs: &'a [u16],
    keys: [K; MAX_LEN],
}

/// The anchors of one side of a block.
struct Side<'a, K: Key> {
    thresholds: &'a [K],
    slots: usize,
    errors: &'a [f64],
    screened: &'a Screened<'a>,
    /// Original rows of the other side.
    others: &'a [K],
    best: &'a mut Best<K>,
}

impl<K: Key> Side<'_, K> {
    /// Offers pairs to their anchors. `sides` turns a row and a column into the anchor and the other.
    #[inline(always)]
    fn offer<L: Lanes>(
        &mut self,
        lanes: L,
        keys: L::Keys,
        anchors: L::Keys,
        found: &Found<'_, K>,
        sides: impl Fn((usize, usize)) -> (usize, usize),
    ) where
        L::Real: Real<Key = K>,
    {
        let scale = self.screened.scale();
        let value = |lane: usize| L::Real::from_key(found.keys[lane]).to_f64();
        let some = u32::MAX >> (32 - found.pairs.len());
        for slot in 0..self.slots {
            let place = slot * PANEL..(slot + 1) * PANEL;
            let thresholds = lanes.pick_keys(&self.thresholds[place.clone()], anchors);
            let excess = lanes.pick_keys(&self.best.excess[place.clone()], anchors);
            let reaches = lanes.at_most(lanes.sub_keys(keys, thresholds), excess);
            let mut reaches = lanes.bits(reaches) & some;
            while reaches != 0 {
                let lane = reaches.trailing_zeros() as usize;
                reaches &= reaches - 1;
                let (anchor, other) = sides(row_and_column(found.pairs[lane]));
                let place = place.start + anchor;
                if self.best.offer(place, self.thresholds[place], found.keys[lane], self.others[other]) {
                    self.best.windows.narrow(place, value(lane), self.errors[anchor], scale);
                }
            }
        }
        if self.best.windows.wants_farthest() {
            // A masked key stands for none: negative as a signed number, any distance is at least as large.
            let reaches = lanes.at_least_signed(keys, lanes.pick_keys(&self.best.far, anchors));
            let mut reaches = lanes.bits(reaches) & some;
            while reaches != 0 {
                let lane = reaches.trailing_zeros() as usize;
                reaches &= reaches - 1;
                let (anchor, other) = sides(row_and_column(found.pairs[lane]));
                if self.best.offer_farthest(anchor, found.keys[lane], self.others[other]) {
                    self.best.windows.narrow_farthest(anchor, value(lane), self.errors[anchor], scale);
                }
            }
        }
    }
}
