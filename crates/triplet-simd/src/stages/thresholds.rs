//! Stage 2: distances of the positives, and the floors they set for negatives.

use super::{panel_slots, pieces};
use crate::{
    aligned::Aligned,
    block::Source,
    executor::share,
    isa::Element,
    lanes::{Kernel, Lanes},
    pass::Pass,
    scratch::Scratch,
};
use core::ops::Range;
use triplet_core::{Mined, NO_ROW, Problem, Real, real::Key, rule::farther};

/// Fills the positives' side of `mined`, and every floor.
pub(crate) fn run<T: Element>(
    pass: Pass<'_, T>,
    scratches: &mut [Scratch<T>],
    floors: &mut Aligned<T::Key>,
    mined: &mut Mined<T>,
) {
    let Pass { executor, selected, problem, source } = pass;
    let layout = source.layout;
    floors.resize(layout.threshold_len());
    let panels = 0..layout.panels;
    let slots = |panel| panel_slots(layout, problem, panel).len();
    let hardest = problem.rule().one_per_anchor();
    let floors = pieces(floors, panels.clone().map(|panel| layout.threshold_range(panel).len()));
    let distances = pieces(&mut mined.positive_distances, panels.clone().map(slots));
    let positives =
        pieces(&mut mined.positives, panels.clone().map(move |panel| if hardest { slots(panel) } else { 0 }));
    let panels = panels.zip(floors).zip(distances.zip(positives));
    share(executor, scratches, panels, |scratch, ((panel, floors), (distances, positives))| {
        if layout.large[panel] {
            return;
        }
        let out = PositivesOut { floors, distances, positives };
        T::dispatch(selected, Positives { problem, source, panel, keys: &mut scratch.keys, out });
    });
}

/// What one panel's anchors write.
struct PositivesOut<'a, T: Real> {
    floors: &'a mut [T::Key],
    distances: &'a mut [T],
    positives: &'a mut [u32],
}

struct Positives<'a, T: Real> {
    problem: &'a Problem<'a, T>,
    source: Source<'a, T>,
    panel: usize,
    keys: &'a mut [T::Key],
    out: PositivesOut<'a, T>,
}

impl<T: Real> Kernel<T> for Positives<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes<Real = T>>(mut self, lanes: L) {
        let (layout, classes) = (self.source.layout, self.problem.classes());
        let positions = layout.positions(self.panel);
        // Nobody is nearer than the farthest positive, at distance 0.
        self.out.distances.fill(T::ZERO);
        self.out.positives.fill(NO_ROW);
        // The classes of this panel's rows may reach over several panels.
        let (first, last) = (classes.span(positions.start).start, classes.span(positions.end - 1).end - 1);
        let mut columns = first / L::PANEL;
        while columns <= last / L::PANEL {
            let end = (columns + layout.block).min(last / L::PANEL + 1);
            self.source.distances(lanes, self.panel, columns..end, self.keys);
            self.take(columns * L::PANEL..end * L::PANEL);
            columns = end;
        }
        self.out.floors.fill(Key::NEVER);
        let base = panel_slots(layout, self.problem, self.panel).start;
        for (r, position) in positions.enumerate() {
            for (p, slot) in self.problem.slots(position).enumerate() {
                let floor = self.problem.floor(self.out.distances[slot - base]);
                self.out.floors[p * L::PANEL + r] = floor;
            }
        }
    }
}

impl<T: Real> Positives<'_, T> {
    /// Takes over what the block says about positives at some positions.
    fn take(&mut self, columns: Range<usize>) {
        let (layout, classes) = (self.source.layout, self.problem.classes());
        let base = panel_slots(layout, self.problem, self.panel).start;
        let rows = layout.positions(self.panel).zip(self.keys.chunks(layout.stride()));
        for (position, keys) in rows {
            let span = classes.span(position);
            let slots = self.problem.slots(position);
            for other in span.start.max(columns.start)..span.end.min(columns.end) {
                if other == position {
                    continue;
                }
                let key = keys[other - columns.start];
                if self.problem.rule().one_per_anchor() {
                    let slot = slots.start - base;
                    let candidate = (key, classes.order()[other]);
                    if farther(candidate, (self.out.distances[slot].key(), self.out.positives[slot])) {
                        self.out.distances[slot] = T::from_key(candidate.0);
                        self.out.positives[slot] = candidate.1;
                    }
                } else {
                    let rank = other - span.start - usize::from(other > position);
                    self.out.distances[slots.start - base + rank] = T::from_key(key);
                }
            }
        }
    }
}
