//! Stage 2: distances of the positives, and the floors they set for negatives.

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
use triplet_core::{Mined, NO_ROW, Problem, Real, mined::MinedPart, real::Key, rule::farther};

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
    let mut rest = &mut floors[..];
    let panels = mined.parts(problem, layout.all_positions()).enumerate().map(move |(panel, part)| {
        let floors = rest.split_off_mut(..layout.threshold_range(panel).len()).unwrap_or_default();
        (panel, part, floors)
    });
    share(executor, scratches, panels, |scratch, (panel, part, floors)| {
        if !layout.large[panel] {
            T::dispatch(
                selected,
                Positives { problem, source, panel, keys: &mut scratch.keys, part, floors },
            );
        }
    });
}

struct Positives<'a, T: Real> {
    problem: &'a Problem<'a, T>,
    source: Source<'a, T>,
    panel: usize,
    keys: &'a mut [T::Key],
    /// Where this panel's anchors write.
    part: MinedPart<'a, T>,
    floors: &'a mut [T::Key],
}

impl<T: Real> Kernel<T> for Positives<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes<Real = T>>(mut self, lanes: L) {
        let (layout, classes) = (self.source.layout, self.problem.classes());
        let positions = layout.positions(self.panel);
        if self.problem.rule().one_per_anchor() {
            for position in positions.clone() {
                // Nobody is nearer than the farthest positive, at distance 0.
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
        self.floors.fill(Key::NEVER);
        for (r, position) in positions.enumerate() {
            let anchor = self.part.anchor(self.problem, position);
            for (p, &distance) in anchor.positive_distances.iter().enumerate() {
                self.floors[p * L::PANEL + r] = self.problem.floor(distance);
            }
        }
    }
}

impl<T: Real> Positives<'_, T> {
    /// Takes over what the block says about positives at some positions.
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
