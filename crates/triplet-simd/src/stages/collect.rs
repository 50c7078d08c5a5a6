//! Stage 4: every worker's bests, merged, written out as triplets and judged.

use crate::{executor::share, isa::Element, pass::Pass, scratch::Scratch, search::Best};
use triplet_core::{
    Mined,
    real::Key,
    rule::{farther, nearer},
    terms::Verdict,
};

/// Fills the negatives' side of `mined`.
pub(crate) fn run<T: Element>(
    pass: Pass<'_, T>,
    scratches: &[Scratch<T>],
    verdicts: &mut [Verdict],
    floors: &[T::Key],
    mined: &mut Mined<T>,
) {
    let Pass { executor, problem, source, .. } = pass;
    let layout = source.layout;
    let panels = mined.parts(problem, layout.all_positions()).enumerate();
    share(executor, verdicts, panels, |verdict, (panel, mut part)| {
        if layout.large[panel] {
            return;
        }
        // Added up once a panel: the verdicts of all workers share cache lines.
        let mut judged = Verdict::default();
        for (r, position) in layout.positions(panel).enumerate() {
            let anchor = part.anchor(problem, position);
            for (p, &positive) in anchor.positive_distances.iter().enumerate() {
                let threshold = (layout.thresholds[panel] + p) * layout.panel + r;
                let chosen = nearest(scratches, threshold, floors[threshold])
                    .or_else(|| farthest(scratches, panel * layout.panel + r));
                let (row, distance) = match chosen {
                    Some((key, row)) => (row, T::from_key(key)),
                    None => problem.without_negative(positive),
                };
                anchor.negatives[p] = row;
                anchor.negative_distances[p] = distance;
            }
            judged += anchor.judge(problem);
        }
        *verdict += judged;
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
