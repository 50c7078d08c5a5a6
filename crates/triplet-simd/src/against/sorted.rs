//! Anchors of many positives: their candidates are sorted, as those of large classes in a square batch.

use super::{AgainstScratch, Excluded, Sides, positives};
use crate::{
    cpu::isa::Element,
    executor::run_tasks,
    lanes::{Kernel, Lanes},
    mining::{anchor_columns, units},
    scratch::Scratch,
    search::buckets::{Anchor, Answers},
};
use core::ops::Range;
use triplet_core::{Triplets, triplets::TripletsPart};

/// Fills `triplets` for the panels that the layout of the anchors marks.
pub(super) fn run<T: Element>(sides: Sides<'_, T>, scratches: &mut [Scratch<T>], triplets: &mut Triplets<T>) {
    let Sides { executor, selected, problem, anchors, .. } = sides;
    let layout = anchors.layout;
    if !layout.whole.any() {
        return;
    }
    let (ranges, panels) = (units(layout), units(layout));
    let work = panels.zip(triplets.parts(problem, ranges.map(|(_, positions)| positions)));
    run_tasks(executor, scratches, work, |scratch, ((panel, positions), part)| {
        if layout.is_large(panel) {
            T::dispatch(selected, AnchorTile { sides, panel, positions, part, scratch });
        }
    });
}

/// As many anchors at a time as a register tile has rows.
struct AnchorTile<'a, T: Element> {
    sides: Sides<'a, T>,
    panel: usize,
    positions: Range<usize>,
    part: TripletsPart<'a, T>,
    scratch: &'a mut Scratch<T>,
}

impl<T: Element> Kernel<T> for AnchorTile<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes<Real = T>>(mut self, lanes: L) {
        let most = self.begin(lanes);
        let panels = self.sides.candidates.layout.panels;
        let step = (anchor_columns::<T>(most, L::TILE_ROWS) / L::PANEL).clamp(1, panels.max(1));
        self.scratch.keys.resize((L::TILE_ROWS * step * L::PANEL).max(self.scratch.keys.len()));
        let mut excluded = self.scratch.against.excluded.pop().unwrap_or_default();
        excluded.begin(&self.sides.compared(), self.positions.clone(), 0);
        for columns in (0..panels).step_by(step).map(|start| start..panels.min(start + step)) {
            self.offer(lanes, columns, &mut excluded, step * L::PANEL);
        }
        self.scratch.against.excluded.push(excluded);
        self.write();
    }
}

impl<T: Element> AnchorTile<'_, T> {
    /// The rows of the panel that are anchors here.
    fn rows(&self) -> Range<usize> {
        let first = self.sides.anchors.layout.positions(self.panel).start;
        self.positions.start - first..self.positions.end - first
    }

    /// Finds the positives of the anchors, and sets their thresholds; the most that one has.
    #[inline(always)]
    fn begin<L: Lanes<Real = T>>(&mut self, lanes: L) -> usize {
        let Sides { problem, .. } = self.sides;
        let (rows, count) = (self.rows(), self.positions.len());
        let Scratch { anchors, against: AgainstScratch { columns, .. }, .. } = &mut *self.scratch;
        if anchors.len() < count {
            anchors.resize_with(count, Default::default);
        }
        for (anchor, position) in anchors.iter_mut().zip(self.positions.clone()) {
            anchor.positives.clear();
            anchor.positives.resize(problem.slots().of(position).len(), T::ZERO);
        }
        positives::each(lanes, self.sides, (self.panel, rows.clone()), columns, |found| {
            anchors[found.row - rows.start].positives[found.rank] = found.value;
        });
        for anchor in &mut anchors[..count] {
            anchor.set_thresholds(|positive| problem.threshold(positive));
        }
        anchors[..count].iter().map(|anchor| anchor.positives.len()).max().unwrap_or(0)
    }

    /// Offers the candidates of some panels to the anchors.
    #[inline(always)]
    fn offer<L: Lanes<Real = T>>(
        &mut self,
        lanes: L,
        columns: Range<usize>,
        excluded: &mut Excluded,
        stride: usize,
    ) {
        let Sides { anchors, candidates, .. } = self.sides;
        let rows = self.rows();
        let Scratch { keys, anchors: found, buckets, .. } = &mut *self.scratch;
        candidates.distances_of(
            lanes,
            anchors.panel(self.panel),
            rows.clone(),
            columns.clone(),
            keys,
            stride,
        );
        let columns = columns.start * L::PANEL..columns.end * L::PANEL;
        excluded.mask(&self.sides.compared(), self.positions.start, columns.clone(), keys, stride);
        let ids = &candidates.packed.ids[columns];
        for (keys, anchor) in keys.chunks(stride).zip(&mut found[..rows.len()]) {
            buckets.search(lanes, &keys[..ids.len()], ids, anchor);
        }
    }

    /// Writes the triplets, and evaluates them.
    fn write(mut self) {
        let Sides { problem, .. } = self.sides;
        let Scratch { anchors, negatives, counts, .. } = self.scratch;
        for (position, anchor) in self.positions.clone().zip(anchors) {
            let Anchor { positives, nearest, far, .. } = anchor;
            let out = self.part.anchor(problem, position);
            *counts += Answers { positives, nearest, far: *far }.write(problem, out, negatives);
        }
    }
}
