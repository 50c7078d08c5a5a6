//! The search along the rows of a block: lanes are candidates of one anchor.

use super::{
    KeyPattern, Subject, Suite, ThresholdPattern, data, on_every_isa, rng, sampled,
    search_model::{AnchorModel, compare, one_panel},
};
use crate::{
    cpu::isa::Element,
    lanes::{Kernel, Lanes},
    search::{Best, Block, PanelBest, rows},
};
use core::ops::Range;
use triplet_core::{Real, real::Key};

struct Search<'a, 'b, K: Key> {
    block: Block<'a, K>,
    columns: Range<usize>,
    best: &'a mut PanelBest<'b, K>,
    far: bool,
}

impl<T: Real> Kernel<T> for Search<'_, '_, T::Key> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes<Real = T>>(self, lanes: L) {
        rows::search(lanes, self.block, self.columns, self.best, self.far);
    }
}

/// Anchors, the columns searched, thresholds an anchor, and how keys and thresholds are drawn.
#[derive(Debug, Clone)]
struct Setup {
    anchors: usize,
    columns: Range<usize>,
    slots: usize,
    keys: KeyPattern,
    thresholds: ThresholdPattern,
    far: bool,
}

/// Searches three blocks after one another, as a worker does, and compares after each.
fn check<T: Element>(on: &Subject<T>, case: &Setup, stream: u64) {
    let _case = on.case(|| format!("{case:?}"));
    let (panel, rng) = (on.shape.panel, &mut rng(stream));
    let layout = one_panel(on, case.slots);
    // More columns than are searched on either side, and more rows than there are anchors.
    let wide = case.columns.end + on.shape.len;
    let blocks: Vec<Vec<T::Key>> =
        (0..3).map(|_| case.keys.keys::<T>(rng, (case.anchors + 1) * wide)).collect();
    let thresholds = case.thresholds.thresholds(rng, &blocks[0], case.slots * panel);
    let of_anchor = |r: usize| thresholds.iter().skip(r).step_by(panel).copied().collect();
    let mut models: Vec<_> = (0..panel).map(|r| AnchorModel::<T::Key>::new(of_anchor(r))).collect();
    let mut best = Best::default();
    best.reset(&layout, &thresholds);
    let row_ids = data::ids::<T>(rng, case.anchors);
    for keys in &blocks {
        let column_ids = data::ids::<T>(rng, wide);
        let block = Block { keys, stride: wide, row_ids: &row_ids, column_ids: &column_ids };
        let (columns, far) = (case.columns.clone(), case.far);
        on.run(Search { block, columns, best: &mut best.panel(&layout, 0, &thresholds), far });
        for (r, model) in models.iter_mut().enumerate().take(case.anchors) {
            for c in case.columns.clone() {
                model.push(keys[r * wide + c], column_ids[c].to_row());
            }
        }
        compare(&best, &thresholds, &models, case.far && case.slots > 0);
    }
}

struct Rows;

impl Suite for Rows {
    const KERNEL: &'static str = "search, rows";
    fn run<T: Element>(on: Subject<T>) {
        let (len, panel) = (on.shape.len, on.shape.panel);
        let ranges = [0..0, 0..len, 0..2 * len, len..2 * len, 0..panel, panel..2 * panel, len..3 * panel];
        // Every pattern of keys with every pattern of thresholds, in turn with one to nine thresholds.
        let patterns = KeyPattern::ALL
            .into_iter()
            .flat_map(|keys| ThresholdPattern::ALL.map(|thresholds| (keys, thresholds)));
        for (number, (keys, thresholds)) in sampled(patterns.enumerate(), 5) {
            for slots in [1 + number % 9, 1 + (number + 4) % 9] {
                let (anchors, columns) = (panel.min(9), 0..panel);
                let case = Setup { anchors, columns, slots, keys, thresholds, far: number % 4 != 3 };
                check(&on, &case, number as u64);
            }
        }
        // Every shape, with ties, masks and all kinds of thresholds.
        let shapes =
            [0, 1, 2, panel - 1, panel].into_iter().flat_map(|anchors| (0..=9).map(move |n| (anchors, n)));
        for (number, ((anchors, slots), columns)) in
            sampled(shapes.flat_map(|shape| ranges.clone().map(|range| (shape, range))).enumerate(), 29)
        {
            let keys = [KeyPattern::EightValuesMostlyMasked, KeyPattern::SpreadSomeMasked][number % 2];
            let case = Setup {
                anchors,
                columns,
                slots,
                keys,
                thresholds: ThresholdPattern::Mixed,
                far: number % 3 != 0,
            };
            check(&on, &case, 1000 + number as u64);
        }
    }
}

#[test]
fn each_row_keeps_the_nearest_above_each_threshold_and_the_farthest() {
    on_every_isa::<Rows>();
}
