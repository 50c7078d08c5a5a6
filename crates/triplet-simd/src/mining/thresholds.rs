//! Distances of the positives, and the thresholds they set for negatives, for which nothing is found yet.

use crate::{
    cpu::isa::Element,
    executor::run_tasks,
    gram::{aligned::Aligned, block::PackedRows, layout::Layout, narrow::inner_products},
    lanes::{Kernel, Lanes, MAX_LEN},
    mining::{PassingDistances, StageContext, bests::Bests},
    scratch::Scratch,
};
use triplet_core::{
    NO_ROW, Problem, Real, Triplets,
    real::Key,
    rule::farther,
    triplets::{AnchorTriplets, TripletsPart},
};

/// Fills the positives' side of `triplets`, or `passing` where they keep no distances, and every threshold;
/// forgets what was found for others.
pub(crate) fn run<T: Element>(
    context: StageContext<'_, T>,
    scratches: &mut [Scratch<T>],
    thresholds: &mut Aligned<T::Key>,
    (bests, passing): (&mut Bests<T::Key>, &mut PassingDistances<T>),
    triplets: &mut Triplets<T>,
) {
    let StageContext { executor, selected, problem, source } = context;
    let layout = source.layout;
    bests.resize(layout);
    let bests = &*bests;
    let panels = thresholds_by_panel(context, thresholds, passing, triplets);
    run_tasks(executor, scratches, panels, |_, PanelThresholds { panel, part, passing, thresholds }| {
        T::dispatch(selected, Positives { problem, source, panel, part, passing, thresholds, bests });
    });
}

/// What the positives of a panel's anchors are written to.
pub(crate) struct PanelThresholds<'a, T: Element> {
    pub(crate) panel: usize,
    /// The anchors' triplets.
    pub(crate) part: TripletsPart<'a, T>,
    /// Where the distances go that triplets do not keep.
    pub(crate) passing: &'a mut [T],
    pub(crate) thresholds: &'a mut [T::Key],
}

/// Makes room for the thresholds of all panels of anchors that have some, panel by panel.
pub(crate) fn thresholds_by_panel<'a, T: Element>(
    context: StageContext<'a, T>,
    thresholds: &'a mut Aligned<T::Key>,
    passing: &'a mut PassingDistances<T>,
    triplets: &'a mut Triplets<T>,
) -> impl Iterator<Item = PanelThresholds<'a, T>> + Send {
    let StageContext { problem, source, .. } = context;
    let layout = source.layout;
    thresholds.resize(layout.threshold_len());
    passing.resize(if triplets.keeps_distances() { 0 } else { layout.threshold_len() });
    let mut rest = &mut thresholds[..];
    let panels = triplets.parts(problem, layout.all_positions()).zip(passing.panels(layout)).enumerate();
    let panels = panels.map(move |(panel, (part, (passing, _)))| {
        let thresholds = rest.split_off_mut(..layout.threshold_range(panel).len()).unwrap_or_default();
        PanelThresholds { panel, part, passing, thresholds }
    });
    panels.filter(|own| !layout.is_large(own.panel))
}

/// Rows whose distances are computed together.
const ROWS: usize = 8;
/// The same where a panel has fewer.
const FEW_ROWS: usize = 4;

struct Positives<'a, T: Element> {
    problem: &'a Problem<'a, T>,
    source: PackedRows<'a, T>,
    panel: usize,
    /// Where this panel's anchors write.
    part: TripletsPart<'a, T>,
    /// Where the distances go that triplets do not keep.
    passing: &'a mut [T],
    thresholds: &'a mut [T::Key],
    bests: &'a Bests<T::Key>,
}

