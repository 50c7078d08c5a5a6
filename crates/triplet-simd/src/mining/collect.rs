//! What was found, written out as triplets and evaluated.

use super::bests::Bests;
use crate::{cpu::isa::Element, executor::run_tasks, mining::StageContext};
use triplet_core::{Triplets, terms::TripletCounts};

/// Fills the negatives' side of `triplets`.
pub(crate) fn run<T: Element>(
    context: StageContext<'_, T>,
    all_counts: &mut [TripletCounts],
    thresholds: &[T::Key],
    bests: &Bests<T::Key>,
    triplets: &mut Triplets<T>,
) {
    let StageContext { executor, problem, source, .. } = context;
    let layout = source.layout;
    let panels = triplets.parts(problem, layout.all_positions()).enumerate();
    run_tasks(executor, all_counts, panels, |counts, (panel, mut part)| {
        if layout.large[panel] {
            return;
        }
        let thresholds = &thresholds[layout.threshold_range(panel)];
        let best = bests.panel(panel);
        // Added up once a panel: the counts of all workers share cache lines.
        let mut judged = TripletCounts::default();
        for (r, position) in layout.positions(panel).enumerate() {
            let anchor = part.anchor(problem, position);
            for (p, &positive) in anchor.positive_distances.iter().enumerate() {
                let index = p * layout.panel + r;
                let chosen = best.nearest(index, thresholds[index]).or_else(|| best.farthest(r));
                let missing = || problem.missing_negative(positive);
                (anchor.negatives[p], anchor.negative_distances[p]) =
                    chosen.map_or_else(missing, |(key, row)| (row, T::from_key(key)));
            }
            judged += anchor.evaluate_terms(problem);
        }
        *counts += judged;
    });
}
