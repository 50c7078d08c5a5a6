//! Stage 4: every worker's bests, merged and written out as triplets.

use super::{panel_slots, pieces};
use crate::{executor::share, isa::Element, pass::Pass, scratch::Scratch, search::Best};
use triplet_core::{
    Mined,
    real::Key,
    rule::{farther, nearer},
};

/// Fills the negatives' side of `mined`.
pub(crate) fn run<T: Element>(
    pass: Pass<'_, T>,
    scratches: &[Scratch<T>],
    idle: &mut [()],
    floors: &[T::Key],
    mined: &mut Mined<T>,
) {
    let Pass { executor, problem, source, .. } = pass;
    let layout = source.layout;
    let slots = |panel| panel_slots(layout, problem, panel).len();
    let negatives = pieces(&mut mined.negatives, (0..layout.panels).map(slots));
    let distances = pieces(&mut mined.negative_distances, (0..layout.panels).map(slots));
    let positives = &mined.positive_distances;
    let panels = negatives.zip(distances).enumerate();
    share(executor, idle, panels, |(), (panel, (negatives, distances))| {
        if layout.large[panel] {
            return;
        }
        let base = panel_slots(layout, problem, panel).start;
        for (r, position) in layout.positions(panel).enumerate() {
            for (p, slot) in problem.slots(position).enumerate() {
                let threshold = (layout.thresholds[panel] + p) * layout.panel + r;
                let chosen = nearest(scratches, threshold, floors[threshold])
                    .or_else(|| farthest(scratches, panel * layout.panel + r));
                let (row, distance) = match chosen {
                    Some((key, row)) => (row, T::from_key(key)),
                    None => problem.without_negative(positives[slot]),
                };
                negatives[slot - base] = row;
                distances[slot - base] = distance;
            }
        }
    });
}

/// The best of all workers for a threshold: its key and row.
fn nearest<T: Element>(scratches: &[Scratch<T>], threshold: usize, floor: T::Key) -> Option<(T::Key, u32)> {
    let seen = |best: &Best<T::Key>| {
        let owner = best.nearest[threshold];
        (owner != Key::SIGNED_MAX).then(|| (best.excess[threshold].wrapping_add(floor), owner.to_row()))
    };
    scratches.iter().filter_map(|scratch| seen(&scratch.best)).reduce(|a, b| if nearer(b, a) { b } else { a })
}

/// The farthest negative that any worker saw for a row.
fn farthest<T: Element>(scratches: &[Scratch<T>], row: usize) -> Option<(T::Key, u32)> {
    let seen = |best: &Best<T::Key>| {
        let key = best.far[row];
        (key != Key::MASKED).then(|| (key, best.farthest[row].to_row()))
    };
    scratches
        .iter()
        .filter_map(|scratch| seen(&scratch.best))
        .reduce(|a, b| if farther(b, a) { b } else { a })
}
