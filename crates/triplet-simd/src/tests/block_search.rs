//! The search of a block, along its rows and down its columns.

use super::{
    KeyPattern, Subject, Suite, ThresholdPattern, data, on_every_isa, rng, sampled,
    search_model::{AnchorModel, compare, two_panels},
};
use crate::{
    cpu::isa::Element,
    gram::{layout::Layout, tile::Overlap},
    lanes::{Kernel, Lanes},
    search::{Best, Block, BlockSearch, WARMUP_ROWS},
};
use triplet_core::{Real, real::Key};

/// Searches one block at once, or over so many calls of [`Overlap::advance`].
struct Search<'a, K: Key> {
    block: Block<'a, K>,
    layout: &'a Layout,
    thresholds: &'a [K],
    best: &'a mut [Best<K>; 2],
    diagonal: bool,
    far: bool,
    calls: Option<usize>,
}

impl<T: Real> Kernel<T> for Search<'_, T::Key> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes<Real = T>>(self, lanes: L) {
        let (layout, thresholds) = (self.layout, self.thresholds);
        let thresholds = |panel| &thresholds[layout.threshold_range(panel)];
        let [rows, columns] = self.best;
        let rows = rows.anchors(layout.slots(0), thresholds(0));
        let columns = (!self.diagonal).then(|| columns.anchors(layout.slots(1), thresholds(1)));
        let mut search = BlockSearch::new(lanes, self.block, rows, columns, self.far);
        match self.calls {
            None => search.finish(),
            Some(calls) => {
                let mut search = search.over(calls);
                (0..calls).for_each(|_| search.advance());
                assert!(search.search.is_done(), "{calls} calls do all units");
            }
        }
    }
}

/// Thresholds of each row's and each column's anchor, whether the block is on the diagonal, how keys and
/// thresholds are drawn, rows that the columns were compared with before, and how the units are spread.
#[derive(Debug, Clone, Copy)]
struct Setup {
    slots: [usize; 2],
    diagonal: bool,
    keys: KeyPattern,
    thresholds: ThresholdPattern,
    far: bool,
    before: u32,
    calls: Option<usize>,
}

/// Searches three blocks after one another, as a worker does, and compares after each.
fn check<T: Element>(on: &Subject<T>, case: Setup, stream: u64) {
    let _case = on.case(|| format!("{case:?}"));
    let (panel, rng) = (on.shape.panel, &mut rng(stream));
    let layout = two_panels(on, case.slots);
    let blocks: Vec<Vec<T::Key>> = (0..3).map(|_| case.keys.keys::<T>(rng, panel * panel)).collect();
    let thresholds = case.thresholds.thresholds(rng, &blocks[0], layout.threshold_len());
    let mut models: Vec<AnchorModel<T::Key>> = (0..2 * panel)
        .map(|anchor| {
            let range = layout.threshold_range(anchor / panel);
            AnchorModel::new(thresholds[range].iter().skip(anchor % panel).step_by(panel).copied().collect())
        })
        .collect();
    let mut best = [Best::default(), Best::default()];
    for (number, best) in best.iter_mut().enumerate() {
        best.resize(panel, layout.slots(number));
        best.reset(&thresholds[layout.threshold_range(number)]);
    }
    best[1].seen = case.before;
    for keys in &blocks {
        let (row_ids, column_ids) = (data::ids::<T>(rng, panel), data::ids::<T>(rng, panel));
        let block = Block { keys, row_ids: &row_ids, column_ids: &column_ids };
        let (layout, thresholds, best) = (&layout, &thresholds[..], &mut best);
        let Setup { diagonal, far, calls, .. } = case;
        on.run(Search { block, layout, thresholds, best, diagonal, far, calls });
        for (r, keys) in keys.chunks(panel).enumerate() {
            for (c, &key) in keys.iter().enumerate() {
                models[r].push(key, column_ids[c].to_row());
                if !case.diagonal {
                    models[panel + c].push(key, row_ids[r].to_row());
                }
            }
        }
        compare(best, layout, thresholds, &models, case.far);
    }
}

struct Blocks;

impl Suite for Blocks {
    const KERNEL: &'static str = "search of a block";
    fn run<T: Element>(on: Subject<T>) {
        let spread = [None, Some(1), Some(7), Some(200)];
        let warmth = [0, WARMUP_ROWS - 1, WARMUP_ROWS];
        // Every pattern of keys with every pattern of thresholds, in turn with one to nine of them.
        let patterns = KeyPattern::ALL
            .into_iter()
            .flat_map(|keys| ThresholdPattern::ALL.map(|thresholds| (keys, thresholds)));
        for (number, (keys, thresholds)) in sampled(patterns.enumerate(), 13) {
            for before in warmth {
                let slots = [1 + number % 9, 1 + (number + 4) % 9];
                let (far, calls) = (number % 4 != 3, spread[number % 4]);
                let case = Setup { slots, diagonal: false, keys, thresholds, far, before, calls };
                check(&on, case, number as u64);
            }
        }
        // Every number of thresholds on either side, none among them, and more than a unit has.
        let counts = [0, 1, 2, 3, 4, 5, 7, 8, 9, 16, 17];
        let shapes = counts.into_iter().flat_map(|rows| counts.map(|columns| [rows, columns]));
        for (number, slots) in sampled(shapes.enumerate(), 23) {
            for diagonal in [false, true] {
                let keys = [KeyPattern::EightValuesMostlyMasked, KeyPattern::SpreadSomeMasked][number % 2];
                let (thresholds, far) = (ThresholdPattern::Mixed, number % 3 != 0);
                let (before, calls) = (warmth[number % 3], spread[number % 4]);
                let case = Setup { slots, diagonal, keys, thresholds, far, before, calls };
                check(&on, case, 1000 + number as u64);
            }
        }
    }
}

#[test]
fn each_anchor_keeps_the_nearest_above_each_threshold_and_the_farthest() {
    on_every_isa::<Blocks>();
}
