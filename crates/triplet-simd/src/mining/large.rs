//! Anchors of large classes, each against every row, by sorting candidates.
//!
//! Every inner product with such an anchor is computed for it alone: twice the
//! multiply-adds of the triangle, but nothing to keep besides the anchors at work,
//! and a cost that hardly grows with the rows of a class.

use crate::{
    cpu::isa::Element,
    executor::run_tasks,
    gram::{
        block::{PackedRows, mask},
        layout::Layout,
    },
    lanes::{Kernel, Lanes},
    mining::StageContext,
    scratch::Scratch,
    search::buckets::{Anchor, Answers},
};
use core::ops::Range;
use triplet_core::{Problem, Triplets, shares::Share, triplets::TripletsPart};

/// Bytes of keys that a worker computes at a time: they, and the candidates sorted, stay
/// in the L2 cache.
const KEYS_BYTES: usize = 288 * 1024;
/// Candidates to sort at a time for each threshold that will be looked up among them.
const CANDIDATES_PER_THRESHOLD: usize = 4;
/// But no more than these.
const MOST_CANDIDATES: usize = 32 * 1024;

/// Fills `triplets` for the panels that the layout marks, or for the rows of a share among them.
pub(crate) fn run<T: Element>(
    context: StageContext<'_, T>,
    scratches: &mut [Scratch<T>],
    share: Option<&Share>,
    triplets: &mut Triplets<T>,
) {
    let StageContext { executor, selected, problem, source } = context;
    let layout = source.layout;
    if !layout.whole.any() {
        return;
    }
    let (ranges, panels) = (units(layout), units(layout));
    let work = panels.zip(triplets.parts(problem, ranges.map(|(_, positions)| positions)));
    run_tasks(executor, scratches, work, |scratch, ((panel, _), part)| {
        let positions = part.positions();
        let is_own = |position| share.is_none_or(|share| share.owns(problem.anchor_at(position)));
        if layout.is_large(panel) && positions.clone().any(is_own) {
            T::dispatch(
                selected,
                AnchorTile { problem, source, panel, positions, scratch, part: Some(part), share },
            );
        }
    });
}

/// Anchors of one panel at most, mined into the buffers of a worker's anchors.
pub(crate) fn mine_tile<T: Element>(
    context: StageContext<'_, T>,
    scratch: &mut Scratch<T>,
    positions: Range<usize>,
) {
    let StageContext { selected, problem, source, .. } = context;
    let panel = positions.start / source.layout.panel;
    T::dispatch(selected, AnchorTile { problem, source, panel, positions, scratch, part: None, share: None });
}

/// All positions, cut into register tiles of anchors.
pub(crate) fn tiles(layout: &Layout) -> impl Iterator<Item = Range<usize>> + Send + '_ {
    cut(layout, |_| layout.tile_rows).map(|(_, positions)| positions)
}

/// Columns that some anchors of so many thresholds each are compared with at a time, about.
pub(crate) fn anchor_columns<T: Element>(thresholds: usize, tile_rows: usize) -> usize {
    let wanted = (thresholds * CANDIDATES_PER_THRESHOLD).min(MOST_CANDIDATES);
    wanted.max(KEYS_BYTES / size_of::<T>() / tile_rows)
}

/// Panels of large classes cut into register tiles of anchors, and the others whole.
pub(crate) fn units(layout: &Layout) -> impl Iterator<Item = (usize, Range<usize>)> + Send + '_ {
    cut(layout, |panel| if layout.is_large(panel) { layout.tile_rows } else { layout.panel })
}

/// Cuts each panel at multiples of a height: the panel, and the positions of each piece.
fn cut<'a>(
    layout: &'a Layout,
    height: impl Fn(usize) -> usize + Send + 'a,
) -> impl Iterator<Item = (usize, Range<usize>)> + Send + 'a {
    (0..layout.panels).flat_map(move |panel| {
        let (positions, height) = (layout.positions(panel), height(panel));
        let end = positions.end;
        positions.step_by(height).map(move |first| (panel, first..(first + height).min(end)))
    })
}

/// Some anchors of one panel.
struct AnchorTile<'a, T: Element> {
    problem: &'a Problem<'a, T>,
    source: PackedRows<'a, T>,
    panel: usize,
    positions: Range<usize>,
    scratch: &'a mut Scratch<T>,
    /// Where the triplets are kept; `None` for the anchors' own buffers.
    part: Option<TripletsPart<'a, T>>,
    /// Whose anchors alone are written.
    share: Option<&'a Share>,
}

impl<T: Element> Kernel<T> for AnchorTile<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes<Real = T>>(mut self, lanes: L) {
        let positions = self.positions.clone();
        if self.scratch.anchors.len() < positions.len() {
            self.scratch.anchors.resize_with(positions.len(), Default::default);
        }
        for (anchor, position) in self.scratch.anchors.iter_mut().zip(positions.clone()) {
            anchor.positives.clear();
            anchor.positives.resize(self.problem.slots().of(position).len(), T::ZERO);
        }
        let spans = self.spans();
        let (runs, stride) = self.runs::<L>(spans.reach);
        for columns in runs {
            self.distances(lanes, columns.clone(), stride);
            self.take_positives::<L>(columns, stride);
        }
        for (anchor, _) in self.scratch.anchors.iter_mut().zip(positions) {
            anchor.set_thresholds(|positive| self.problem.threshold(positive));
        }
        // Panels that hold rows of the anchors' own class only have no candidate.
        let own = spans.common.start.div_ceil(L::PANEL) * L::PANEL..spans.common.end / L::PANEL * L::PANEL;
        let rows = self.source.layout.rows;
        let others = if own.is_empty() { [0..rows, 0..0] } else { [0..own.start, own.end..rows] };
        for others in others {
            let (runs, stride) = self.runs::<L>(others);
            for columns in runs {
                self.distances(lanes, columns.clone(), stride);
                self.push_block(lanes, columns, stride);
            }
        }
        self.write();
    }
}

