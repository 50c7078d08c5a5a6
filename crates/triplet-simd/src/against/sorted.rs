//! Anchors of many positives: their candidates are sorted, as those of large classes in a square batch.

use super::{AgainstScratch, PanelState, mine::AnchorGroup};
use crate::{
    cpu::isa::Element,
    lanes::Lanes,
    mining::anchor_columns,
    scratch::Scratch,
    search::buckets::{Anchor, Answers},
};
use core::ops::Range;

impl<T: Element> AnchorGroup<'_, T> {
    /// Mines as many anchors at a time as a register tile has rows, and writes their triplets.
    #[inline(always)]
    pub(super) fn sort<L: Lanes<Real = T>>(&mut self, lanes: L, panel: usize, state: &PanelState<T>) {
        let panels = self.sides.candidates.layout.panels;
        let step = (anchor_columns::<T>(state.slots, L::TILE_ROWS) / L::PANEL).clamp(1, panels.max(1));
        let positions = self.positions(panel);
        let mut near = &state.near[..];
        for first in (0..positions.len()).step_by(L::TILE_ROWS) {
            let rows = first..positions.len().min(first + L::TILE_ROWS);
            near = self.begin(panel, rows.clone(), near);
            for columns in (0..panels).step_by(step).map(|start| start..panels.min(start + step)) {
                self.offer(lanes, panel, rows.clone(), columns, step * L::PANEL);
            }
            self.write(panel, rows);
        }
    }

    /// Sets the thresholds of some rows of a panel, given the positives of these and of what follows; those of what
    /// follows.
    fn begin<'n>(&mut self, panel: usize, rows: Range<usize>, near: &'n [T]) -> &'n [T] {
        let problem = self.sides.problem;
        let start = self.positions(panel).start;
        let anchors = &mut self.scratch.anchors;
        if anchors.len() < rows.len() {
            anchors.resize_with(rows.len(), Default::default);
        }
        let mut rest = near;
        for (row, anchor) in rows.zip(anchors) {
            let (own, others) = rest.split_at(problem.slots().of(start + row).len());
            anchor.positives.clear();
            anchor.positives.extend_from_slice(own);
            anchor.set_thresholds(|positive| problem.threshold(positive));
            rest = others;
        }
        rest
    }

    /// Offers the candidates of some panels to some rows.
    #[inline(always)]
    fn offer<L: Lanes<Real = T>>(
        &mut self,
        lanes: L,
        panel: usize,
        rows: Range<usize>,
        columns: Range<usize>,
        stride: usize,
    ) {
        let candidates = self.sides.candidates;
        let anchors = self.sides.anchors.panel(panel);
        let mut keys = core::mem::take(&mut self.scratch.keys);
        keys.resize(L::TILE_ROWS * stride);
        candidates.distances_of(lanes, anchors, rows.clone(), columns.clone(), &mut keys, stride);
        self.mask::<L>(panel, rows.clone(), columns.clone(), &mut keys, stride);
        let ids = &candidates.packed.ids[columns.start * L::PANEL..columns.end * L::PANEL];
        let Scratch { anchors, buckets, .. } = &mut *self.scratch;
        for (keys, anchor) in keys.chunks(stride).zip(&mut anchors[..rows.len()]) {
            buckets.search(lanes, &keys[..ids.len()], ids, anchor);
        }
        self.scratch.keys = keys;
    }

    /// Writes the triplets of some rows, and evaluates them.
    fn write(&mut self, panel: usize, rows: Range<usize>) {
        let problem = self.sides.problem;
        let start = self.positions(panel).start;
        let Scratch { anchors, against, counts, .. } = &mut *self.scratch;
        let AgainstScratch { far: negatives, .. } = against;
        for (row, anchor) in rows.zip(anchors) {
            let Anchor { positives, nearest, far, .. } = anchor;
            let out = self.part.anchor(problem, start + row);
            *counts += Answers { positives, nearest, far: *far }.write(problem, out, negatives);
        }
    }
}