impl<T: Element> Kernel<T> for Positives<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes<Real = T>>(mut self, lanes: L) {
        let positions = self.source.layout.positions(self.panel);
        if self.problem.rule().one_per_anchor() {
            for position in positions.clone() {
                // Distance 0 stands for a positive that does not exist; any real one replaces it.
                let anchor = self.part.anchor(self.problem, position);
                anchor.positive_distances[0] = T::ZERO;
                anchor.positives[0] = NO_ROW;
            }
        }
        const { assert!(L::PANEL >= FEW_ROWS) };
        if L::PANEL >= ROWS {
            self.rows::<L, ROWS>(lanes);
        } else {
            self.rows::<L, FEW_ROWS>(lanes);
        }
        self.thresholds.fill(Key::UNREACHABLE);
        for (r, position) in positions.enumerate() {
            let Self { problem, source, part, passing, thresholds, .. } = &mut self;
            let mut anchor = part.anchor(problem, position);
            for (p, &distance) in
                positives_of(problem, source.layout, position, &mut anchor, passing).iter().enumerate()
            {
                thresholds[p * L::PANEL + r] = problem.threshold(distance);
            }
        }
        self.bests.panel(self.panel).reset(self.thresholds);
    }
}

/// Where the distances of an anchor's positives are: with its triplets, or else in its panel's passing
/// distances.
#[inline(always)]
pub(crate) fn positives_of<'a, T: Real>(
    problem: &Problem<'_, T>,
    layout: &Layout,
    position: usize,
    anchor: &'a mut AnchorTriplets<'_, T>,
    passing: &'a mut [T],
) -> &'a mut [T] {
    if passing.is_empty() {
        &mut *anchor.positive_distances
    } else {
        &mut passing[layout.passing(problem, position)]
    }
}

impl<T: Element> Positives<'_, T> {
    /// Writes the distances of the positives, `R` rows at a time.
    #[inline(always)]
    fn rows<L: Lanes<Real = T>, const R: usize>(&mut self, lanes: L) {
        let (source, classes) = (self.source, self.problem.classes());
        let panel = source.panel(self.panel);
        let positions = source.layout.positions(self.panel);
        for first in positions.clone().step_by(R) {
            let some = first..positions.end.min(first + R);
            // Within the panel, where it is no whole number of tiles.
            let first_row = (first - positions.start).min(L::PANEL - R);
            let others = classes.span(some.start).start..classes.span(some.end - 1).end;
            for column in (others.start / L::LEN * L::LEN..others.end).step_by(L::LEN) {
                let (others, lane) = (source.panel(column / L::PANEL), column % L::PANEL);
                let (rows, columns) = (&panel.rows[first_row..], &others.rows[lane..]);
                let products: [L::Float; R] = inner_products(lanes, rows, columns, source.layout.width);
                let norms = &others.norms[lane..][..L::LEN];
                for position in some.clone() {
                    let row = position - positions.start;
                    let mut values = [T::ZERO; MAX_LEN];
                    lanes.store(&mut values, products[row - first_row]);
                    for lane in 0..L::LEN {
                        let g = values[lane];
                        values[lane] = source.distance.ranking_value(g, panel.norms[row], norms[lane]);
                    }
                    self.take(position, column, &values[..L::LEN]);
                }
            }
        }
    }

    /// Keeps those of the distances from a position to some others, from `first` on, that are to
    /// positives.
    #[inline(always)]
    fn take(&mut self, position: usize, first: usize, values: &[T]) {
        let classes = self.problem.classes();
        let span = classes.span(position);
        let mut anchor = self.part.anchor(self.problem, position);
        let others =
            (span.start.max(first)..span.end.min(first + values.len())).filter(|&other| other != position);
        if self.problem.rule().one_per_anchor() {
            for other in others {
                let value = values[other - first];
                let candidate = (value.key(), classes.order()[other]);
                if farther(candidate, (anchor.positive_distances[0].key(), anchor.positives[0])) {
                    anchor.positive_distances[0] = value;
                    anchor.positives[0] = candidate.1;
                }
            }
            return;
        }
        let kept = positives_of(self.problem, self.source.layout, position, &mut anchor, self.passing);
        for other in others {
            kept[other - span.start - usize::from(other > position)] = values[other - first];
        }
    }
}
