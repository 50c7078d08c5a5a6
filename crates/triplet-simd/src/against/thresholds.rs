//! Distances of the positives, and the thresholds they set for negatives, for which nothing is found yet.

use super::{Sides, positives};
use crate::{
    cpu::isa::Element,
    executor::run_tasks,
    gram::aligned::Aligned,
    lanes::{Kernel, Lanes},
    mining::{Bests, PanelThresholds, PassingDistances, StageContext, positives_of, thresholds_by_panel},
    scratch::Scratch,
};
use triplet_core::{NO_ROW, Triplets, real::Key, rule::farther};

/// Fills the positives' side of `triplets`, or `passing` where they keep no distances, and every threshold; forgets
/// what was found for others.
pub(super) fn run<T: Element>(
    sides: Sides<'_, T>,
    scratches: &mut [Scratch<T>],
    thresholds: &mut Aligned<T::Key>,
    (bests, passing): (&mut Bests<T::Key>, &mut PassingDistances<T>),
    triplets: &mut Triplets<T>,
) {
    let Sides { executor, selected, problem, anchors, .. } = sides;
    let context = StageContext { executor, selected, problem, source: anchors };
    bests.resize(anchors.layout);
    let bests = &*bests;
    let panels = thresholds_by_panel(context, thresholds, passing, triplets);
    run_tasks(executor, scratches, panels, |scratch, own| {
        T::dispatch(selected, Positives { sides, own, scratch, bests });
    });
}

/// The anchors of one panel.
struct Positives<'a, T: Element> {
    sides: Sides<'a, T>,
    own: PanelThresholds<'a, T>,
    scratch: &'a mut Scratch<T>,
    bests: &'a Bests<T::Key>,
}

impl<T: Element> Kernel<T> for Positives<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes<Real = T>>(self, lanes: L) {
        let Self { sides, own: PanelThresholds { panel, mut part, passing, thresholds }, scratch, bests } =
            self;
        let Sides { problem, anchors, .. } = sides;
        let (layout, rule) = (anchors.layout, problem.rule());
        let positions = layout.positions(panel);
        if rule.one_per_anchor() {
            for position in positions.clone() {
                // Distance 0 stands for a positive that does not exist; any real one replaces it.
                let anchor = part.anchor(problem, position);
                anchor.positive_distances[0] = T::ZERO;
                anchor.positives[0] = NO_ROW;
            }
        }
        let columns = &mut scratch.against.columns;
        positives::each(lanes, sides, (panel, 0..positions.len()), columns, |found| {
            let mut anchor = part.anchor(problem, positions.start + found.row);
            if rule.one_per_anchor() {
                let kept = (anchor.positive_distances[0].key(), anchor.positives[0]);
                if farther((found.value.key(), found.candidate), kept) {
                    anchor.positive_distances[0] = found.value;
                    anchor.positives[0] = found.candidate;
                }
            } else {
                let position = positions.start + found.row;
                positives_of(problem, layout, position, &mut anchor, passing)[found.rank] = found.value;
            }
        });
        thresholds.fill(Key::UNREACHABLE);
        for (r, position) in positions.enumerate() {
            let mut anchor = part.anchor(problem, position);
            let near = positives_of(problem, layout, position, &mut anchor, passing);
            for (p, &distance) in near.iter().enumerate() {
                thresholds[p * L::PANEL + r] = problem.threshold(distance);
            }
        }
        bests.panel(panel).reset(thresholds);
    }
}
