//! The search down the columns of a block: lanes are anchors.

use super::{
    KeyPattern, Subject, Suite, ThresholdPattern, data, on_every_isa, rng, sampled,
    search_model::{AnchorModel, compare, one_panel},
};
use crate::{
    cpu::isa::Element,
    lanes::{Kernel, Lanes},
    search::{
        Best, Block, PanelBest,
        columns::{self, WARMUP_ROWS},
    },
};
use triplet_core::{Real, real::Key};

struct Search<'a, 'b, K: Key> {
    block: Block<'a, K>,
    start: usize,
    best: &'a mut PanelBest<'b, K>,
    far: bool,
}

impl<T: Real> Kernel<T> for Search<'_, '_, T::Key> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes<Real = T>>(self, lanes: L) {
        columns::search(lanes, self.block, self.start, self.best, self.far);
    }
}

/// Rows of candidates, the panel's place in the block, thresholds an anchor, how keys and thresholds are drawn,
/// and whether the panel has seen enough rows before for the search to test groups of rows first.
#[derive(Debug, Clone, Copy)]
struct Setup {
    rows: usize,
    before: usize,
    slots: usize,
    keys: KeyPattern,
    thresholds: ThresholdPattern,
    far: bool,
    warmed_up: bool,
}

/// Searches three blocks after one another, as a worker does, and compares after each.
fn check<T: Element>(on: &Subject<T>, case: Setup, stream: u64) {
    let _case = on.case(|| format!("{case:?}"));
    let (panel, rng) = (on.shape.panel, &mut rng(stream));
    let layout = one_panel(on, case.slots);
    let start = case.before * panel;
    // Columns of other panels on both sides, and rows of padding, which must not count, below.
    let wide = start + panel + on.shape.len;
    let draw = |rng: &mut _| {
        let mut keys = case.keys.keys::<T>(rng, case.rows * wide);
        keys.resize((case.rows + 2) * wide, Key::ZERO);
        keys
    };
    let blocks: Vec<Vec<T::Key>> = (0..3).map(|_| draw(rng)).collect();
    let thresholds = case.thresholds.thresholds(rng, &blocks[0], case.slots * panel);
    let of_anchor = |r: usize| thresholds.iter().skip(r).step_by(panel).copied().collect();
    let mut models: Vec<_> = (0..panel).map(|r| AnchorModel::<T::Key>::new(of_anchor(r))).collect();
    let mut best = Best::default();
    best.reset(&layout, &thresholds);
    let column_ids = data::ids::<T>(rng, wide);
    let search = |keys: &[T::Key], row_ids: &[T::Key], best: &mut Best<T::Key>| {
        let block = Block { keys, stride: wide, row_ids, column_ids: &column_ids };
        on.run(Search { block, start, best: &mut best.panel(&layout, 0, &thresholds), far: case.far });
    };
    if case.warmed_up {
        let rows = WARMUP_ROWS as usize;
        search(&vec![Key::MASKED; rows * wide], &data::ids::<T>(rng, rows), &mut best);
    }
    for keys in &blocks {
        let row_ids = data::ids::<T>(rng, case.rows);
        search(keys, &row_ids, &mut best);
        for (keys, id) in keys.chunks(wide).zip(&row_ids) {
            for (model, &key) in models.iter_mut().zip(&keys[start..]) {
                model.push(key, id.to_row());
            }
        }
        compare(&best, &thresholds, &models, case.far && case.slots > 0);
    }
}

struct Columns;

impl Suite for Columns {
    const KERNEL: &'static str = "search, columns";
    fn run<T: Element>(on: Subject<T>) {
        let panel = on.shape.panel;
        // Miri would take minutes to warm a panel up more than a few times.
        let both = |number: usize| if cfg!(miri) && number > 40 { 1 } else { 2 };
        // Every pattern of keys with every pattern of thresholds, in turn with one to nine thresholds.
        let patterns = KeyPattern::ALL
            .into_iter()
            .flat_map(|keys| ThresholdPattern::ALL.map(|thresholds| (keys, thresholds)));
        for (number, (keys, thresholds)) in sampled(patterns.enumerate(), 13) {
            for warmed_up in [false, true].into_iter().take(both(number)) {
                for slots in [1 + number % 9, 1 + (number + 4) % 9] {
                    let case = Setup {
                        rows: 21,
                        before: 1,
                        slots,
                        keys,
                        thresholds,
                        far: number % 4 != 3,
                        warmed_up,
                    };
                    check(&on, case, number as u64);
                }
            }
        }
        // Every shape, with ties, masks and all kinds of thresholds: rows around the groups that are tested
        // together, and more rows than a panel.
        let rows = [0, 1, 7, 8, 9, 15, 16, 17, panel, panel + 1];
        let shapes = rows.into_iter().flat_map(|rows| (0..=9).map(move |slots| (rows, slots)));
        for (number, (rows, slots)) in sampled(shapes.enumerate(), 23) {
            for warmed_up in [false, true].into_iter().take(both(number)) {
                let keys = [KeyPattern::EightValuesMostlyMasked, KeyPattern::SpreadSomeMasked][number % 2];
                let (before, thresholds, far) = (number % 3, ThresholdPattern::Mixed, number % 3 != 0);
                check(
                    &on,
                    Setup { rows, before, slots, keys, thresholds, far, warmed_up },
                    1000 + number as u64,
                );
            }
        }
    }
}

#[test]
fn each_column_keeps_the_nearest_above_each_threshold_and_the_farthest() {
    on_every_isa::<Columns>();
}
