//! Stage 3b: anchors of large classes, each against every row, by its ladder.
//!
//! Every inner product with such an anchor is computed for it alone: twice the
//! multiply-adds of the triangle, but nothing to keep besides the anchors at work,
//! and a cost that does not grow with the rows of a class.

use super::pieces;
use crate::{
    block::{Source, mask},
    executor::share,
    isa::Element,
    lanes::{Kernel, Lanes},
    layout::Layout,
    pass::Pass,
    scratch::Scratch,
    search::{ladder, rows::farthest},
};
use core::ops::Range;
use triplet_core::{Mined, Problem, real::Key};

/// Bytes of ladders that a worker keeps in its cache at a time.
const LADDER_BYTES: usize = 512 * 1024;
/// Bytes of keys that a worker computes at a time. Long rows, so that an anchor's
/// ladder comes to the L1 cache once for many candidates.
const KEYS_BYTES: usize = 192 * 1024;

/// Some anchors of one panel: the panel, and rows of it.
type Unit = (usize, Range<usize>);

/// Fills `mined` for the panels that the layout marks.
pub(crate) fn run<T: Element>(pass: Pass<'_, T>, scratches: &mut [Scratch<T>], mined: &mut Mined<T>) {
    let Pass { executor, selected, problem, source } = pass;
    let layout = source.layout;
    if !layout.ladders.contains(&true) {
        return;
    }
    let tile_rows = T::dispatch(selected, TileRows);
    let units = || (0..layout.panels).flat_map(move |panel| units(layout, problem, panel, tile_rows));
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
        scratch.places.resize(widest);
    }
    share(executor, scratches, work, |scratch, (((panel, rows), positives), (negatives, distances))| {
        if layout.ladders[panel] {
            let out = Out { positives, negatives, distances };
            T::dispatch(selected, Climb { problem, source, panel, rows, scratch, out });
        }
    });
}

/// Cuts a panel's rows so that the ladders of each piece fit the cache.
fn units<T: Element>(
    layout: &Layout,
    problem: &Problem<'_, T>,
    panel: usize,
    tile_rows: usize,
) -> impl Iterator<Item = Unit> + Send + use<T> {
    let positions = layout.positions(panel);
    let height = if layout.ladders[panel] {
        let most = positions.clone().map(|position| problem.slots(position).len()).max().unwrap_or(0);
        (LADDER_BYTES / ladder::bytes::<T>(most).max(1)).next_multiple_of(tile_rows)
    } else {
        positions.len()
    };
    let rows = positions.len();
    (0..rows).step_by(height.max(1)).map(move |first| (panel, first..(first + height).min(rows)))
}

/// What the anchors of a unit write.
struct Out<'a, T> {
    positives: &'a mut [T],
    negatives: &'a mut [u32],
    distances: &'a mut [T],
}

struct Climb<'a, T: Element> {
    problem: &'a Problem<'a, T>,
    source: Source<'a, T>,
    panel: usize,
    rows: Range<usize>,
    scratch: &'a mut Scratch<T>,
    out: Out<'a, T>,
}

impl<T: Element> Kernel<T> for Climb<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes<Real = T>>(mut self, lanes: L) {
        self.positives(lanes);
        let problem = self.problem;
        let first = self.source.layout.positions(self.panel).start + self.rows.start;
        let count = self.rows.len();
        let Scratch { ladders, far, floors, .. } = &mut *self.scratch;
        if ladders.len() < count {
            ladders.resize_with(count, Default::default);
        }
        far.clear();
        far.resize(count, (Key::MASKED, Key::SIGNED_MAX));
        let mut start = 0;
        for (r, ladder) in ladders[..count].iter_mut().enumerate() {
            let slots = problem.slots(first + r).len();
            floors.clear();
            floors.extend(self.out.positives[start..start + slots].iter().map(|&d| problem.floor(d)));
            ladder.build(lanes, floors);
            start += slots;
        }
        self.candidates(lanes);
        self.write();
    }
}

impl<T: Element> Climb<'_, T> {
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

    /// Places every negative on every ladder.
    #[inline(always)]
    fn candidates<L: Lanes<Real = T>>(&mut self, lanes: L) {
        let layout = self.source.layout;
        let (runs, stride) = self.runs::<L>(0..layout.rows);
        for columns in runs {
            let Scratch { keys, places, ladders, far, .. } = &mut *self.scratch;
            let rows = self.rows.clone();
            self.source.distances_of(lanes, self.panel, rows.clone(), columns.clone(), keys, stride);
            mask(layout, self.problem.classes(), self.panel, rows, columns.clone(), keys, stride);
            let ids = &self.source.packed.ids[columns.start * L::PANEL..columns.end * L::PANEL];
            for ((keys, ladder), far) in keys.chunks(stride).zip(ladders).zip(far) {
                let keys = &keys[..ids.len()];
                farthest(lanes, keys, ids, &mut far.0, &mut far.1);
                ladder.place(lanes, keys, ids, places);
            }
        }
    }

    /// Writes the answers out.
    fn write(self) {
        let first = self.source.layout.positions(self.panel).start + self.rows.start;
        let base = self.problem.slots(first).start;
        for r in 0..self.rows.len() {
            let start = self.problem.slots(first + r).start - base;
            let (far, farthest) = self.scratch.far[r];
            let fallback = (far != Key::MASKED).then(|| (far, farthest.to_row()));
            self.scratch.ladders[r].answers(|slot, nearest| {
                let slot = start + slot;
                let (row, distance) = match nearest.or(fallback) {
                    Some((key, row)) => (row, T::from_key(key)),
                    None => self.problem.without_negative(self.out.positives[slot]),
                };
                self.out.negatives[slot] = row;
                self.out.distances[slot] = distance;
            });
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
