//! Mines a panel of anchors at a time.

use super::{AgainstScratch, Sides};
use crate::{
    cpu::isa::Element,
    executor::run_tasks,
    gram::{layout::MIN_LARGE_POSITIVES, narrow::inner_products, tile::STEPS},
    lanes::{Kernel, Lanes, MAX_LEN},
    scratch::Scratch,
    search::{Block, BlockSearch, overlaps},
};
use core::ops::Range;
use triplet_core::{
    NO_ROW, Triplets, real::Key, rule::farther, terms::TripletCounts, triplets::TripletsPart,
};

/// Fills `out` with the triplets of a problem whose sides are packed, and evaluates them.
pub(crate) fn run<T: Element>(sides: Sides<'_, T>, scratches: &mut [Scratch<T>], out: &mut Triplets<T>) {
    let Sides { executor, selected, problem, anchors, .. } = sides;
    let layout = anchors.layout;
    for scratch in scratches.iter_mut() {
        scratch.counts = TripletCounts::default();
    }
    let panels = out.parts(problem, layout.all_positions()).enumerate();
    run_tasks(executor, scratches, panels, |scratch, (panel, part)| {
        T::dispatch(selected, AnchorPanel { sides, panel, part, scratch });
    });
    scratches.iter().for_each(|scratch| out.counts += scratch.counts);
}

/// The anchors of one panel.
pub(super) struct AnchorPanel<'a, T: Element> {
    pub(super) sides: Sides<'a, T>,
    pub(super) panel: usize,
    pub(super) part: TripletsPart<'a, T>,
    pub(super) scratch: &'a mut Scratch<T>,
}

impl<T: Element> Kernel<T> for AnchorPanel<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes<Real = T>>(mut self, lanes: L) {
        let slots = self.positives(lanes);
        if slots >= MIN_LARGE_POSITIVES {
            return self.sort(lanes, slots);
        }
        self.thresholds::<L>(slots);
        self.search(lanes, slots);
        self.collect::<L>();
    }
}

