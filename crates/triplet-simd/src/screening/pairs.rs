//! Pairs that screening leaves undecided: their distances as defined, offered to their anchors.

use super::{
    block::row_and_column,
    prepare::Screened,
    trials::{Pairs, ScreenedBlocks},
    words::PANEL,
};
use crate::{
    gram::{block::RowPanel, tile::ranking_value},
    inlined::from_fn,
    lanes::{Lanes, MAX_LEN},
    mining::Held,
    search::{Best, overlaps},
};
use core::ops::Range;
use triplet_core::{Real, real::Key};

type KeyOf<L> = <<L as Lanes>::Real as Real>::Key;

/// Some pairs of a block, at most a vector of them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Group {
    pub(super) block: [usize; 2],
    /// Where they are listed.
    first: usize,
    len: usize,
    /// The row that those of a group that is near are picked from on.
    first_row: usize,
}

impl Group {
    /// Takes pairs of a block that are listed at some places; if `near`, such that their rows are within a vector.
    #[inline(always)]
    pub(super) fn take<L: Lanes>(
        block: [usize; 2],
        listed: &[u16],
        places: &mut Range<usize>,
        near: bool,
    ) -> Self {
        let first = places.start;
        let most = first..places.end.min(first + L::LEN);
        // Pairs are listed in order of row, but those of an even row and the next together.
        let first_row = (row_and_column(listed[first]).0 & !1).min(PANEL - L::LEN);
        let fits = |pair: u16| row_and_column(pair).0 < first_row + L::LEN;
        // Usually all of them.
        let all = !near || fits(listed[most.end - 1]);
        let some = listed[most.clone()].iter();
        let len = if all { most.len() } else { some.take_while(|&&pair| fits(pair)).count() };
        places.start += len;
        Self { block, first, len, first_row }
    }
}

/// Groups of blocks of one row of panels that are computed together: the panel is read once for all.
pub(super) const TOGETHER: usize = 4;

/// Computes the pairs of groups of one row of panels, and offers each to the anchor of its row, and to that of its
/// column where columns are anchors. `NEAR`: whether the rows of each group are within a vector.
#[inline(always)]
pub(super) fn settle<L: Lanes, const NEAR: bool>(
    lanes: L,
    blocks: &ScreenedBlocks<'_, L::Real>,
    held: &mut Held<KeyOf<L>>,
    groups: &[Group],
    listed: &[u16],
) {
    let mut rest = groups;
    // With 16 registers, two are what fits.
    while let Some((&some, others)) = rest.split_first_chunk::<TOGETHER>()
        && overlaps::<L>()
    {
        several::<L, TOGETHER, NEAR>(lanes, blocks, held, some, listed);
        rest = others;
    }
    while let Some((&some, others)) = rest.split_first_chunk::<2>() {
        several::<L, 2, NEAR>(lanes, blocks, held, some, listed);
        rest = others;
    }
    if let &[last] = rest {
        several::<L, 1, NEAR>(lanes, blocks, held, [last], listed);
    }
}

