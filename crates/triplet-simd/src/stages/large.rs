//! Stage 3b: anchors of large classes, each against every row, by sorting candidates.
//!
//! Every inner product with such an anchor is computed for it alone: twice the
//! multiply-adds of the triangle, but nothing to keep besides the anchors at work,
//! and a cost that hardly grows with the rows of a class.

use super::pieces;
use crate::{
    block::{Source, mask},
    executor::share,
    isa::Element,
    lanes::{Kernel, Lanes},
    layout::Layout,
    pass::Pass,
    scratch::Scratch,
    };
use core::ops::Range;
use triplet_core::{Mined, Problem, real::Key};

/// Bytes of keys that a worker computes at a time: they, and the candidates sorted, stay
/// in the L2 cache.
const KEYS_BYTES: usize = 288 * 1024;

/// Some anchors of one panel: the panel, and rows of it.
type Unit = (usize, Range<usize>);

/// Fills `mined` for the panels that the layout marks.
pub(crate) fn run<T: Element>(pass: Pass<'_, T>, scratches: &mut [Scratch<T>], mined: &mut Mined<T>) {
    let Pass { executor, selected, problem, source } = pass;
    let layout = source.layout;
    if !layout.large.contains(&true) {
        return;
    }
    let tile_rows = T::dispatch(selected, TileRows);
    let units = || (0..layout.panels).flat_map(move |panel| units(layout, panel, tile_rows));
    let lengths = || {
        units().map(move |(panel, rows)| {
            let first = layout.positions(panel).start;
            rows.map(|r| problem.slots(first + r).len()).sum()
        })
    };
    let positives = pieces(&mut mined.positive_distances, lengths());
    let negatives = pieces(&mut mined.negatives, lengths());
    let distances = pieces(&mut mined.negative_distances, lengths());
    let work = units().zip(positives).zip(negatives.zip(distances));
    let widest = KEYS_BYTES / size_of::<T>() + layout.panel * layout.panel;
    for scratch in scratches.iter_mut() {
        scratch.keys.resize(widest);
    }
    share(executor, scratches, work, |scratch, (((panel, rows), positives), (negatives, distances))| {
        if layout.large[panel] {
            let out = Out { positives, negatives, distances };
            T::dispatch(selected, Sweep { problem, source, panel, rows, scratch, out });
        }
    });
}

/// Cuts a panel's rows into register tiles.
fn units(
    layout: &Layout,
    panel: usize,
    tile_rows: usize,
) -> impl Iterator<Item = Unit> + Send + use<> {
    let rows = layout.positions(panel).len();
    let height = if layout.large[panel] { tile_rows } else { rows };
    (0..rows).step_by(height.max(1)).map(move |first| (panel, first..(first + height).min(rows)))
}

/// What the anchors of a unit write.
struct Out<'a, T> {
    positives: &'a mut [T],
    negatives: &'a mut [u32],
    distances: &'a mut [T],
}

struct Sweep<'a, T: Element> {
    problem: &'a Problem<'a, T>,
    source: Source<'a, T>,
    panel: usize,
    rows: Range<usize>,
    scratch: &'a mut Scratch<T>,
    out: Out<'a, T>,
}

impl<T: Element> Kernel<T> for Sweep<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes<Real = T>>(mut self, lanes: L) {
        self.positives(lanes);
        let problem = self.problem;
        let first = self.source.layout.positions(self.panel).start + self.rows.start;
        let anchors = &mut self.scratch.anchors;
        if anchors.len() < self.rows.len() {
            anchors.resize_with(self.rows.len(), Default::default);
        }
        let mut start = 0;
        for (r, anchor) in anchors[..self.rows.len()].iter_mut().enumerate() {
            let slots = problem.slots(first + r).len();
            anchor.ask(self.out.positives[start..start + slots].iter().map(|&d| problem.floor(d)));
            start += slots;
        }
        self.candidates(lanes);
        self.write();
    }
}

impl<T: Element> Sweep<'_, T> {
    /// The runs of column panels that hold some positions, and keys between two rows.
    fn runs<L: Lanes<Real = T>>(
        &self,
        positions: Range<usize>,
    ) -> (impl Iterator<Item = Range<usize>> + use<T, L>, usize) {
        let height = L::PANEL;
        let (first, end) = (positions.start / height, positions.end.div_ceil(height));
        // Tiles are written whole.
        let rows = self.rows.len().next_multiple_of(L::TILE_ROWS);
        let step = (KEYS_BYTES / size_of::<T>() / (rows * height)).max(1);
        ((first..end).step_by(step).map(move |start| start..(start + step).min(end)), step * height)
    }

    /// Distances of the positives.
    #[inline(always)]
    fn positives<L: Lanes<Real = T>>(&mut self, lanes: L) {
        let (layout, problem) = (self.source.layout, self.problem);
        let classes = problem.classes();
        let first = layout.positions(self.panel).start;
        let anchors = first + self.rows.start..first + self.rows.end;
        let reach = classes.span(anchors.start).start..classes.span(anchors.end - 1).end;
        let base = problem.slots(anchors.start).start;
        let (runs, stride) = self.runs::<L>(reach);
        for columns in runs {
            let keys = &mut self.scratch.keys;
            self.source.distances_of(lanes, self.panel, self.rows.clone(), columns.clone(), keys, stride);
            let seen = columns.start * L::PANEL..columns.end * L::PANEL;
            for (position, keys) in anchors.clone().zip(keys.chunks(stride)) {
                let span = classes.span(position);
                for other in span.start.max(seen.start)..span.end.min(seen.end) {
                    if other != position {
                        let slot = classes.pair_slot(position, other) - base;
                        self.out.positives[slot] = T::from_key(keys[other - seen.start]);
                    }
                }
            }
        }
    }

    /// Offers every negative to every anchor.
    #[inline(always)]
    fn candidates<L: Lanes<Real = T>>(&mut self, lanes: L) {
        let layout = self.source.layout;
        let (runs, stride) = self.runs::<L>(0..layout.rows);
        for columns in runs {
            let Scratch { keys, anchors, buckets, .. } = &mut *self.scratch;
            let rows = self.rows.clone();
            self.source.distances_of(lanes, self.panel, rows.clone(), columns.clone(), keys, stride);
            mask(layout, self.problem.classes(), self.panel, rows, columns.clone(), keys, stride);
            let ids = &self.source.packed.ids[columns.start * L::PANEL..columns.end * L::PANEL];
            for (keys, anchor) in keys.chunks(stride).zip(&mut anchors[..self.rows.len()]) {
                buckets.search(lanes, &keys[..ids.len()], ids, anchor);
            }
        }
    }

    /// Writes the answers out.
    fn write(self) {
        let mut slot = 0;
        for anchor in &self.scratch.anchors[..self.rows.len()] {
            let (far, farthest) = anchor.far;
            let fallback = (far != Key::MASKED).then(|| (far, farthest.to_row()));
            for &nearest in &anchor.nearest {
                let nearest = (nearest != T::NOBODY).then(|| T::parts(nearest));
                let (row, distance) = match nearest.or(fallback) {
                    Some((key, row)) => (row, T::from_key(key)),
                    None => self.problem.without_negative(self.out.positives[slot]),
                };
                self.out.negatives[slot] = row;
                self.out.distances[slot] = distance;
                slot += 1;
            }
        }
    }
}

/// Answers the rows of the register tile.
struct TileRows;

impl<T: Element> Kernel<T> for TileRows {
    type Output = usize;
    #[inline(always)]
    fn run<L: Lanes<Real = T>>(self, _: L) -> usize {
        L::TILE_ROWS
    }
}