impl<T: Element> AnchorPanel<'_, T> {
    pub(super) fn positions(&self) -> Range<usize> {
        self.sides.anchors.layout.positions(self.panel)
    }

    /// Finds the ranking values of all positives; the most slots of an anchor.
    #[inline(always)]
    fn positives<L: Lanes<Real = T>>(&mut self, lanes: L) -> usize {
        let Sides { problem, matches, anchors, candidates, .. } = self.sides;
        let positions = self.positions();
        let panel = anchors.panel(self.panel);
        let near = &mut self.scratch.against.near;
        near.clear();
        let mut most = 0;
        for (r, position) in positions.enumerate() {
            let slots = problem.slots().of(position).len();
            most = most.max(slots);
            let (span, own) = (matches.span(position), matches.own(position));
            // A hard rule's anchor has one slot, of its farthest positive; distance 0 stands for none.
            let mut hardest = (T::ZERO, NO_ROW);
            for column in (span.start / L::LEN * L::LEN..span.end).step_by(L::LEN) {
                let (others, lane) = (candidates.panel(column / L::PANEL), column % L::PANEL);
                let (rows, columns) = (&panel.rows[r..], &others.rows[lane..]);
                let [products] = inner_products::<L, 1>(lanes, rows, columns, candidates.layout.width);
                let mut values = [T::ZERO; MAX_LEN];
                lanes.store(&mut values, products);
                for other in span.start.max(column)..span.end.min(column + L::LEN) {
                    if own.binary_search(&(other as u32)).is_ok() {
                        continue;
                    }
                    let (g, norm) = (values[other - column], others.norms[lane + other - column]);
                    let value = candidates.distance.ranking_value(g, panel.norms[r], norm);
                    if !problem.rule().one_per_anchor() {
                        near.push(value);
                        continue;
                    }
                    let candidate = (value.key(), problem.classes().order()[other]);
                    if farther(candidate, (hardest.0.key(), hardest.1)) {
                        hardest = (value, candidate.1);
                    }
                }
            }
            if problem.rule().one_per_anchor() {
                near.push(hardest.0);
                self.part.anchor(problem, position).positives[0] = hardest.1;
            }
        }
        most
    }

    /// Sets the thresholds, for which nothing is found yet.
    #[inline(always)]
    fn thresholds<L: Lanes<Real = T>>(&mut self, slots: usize) {
        let problem = self.sides.problem;
        let positions = self.positions();
        let AgainstScratch { thresholds, best, near, .. } = &mut self.scratch.against;
        thresholds.resize(slots * L::PANEL);
        thresholds.fill(Key::UNREACHABLE);
        let mut rest = &near[..];
        for (r, position) in positions.enumerate() {
            let (own, others) = rest.split_at(problem.slots().of(position).len());
            for (p, &positive) in own.iter().enumerate() {
                thresholds[p * L::PANEL + r] = problem.threshold(positive);
            }
            rest = others;
        }
        best.resize(L::PANEL, slots);
        best.reset(thresholds);
    }

    /// Computes the blocks of all panels of candidates, and searches each while the next is computed.
    #[inline(always)]
    fn search<L: Lanes<Real = T>>(&mut self, lanes: L, slots: usize) {
        if slots == 0 {
            return;
        }
        let Sides { problem, anchors, candidates, .. } = self.sides;
        let rows = anchors.panel(self.panel);
        let far = !problem.rule().one_per_anchor();
        let ids = |ids: &'_ [T::Key], panel: usize| -> Range<usize> {
            debug_assert!(ids.len() >= (panel + 1) * L::PANEL);
            panel * L::PANEL..(panel + 1) * L::PANEL
        };
        let (row_ids, column_ids) = (&anchors.packed.ids[..], &candidates.packed.ids[..]);
        let steps = candidates.layout.width.div_ceil(candidates.layout.depth)
            * candidates.layout.depth.min(candidates.layout.width).div_ceil(STEPS);
        let calls = L::PANEL / L::TILE_ROWS * (L::PANEL / (L::TILE_VECTORS * L::LEN)) * steps;
        let mut keys = core::mem::take(&mut self.scratch.keys);
        // Two blocks: one is searched while the next is computed.
        keys.resize(2 * L::PANEL * L::PANEL);
        let (mut previous, mut current) = keys.split_at_mut(L::PANEL * L::PANEL);
        let mut computed: Option<usize> = None;
        for next in (0..candidates.layout.panels).map(Some).chain([None]) {
            let AgainstScratch { thresholds, best, .. } = &mut self.scratch.against;
            let search = computed.map(|column| {
                let block = Block {
                    keys: &*previous,
                    row_ids: &row_ids[ids(row_ids, self.panel)],
                    column_ids: &column_ids[ids(column_ids, column)],
                };
                BlockSearch::new(lanes, block, best.anchors(slots, thresholds), None, far)
            });
            match (search, next) {
                (Some(search), Some(column)) if overlaps::<L>() => {
                    let mut search = search.over(calls);
                    let columns = column..column + 1;
                    candidates.distances_over(
                        lanes,
                        rows,
                        0..L::PANEL,
                        columns,
                        current,
                        L::PANEL,
                        &mut search,
                    );
                    search.search.finish();
                }
                (search, next) => {
                    if let Some(mut search) = search {
                        search.finish();
                    }
                    if let Some(column) = next {
                        let columns = column..column + 1;
                        candidates.distances_of(lanes, rows, 0..L::PANEL, columns, current, L::PANEL);
                    }
                }
            }
            if let Some(column) = next {
                let rows = self.positions().len();
                self.mask::<L>(0..rows, column..column + 1, current, L::PANEL);
                current[rows * L::PANEL..L::PANEL * L::PANEL].fill(Key::MASKED);
            }
            computed = next;
            core::mem::swap(&mut previous, &mut current);
        }
        self.scratch.keys = keys;
    }

    /// Masks, in the keys of some rows with some panels of candidates, those of each anchor's label, those that are the
    /// anchor itself, and padding.
    #[inline(always)]
    pub(super) fn mask<L: Lanes<Real = T>>(
        &self,
        rows: Range<usize>,
        columns: Range<usize>,
        keys: &mut [T::Key],
        stride: usize,
    ) {
        let Sides { matches, candidates, .. } = self.sides;
        let (start, end) = (columns.start * L::PANEL, columns.end * L::PANEL);
        let padding = candidates.layout.rows.clamp(start, end);
        let first = self.positions().start;
        for (position, row) in (first + rows.start..first + rows.end).zip(keys.chunks_mut(stride)) {
            let span = matches.span(position);
            for masked in [span.start.max(start)..span.end.min(end), padding..end] {
                if masked.start < masked.end {
                    row[masked.start - start..masked.end - start].fill(Key::MASKED);
                }
            }
            for &own in matches.own(position) {
                if (start..end).contains(&(own as usize)) {
                    row[own as usize - start] = Key::MASKED;
                }
            }
        }
    }

    /// Writes what was found out as triplets, and evaluates them.
    #[inline(always)]
    fn collect<L: Lanes<Real = T>>(&mut self) {
        let problem = self.sides.problem;
        let positions = self.positions();
        let Scratch { against, counts, .. } = &mut *self.scratch;
        let AgainstScratch { thresholds, best, near, far, .. } = against;
        let mut rest = &near[..];
        for (r, position) in positions.enumerate() {
            let anchor = self.part.anchor(problem, position);
            let (near, others) = rest.split_at(problem.slots().of(position).len());
            rest = others;
            far.clear();
            for (p, &positive) in near.iter().enumerate() {
                let index = p * L::PANEL + r;
                let chosen = best.nearest(index, thresholds[index]).or_else(|| best.farthest(r));
                let (row, value) = match chosen {
                    Some((key, row)) => (row, T::from_key(key)),
                    None => problem.missing_negative(positive),
                };
                anchor.negatives[p] = row;
                far.push(value);
            }
            if !anchor.positive_distances.is_empty() {
                anchor.positive_distances.copy_from_slice(near);
                anchor.negative_distances.copy_from_slice(far);
            }
            *counts += anchor.evaluate_terms_with(problem, near, far);
        }
    }
}