/// Groups of pairs side by side.
#[inline(always)]
fn several<L: Lanes, const G: usize, const NEAR: bool>(
    lanes: L,
    blocks: &ScreenedBlocks<'_, L::Real>,
    held: &mut Held<KeyOf<L>>,
    groups: [Group; G],
    listed: &[u16],
) {
    // Past the last pair of a group follow others of the list.
    let index: [[L::Keys; 2]; G] = from_fn(|g| lanes.load_split(&listed[groups[g].first..]));
    let near: [L::Keys; G] = from_fn(|g| {
        let first_row = lanes.splat_key(Key::from_row(groups[g].first_row as u32));
        let near = lanes.sub_keys(index[g][0], first_row);
        lanes.min_unsigned(near, lanes.splat_key(Key::from_row(L::LEN as u32 - 1)))
    });
    let row_panel = blocks.rows.panel(groups[0].block[0]);
    let columns: [RowPanel<'_, L::Real>; G] = from_fn(|g| blocks.columns.panel(groups[g].block[1]));
    let mut sums = [lanes.splat(L::Real::ZERO); G];
    for (step, x) in row_panel.rows.chunks_exact(PANEL).enumerate() {
        for g in 0..G {
            let [rows, others] = index[g];
            let x =
                if NEAR { lanes.pick_near(&x[groups[g].first_row..], near[g]) } else { lanes.pick(x, rows) };
            let y = &columns[g].rows[step * PANEL..][..PANEL];
            sums[g] = lanes.fma(x, lanes.pick(y, others), sums[g]);
        }
    }
    for (g, Group { block, first, len, .. }) in groups.into_iter().enumerate() {
        let [rows, others] = index[g];
        let norms = (lanes.pick(row_panel.norms, rows), lanes.pick(columns[g].norms, others));
        let keys = lanes.keys(ranking_value(lanes, blocks.rows.distance, sums[g], norms.0, norms.1));
        let pairs = &listed[first..first + len];
        let negatives = negatives(blocks, block, pairs);
        let mut found = Found { pairs, negatives, keys: [KeyOf::<L>::ZERO; MAX_LEN] };
        lanes.store_keys(&mut found.keys, keys);
        let (row_best, column_best) = held.of_block(block);
        let [row, column] = block;
        let of_columns = &blocks.columns.packed.ids[column * PANEL..][..PANEL];
        blocks.side(row, row_best, of_columns).offer(lanes, keys, rows, &found, |(r, c)| (r, c));
        if let Some(best) = column_best {
            let of_rows = &blocks.rows.packed.ids[row * PANEL..][..PANEL];
            blocks.side(column, best, of_rows).offer(lanes, keys, others, &found, |(r, c)| (c, r));
        }
    }
}

impl<K: Key, T: Real<Key = K>> ScreenedBlocks<'_, T> {
    /// The anchors of a panel, and the original rows of the other side.
    #[inline(always)]
    fn side<'a>(&'a self, panel: usize, best: &'a mut Best<K>, others: &'a [K]) -> Side<'a, K> {
        let (layout, screened) = (self.rows.layout, &self.screened);
        Side {
            thresholds: &self.thresholds[layout.threshold_range(panel)],
            slots: layout.slots(panel),
            errors: screened.errors(panel),
            screened,
            others,
            best,
        }
    }
}

/// The bits of those pairs of a group that are negatives.
#[inline(always)]
fn negatives<T: Real>(blocks: &ScreenedBlocks<'_, T>, [row, column]: [usize; 2], pairs: &[u16]) -> u32 {
    let Pairs::Against(matches, classes) = blocks.pairs else {
        return u32::MAX >> (32 - pairs.len());
    };
    let anchors = blocks.rows.layout.positions(row);
    pairs.iter().enumerate().fold(0, |bits, (lane, &pair)| {
        let (r, c) = row_and_column(pair);
        // Padding has windows that are empty but for one word.
        let is_negative =
            r < anchors.len() && matches.is_negative(anchors.start + r, (column * PANEL + c) as u32, classes);
        bits | u32::from(is_negative) << lane
    })
}

/// A group of pairs, and their keys.
struct Found<'a, K> {
    pairs: &'a [u16],
    negatives: u32,
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
        for slot in 0..self.slots {
            let place = slot * PANEL..(slot + 1) * PANEL;
            let thresholds = lanes.pick_keys(&self.thresholds[place.clone()], anchors);
            let excess = lanes.pick_keys(&self.best.excess[place.clone()], anchors);
            let reaches = lanes.at_most(lanes.sub_keys(keys, thresholds), excess);
            let mut reaches = lanes.bits(reaches) & found.negatives;
            while reaches != 0 {
                let lane = reaches.trailing_zeros() as usize;
                reaches &= reaches - 1;
                let (anchor, other) = sides(row_and_column(found.pairs[lane]));
                let place = place.start + anchor;
                if self.best.offer(place, self.thresholds[place], found.keys[lane], self.others[other]) {
                    let threshold = L::Real::from_key(self.thresholds[place]).to_f64();
                    // Of one that is kept, the pair's own.
                    let bound = self.thresholds[place].wrapping_add(self.best.excess[place]);
                    let found = [threshold, L::Real::from_key(bound).to_f64()];
                    self.best.windows.narrow((slot, anchor), found, self.errors[anchor], scale);
                }
            }
        }
        if self.best.windows.wants_farthest() {
            // A masked key stands for none: negative as a signed number, any distance is at least as large.
            let reaches = lanes.at_least_signed(keys, lanes.pick_keys(&self.best.far, anchors));
            let mut reaches = lanes.bits(reaches) & found.negatives;
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
