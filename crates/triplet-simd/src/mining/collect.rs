//! Every worker's bests, merged, written out as triplets and evaluated.

use crate::{
    cpu::isa::Element,
    executor::run_tasks,
    gram::{aligned::Aligned, layout::Layout},
    lanes::{Kernel, Lanes},
    mining::{PassingDistances, StageContext},
    scratch::Scratch,
    search::Best,
};
use triplet_core::{
    Triplets,
    real::Key,
    rule::{farther, nearer},
    terms::TripletCounts,
};

/// What all workers together found for every threshold.
#[derive(Debug, Default)]
pub(crate) struct Nearest<K> {
    keys: Aligned<K>,
    /// Original rows; no row's number where nothing reached the threshold.
    rows: Aligned<K>,
}

/// Fills the negatives' side of `triplets`.
pub(crate) fn run<T: Element>(
    context: StageContext<'_, T>,
    scratches: &[Scratch<T>],
    all_counts: &mut [TripletCounts],
    thresholds: &[T::Key],
    (nearest, passing): (&mut Nearest<T::Key>, &mut PassingDistances<T>),
    triplets: &mut Triplets<T>,
) {
    let StageContext { executor, selected, problem, source } = context;
    let layout = source.layout;
    nearest.keys.resize(thresholds.len());
    nearest.rows.resize(thresholds.len());
    let mut rest = (&mut nearest.keys[..], &mut nearest.rows[..]);
    let parts = triplets.parts(problem, layout.all_positions()).zip(passing.panels(layout));
    let panels = parts.enumerate().map(move |(panel, (part, passing))| {
        let len = layout.threshold_range(panel).len();
        let keys = rest.0.split_off_mut(..len).unwrap_or_default();
        (panel, part, passing, keys, rest.1.split_off_mut(..len).unwrap_or_default())
    });
    run_tasks(executor, all_counts, panels, |counts, (panel, mut part, passing, keys, rows)| {
        if layout.large[panel] {
            return;
        }
        T::dispatch(selected, Merge { layout, panel, scratches, thresholds, keys, rows });
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
                let nearest = (rows[index] != Key::SIGNED_MAX).then(|| (keys[index], rows[index].to_row()));
                let chosen = nearest.or_else(|| farthest(scratches, panel * layout.panel + r));
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

/// Merges the bests of one panel, lane by lane.
struct Merge<'a, T: Element> {
    layout: &'a Layout,
    panel: usize,
    scratches: &'a [Scratch<T>],
    thresholds: &'a [T::Key],
    keys: &'a mut [T::Key],
    rows: &'a mut [T::Key],
}

impl<T: Element> Kernel<T> for Merge<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes<Real = T>>(self, _: L) {
        let Self { layout, panel, scratches, thresholds, keys, rows } = self;
        let range = layout.threshold_range(panel);
        let thresholds = &thresholds[range.clone()];
        keys.fill(Key::MASKED);
        rows.fill(Key::SIGNED_MAX);
        for Scratch { best, .. } in scratches {
            let (excess, nearest_row) = (&best.excess[range.clone()], &best.nearest_row[range.clone()]);
            for i in 0..keys.len() {
                let row = nearest_row[i];
                let key =
                    if row == Key::SIGNED_MAX { Key::MASKED } else { excess[i].wrapping_add(thresholds[i]) };
                if nearer((key, row), (keys[i], rows[i])) {
                    (keys[i], rows[i]) = (key, row);
                }
            }
        }
    }
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