/// Positions that share a class with any, and with all, of some anchors.
struct Spans {
    reach: Range<usize>,
    common: Range<usize>,
}

impl<T: Element> AnchorTile<'_, T> {
    fn spans(&self) -> Spans {
        let classes = self.problem.classes();
        let positions = self.positions.clone();
        let (first, last) = (classes.span(positions.start), classes.span(positions.end - 1));
        let common = if first == last { first.clone() } else { 0..0 };
        Spans { reach: first.start..last.end, common }
    }

    /// The rows of the panel that are anchors here.
    fn rows(&self) -> Range<usize> {
        let first = self.source.layout.positions(self.panel).start;
        self.positions.start - first..self.positions.end - first
    }

    /// The runs of column panels that hold some positions, and keys from anchor to anchor.
    fn runs<L: Lanes<Real = T>>(
        &self,
        positions: Range<usize>,
    ) -> (impl Iterator<Item = Range<usize>> + use<T, L>, usize) {
        let height = L::PANEL;
        let (first, end) = (positions.start / height, positions.end.div_ceil(height));
        let anchors = &self.scratch.anchors[..self.rows().len()];
        let thresholds = anchors.iter().map(|anchor| anchor.positives.len()).max().unwrap_or(0);
        let step = (anchor_columns::<T>(thresholds, L::TILE_ROWS) / height)
            .clamp(1, end.saturating_sub(first).max(1));
        ((first..end).step_by(step).map(move |start| start..(start + step).min(end)), step * height)
    }

    /// Computes the keys of the anchors with a run of columns.
    #[inline(always)]
    fn distances<L: Lanes<Real = T>>(&mut self, lanes: L, columns: Range<usize>, stride: usize) {
        let rows = self.rows();
        // Tiles are written whole.
        let len = rows.len().next_multiple_of(L::TILE_ROWS) * stride;
        let keys = &mut self.scratch.keys;
        if keys.len() < len {
            keys.resize(len);
        }
        self.source.distances_of(lanes, self.source.panel(self.panel), rows, columns, keys, stride);
    }

    /// Takes the distances of the positives.
    #[inline(always)]
    fn take_positives<L: Lanes<Real = T>>(&mut self, columns: Range<usize>, stride: usize) {
        let classes = self.problem.classes();
        let seen = columns.start * L::PANEL..columns.end * L::PANEL;
        let Scratch { anchors, keys, .. } = &mut *self.scratch;
        let rows = self.positions.clone().zip(anchors).zip(keys.chunks(stride));
        for ((position, anchor), keys) in rows {
            let span = classes.span(position);
            // The anchor itself has no slot: what comes after it is one place ahead.
            let before = span.start.max(seen.start)..position.clamp(seen.start, seen.end);
            let after = (position + 1).clamp(seen.start, seen.end)..span.end.min(seen.end);
            for (others, ahead) in [(before, 0), (after, 1)] {
                if others.start < others.end {
                    let slots = others.start - span.start - ahead..others.end - span.start - ahead;
                    let keys = &keys[others.start - seen.start..others.end - seen.start];
                    for (slot, &key) in anchor.positives[slots].iter_mut().zip(keys) {
                        *slot = T::from_key(key);
                    }
                }
            }
        }
    }

    /// Offers the negatives to the anchors.
    #[inline(always)]
    fn push_block<L: Lanes<Real = T>>(&mut self, lanes: L, columns: Range<usize>, stride: usize) {
        let rows = self.rows();
        let layout = self.source.layout;
        let Scratch { keys, anchors, buckets, .. } = &mut *self.scratch;
        mask(layout, self.problem.classes(), self.panel, rows.clone(), columns.clone(), keys, stride);
        let ids = &self.source.packed.ids[columns.start * L::PANEL..columns.end * L::PANEL];
        for (keys, anchor) in keys.chunks(stride).zip(&mut anchors[..rows.len()]) {
            buckets.search(lanes, &keys[..ids.len()], ids, anchor);
        }
    }

    /// Writes the triplets out, and evaluates them.
    fn write(mut self) {
        let Scratch { anchors, negatives, counts, .. } = self.scratch;
        for (position, anchor) in self.positions.clone().zip(anchors) {
            if self.share.is_some_and(|share| !share.owns(self.problem.anchor_at(position))) {
                continue;
            }
            let Anchor { positives, nearest, far, found, .. } = anchor;
            let out = match &mut self.part {
                Some(part) => part.anchor(self.problem, position),
                None => found.resize(self.problem, position),
            };
            *counts += Answers { positives, nearest, far: *far }.write(self.problem, out, negatives);
        }
    }
}
