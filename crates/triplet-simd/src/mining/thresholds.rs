//! Distances of the positives, and the thresholds they set for negatives.

use crate::{
    cpu::isa::Element,
    executor::run_tasks,
    gram::{aligned::Aligned, block::PackedRows},
    lanes::{Kernel, Lanes},
    mining::StageContext,
    scratch::Scratch,
};
use core::ops::Range;
use triplet_core::{NO_ROW, Problem, Real, Triplets, real::Key, rule::farther, triplets::TripletsPart};

/// Fills the positives' side of `triplets`, and every threshold.
pub(crate) fn run<T: Element>(
    context: StageContext<'_, T>,
    scratches: &mut [Scratch<T>],
    thresholds: &mut Aligned<T::Key>,
    triplets: &mut Triplets<T>,
) {
    let StageContext { executor, selected, problem, source } = context;
    let layout = source.layout;
    thresholds.resize(layout.threshold_len());
    let mut rest = &mut thresholds[..];
    let panels = triplets.parts(problem, layout.all_positions()).enumerate().map(move |(panel, part)| {
        let thresholds = rest.split_off_mut(..layout.threshold_range(panel).len()).unwrap_or_default();
        (panel, part, thresholds)
    });
    run_tasks(executor, scratches, panels, |scratch, (panel, part, thresholds)| {
        if !layout.large[panel] {
            T::dispatch(
                selected,
                Positives { problem, source, panel, keys: &mut scratch.keys, part, thresholds },
            );
        }
    });
}

struct Positives<'a, T: Real> {
    problem: &'a Problem<'a, T>,
    source: PackedRows<'a, T>,
    panel: usize,
    keys: &'a mut [T::Key],
    /// Where this panel's anchors write.
    part: TripletsPart<'a, T>,
    thresholds: &'a mut [T::Key],
}

impl<T: Real> Kernel<T> for Positives<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes<Real = T>>(mut self, lanes: L) {
        let (layout, classes) = (self.source.layout, self.problem.classes());
        let positions = layout.positions(self.panel);
        if self.problem.rule().one_per_anchor() {
            for position in positions.clone() {
                // Distance 0 stands for a positive that does not exist; any real one replaces it.
                let anchor = self.part.anchor(self.problem, position);
                anchor.positive_distances[0] = T::ZERO;
                anchor.positives[0] = NO_ROW;
            }
        }
        // The classes of this panel's rows may reach over several panels.
        let (first, last) = (classes.span(positions.start).start, classes.span(positions.end - 1).end - 1);
        let mut columns = first / L::PANEL;
        while columns <= last / L::PANEL {
            let end = (columns + layout.block).min(last / L::PANEL + 1);
            self.source.distances(lanes, self.panel, columns..end, self.keys);
            self.take(columns * L::PANEL..end * L::PANEL);
            columns = end;
        }
        self.thresholds.fill(Key::UNREACHABLE);
        for (r, position) in positions.enumerate() {
            let anchor = self.part.anchor(self.problem, position);
            for (p, &distance) in anchor.positive_distances.iter().enumerate() {
                self.thresholds[p * L::PANEL + r] = self.problem.threshold(distance);
            }
        }
    }
}

impl<T: Real> Positives<'_, T> {
    /// Copies the distances of positives at some positions from the block.
    fn take(&mut self, columns: Range<usize>) {
        let (layout, classes) = (self.source.layout, self.problem.classes());
        let rows = layout.positions(self.panel).zip(self.keys.chunks(layout.stride()));
        for (position, keys) in rows {
            let span = classes.span(position);
            let anchor = self.part.anchor(self.problem, position);
            for other in span.start.max(columns.start)..span.end.min(columns.end) {
                if other == position {
                    continue;
                }
                let key = keys[other - columns.start];
                if self.problem.rule().one_per_anchor() {
                    let candidate = (key, classes.order()[other]);
                    if farther(candidate, (anchor.positive_distances[0].key(), anchor.positives[0])) {
                        anchor.positive_distances[0] = T::from_key(candidate.0);
                        anchor.positives[0] = candidate.1;
                    }
                } else {
                    let rank = other - span.start - usize::from(other > position);
                    anchor.positive_distances[rank] = T::from_key(key);
                }
            }
        }
    }
}
