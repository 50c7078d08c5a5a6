//! Mines some panels of anchors at a time.

use super::{AgainstScratch, PanelState, Sides};
use crate::{
    cpu::isa::Element,
    executor::run_tasks,
    gram::{layout::MIN_LARGE_POSITIVES, narrow::inner_products},
    lanes::{Kernel, Lanes, MAX_LEN},
    scratch::Scratch,
    search::{Block, BlockSearch, calls_a_block, search_and_compute},
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
    let most = (layout.panels / (GROUPS_A_WORKER * scratches.len())).clamp(1, MOST_PANELS);
    let groups = || (0..layout.panels).step_by(most).map(|first| first..layout.panels.min(first + most));
    let positions =
        groups().map(|panels| layout.positions(panels.start).start..layout.positions(panels.end - 1).end);
    let pieces = out.parts(problem, positions).zip(groups());
    run_tasks(executor, scratches, pieces, |scratch, (part, panels)| {
        T::dispatch(selected, AnchorGroup { sides, panels, part, scratch });
    });
    scratches.iter().for_each(|scratch| out.counts += scratch.counts);
}

/// Panels of anchors that go through the same candidates while these are in the L2 cache.
const MOST_PANELS: usize = 11;
/// Groups of panels that there should be for each worker.
const GROUPS_A_WORKER: usize = 2;
/// Panels of candidates that all panels of a group are compared with before the next come by.
const COLUMNS: usize = 24;

/// The anchors of some panels.
pub(super) struct AnchorGroup<'a, T: Element> {
    pub(super) sides: Sides<'a, T>,
    pub(super) panels: Range<usize>,
    pub(super) part: TripletsPart<'a, T>,
    pub(super) scratch: &'a mut Scratch<T>,
}

impl<T: Element> Kernel<T> for AnchorGroup<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes<Real = T>>(mut self, lanes: L) {
        let panels = self.panels.clone();
        if self.scratch.against.panels.len() < panels.len() {
            self.scratch.against.panels.resize_with(panels.len(), PanelState::default);
        }
        for panel in panels.clone() {
            let mut state = core::mem::take(self.state(panel));
            self.positives(lanes, panel, &mut state);
            self.thresholds::<L>(panel, &mut state);
            *self.state(panel) = state;
        }
        self.search(lanes);
        for panel in panels {
            let state = core::mem::take(self.state(panel));
            if state.slots >= MIN_LARGE_POSITIVES {
                self.sort(lanes, panel, &state);
            } else {
                self.collect::<L>(panel, &state);
            }
            *self.state(panel) = state;
        }
    }
}

impl<T: Element> AnchorGroup<'_, T> {
    fn state(&mut self, panel: usize) -> &mut PanelState<T> {
        &mut self.scratch.against.panels[panel - self.panels.start]
    }

    pub(super) fn positions(&self, panel: usize) -> Range<usize> {
        self.sides.anchors.layout.positions(panel)
    }

    /// Finds the ranking values of all positives.
    #[inline(always)]
    fn positives<L: Lanes<Real = T>>(&mut self, lanes: L, panel: usize, state: &mut PanelState<T>) {
        let Sides { problem, matches, anchors, candidates, .. } = self.sides;
        let positions = self.positions(panel);
        let panel = anchors.panel(panel);
        let near = &mut state.near;
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
        state.slots = most;
    }

    /// Sets the thresholds, for which nothing is found yet, of anchors with few of them.
    #[inline(always)]
    fn thresholds<L: Lanes<Real = T>>(&self, panel: usize, state: &mut PanelState<T>) {
        let PanelState { slots, thresholds, best, near } = state;
        let slots = *slots;
        if slots >= MIN_LARGE_POSITIVES {
            return;
        }
        let problem = self.sides.problem;
        let positions = self.positions(panel);
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

    /// Computes the blocks of the panels that have few thresholds with all panels of candidates, and searches each
    /// while the next is computed.
    #[inline(always)]
    fn search<L: Lanes<Real = T>>(&mut self, lanes: L) {
        let Sides { problem, anchors, candidates, .. } = self.sides;
        let far = !problem.rule().one_per_anchor();
        let ids = |panel: usize| panel * L::PANEL..(panel + 1) * L::PANEL;
        let layout = candidates.layout;
        let calls = calls_a_block::<L>(layout);
        let mut keys = core::mem::take(&mut self.scratch.keys);
        // Two blocks: one is searched while the next is computed.
        keys.resize(2 * L::PANEL * L::PANEL);
        let (mut previous, mut current) = keys.split_at_mut(L::PANEL * L::PANEL);
        let panels = self.panels.clone();
        let starts = (0..layout.panels).step_by(COLUMNS);
        let blocks = starts.flat_map(|first| {
            let columns = first..layout.panels.min(first + COLUMNS);
            panels.clone().flat_map(move |panel| columns.clone().map(move |column| [panel, column]))
        });
        let mut computed: Option<[usize; 2]> = None;
        for next in blocks.map(Some).chain([None]) {
            if let Some([panel, _]) = next
                && !(1..MIN_LARGE_POSITIVES).contains(&self.state(panel).slots)
            {
                continue;
            }
            let search = computed.map(|[panel, column]| {
                let block = Block {
                    keys: &*previous,
                    row_ids: &anchors.packed.ids[ids(panel)],
                    column_ids: &candidates.packed.ids[ids(column)],
                };
                let PanelState { slots, thresholds, best, .. } = self.state(panel);
                BlockSearch::new(lanes, block, best.anchors(*slots, thresholds), None, far)
            });
            let computing = next.map(|[panel, column]| (anchors.panel(panel), column));
            search_and_compute(lanes, search, computing, candidates, current, calls);
            if let Some([panel, column]) = next {
                let rows = self.positions(panel).len();
                self.mask::<L>(panel, 0..rows, column..column + 1, current, L::PANEL);
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
        panel: usize,
        rows: Range<usize>,
        columns: Range<usize>,
        keys: &mut [T::Key],
        stride: usize,
    ) {
        let Sides { matches, candidates, .. } = self.sides;
        let (start, end) = (columns.start * L::PANEL, columns.end * L::PANEL);
        let padding = candidates.layout.rows.clamp(start, end);
        let first = self.positions(panel).start;
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
    fn collect<L: Lanes<Real = T>>(&mut self, panel: usize, state: &PanelState<T>) {
        let problem = self.sides.problem;
        let positions = self.positions(panel);
        let Scratch { against, counts, .. } = &mut *self.scratch;
        let AgainstScratch { far, .. } = against;
        let PanelState { thresholds, best, near, .. } = state;
        let mut rest = &near[..];
        for (r, position) in positions.enumerate() {
            let anchor = self.part.anchor(problem, position);
            let (near, others) = rest.split_at(problem.slots().of(position).len());
            rest = others;
            far.clear();
            for (p, &positive) in near.iter().enumerate() {
                let index = p * L::PANEL + r;
                let chosen = best.chosen(index, thresholds[index], r);
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
