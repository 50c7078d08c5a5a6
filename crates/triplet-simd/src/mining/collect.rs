//! Every worker's bests, merged, written out as triplets and evaluated.

use crate::{cpu::isa::Element, executor::run_tasks, mining::StageContext, scratch::Scratch, search::Best};
use triplet_core::{
    Triplets,
    real::Key,
    rule::{farther, nearer},
    terms::TripletCounts,
};

/// Fills the negatives' side of `triplets`.
pub(crate) fn run<T: Element>(
    context: StageContext<'_, T>,
    scratches: &[Scratch<T>],
    all_counts: &mut [TripletCounts],
    thresholds: &[T::Key],
    triplets: &mut Triplets<T>,
) {
    let StageContext { executor, problem, source, .. } = context;
    let layout = source.layout;
    let panels = triplets.parts(problem, layout.all_positions()).enumerate();
    run_tasks(executor, all_counts, panels, |counts, (panel, mut part)| {
        if layout.large[panel] {
            return;
        }
        // Added up once a panel: the counts of all workers share cache lines.
        let mut judged = TripletCounts::default();
        for (r, position) in layout.positions(panel).enumerate() {
            let anchor = part.anchor(problem, position);
            for (p, &positive) in anchor.positive_distances.iter().enumerate() {
                let index = (layout.threshold_starts[panel] + p) * layout.panel + r;
                let chosen = nearest(scratches, index, thresholds[index])
                    .or_else(|| farthest(scratches, panel * layout.panel + r));
                let (row, distance) = match chosen {
                    Some((key, row)) => (row, T::from_key(key)),
                    None => problem.missing_negative(positive),
                };
                anchor.negatives[p] = row;
                anchor.negative_distances[p] = distance;
            }
            judged += anchor.evaluate_terms(problem);
        }
        *counts += judged;
    });
}

/// The best of all workers for a threshold: its key and row.
#[inline]
fn nearest<T: Element>(scratches: &[Scratch<T>], index: usize, threshold: T::Key) -> Option<(T::Key, u32)> {
    let seen = |best: &Best<T::Key>| {
        let row = best.nearest_row[index];
        (row != Key::SIGNED_MAX).then(|| (best.excess[index].wrapping_add(threshold), row.to_row()))
    };
    scratches.iter().filter_map(|scratch| seen(&scratch.best)).reduce(|a, b| if nearer(b, a) { b } else { a })
}

/// The farthest negative of a row among those of all workers.
#[inline]
fn farthest<T: Element>(scratches: &[Scratch<T>], row: usize) -> Option<(T::Key, u32)> {
    let seen = |best: &Best<T::Key>| {
        let key = best.far[row];
        (key != Key::MASKED).then(|| (key, best.farthest_row[row].to_row()))
    };
    scratches
        .iter()
        .filter_map(|scratch| seen(&scratch.best))
        .reduce(|a, b| if farther(b, a) { b } else { a })
}
