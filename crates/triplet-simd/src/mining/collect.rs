//! What was found, written out as triplets and evaluated.

use super::bests::Bests;
use crate::{
    cpu::isa::Element,
    executor::run_tasks,
    mining::{PassingDistances, StageContext},
};
use triplet_core::{Triplets, terms::TripletCounts};

/// Fills the negatives' side of `triplets`.
pub(crate) fn run<T: Element>(
    context: StageContext<'_, T>,
    all_counts: &mut [TripletCounts],
    thresholds: &[T::Key],
    (bests, passing): (&Bests<T::Key>, &mut PassingDistances<T>),
    triplets: &mut Triplets<T>,
) {
    let StageContext { executor, problem, source, .. } = context;
    let layout = source.layout;
    let panels = triplets.parts(problem, layout.all_positions()).zip(passing.panels(layout)).enumerate();
    run_tasks(executor, all_counts, panels, |counts, (panel, (mut part, passing))| {
        if layout.is_large(panel) {
            return;
        }
        let thresholds = &thresholds[layout.threshold_range(panel)];
        let best = bests.panel(panel);
        // Added up once a panel: the counts of all workers share cache lines.
        let mut judged = TripletCounts::default();
        for (r, position) in layout.positions(panel).enumerate() {
            let anchor = part.anchor(problem, position);
            let kept = passing.0.is_empty();
            let own = if kept { 0..0 } else { layout.passing(problem, position) };
            let (positives, found) = if kept {
                (&*anchor.positive_distances, &mut *anchor.negative_distances)
            } else {
                (&passing.0[own.clone()], &mut passing.1[own.clone()])
            };
            for (p, &positive) in positives.iter().enumerate() {
                let index = p * layout.panel + r;
                let chosen = best.chosen(index, thresholds[index], r);
                let missing = || problem.missing_negative(positive);
                (anchor.negatives[p], found[p]) =
                    chosen.map_or_else(missing, |(key, row)| (row, T::from_key(key)));
            }
            judged += if kept {
                anchor.evaluate_terms(problem)
            } else {
                anchor.evaluate_terms_with(problem, &passing.0[own.clone()], &passing.1[own])
            };
        }
        *counts += judged;
    });
}
