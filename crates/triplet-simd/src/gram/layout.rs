//! How a batch is cut into panels and blocks, and where each of them is stored.

use crate::{
    cpu::isa::{Element, Selected},
    lanes::{Kernel, Lanes},
};
use core::ops::Range;
use triplet_core::{
    Problem, Real,
    shares::{LARGE_SLOTS, UNIT, WholeUnits},
};

/// Columns that the stage benchmark computes distances with at a time: their keys, a panel of rows and a panel of
/// columns share L1.
pub(crate) const BLOCK_ROWS: usize = 96;
/// Bytes of one panel's part of the chain: what the L1 cache keeps while the rows
/// of the other panel stream by.
const PANEL_PART_BYTES: usize = 24 * 1024;

/// Triplets an anchor from which on its candidates are sorted instead of
/// compared with each threshold (measured: see the docs page on speed).
pub(crate) const MIN_LARGE_POSITIVES: usize = LARGE_SLOTS;

/// The shape of the work on one batch, for one lane type.
#[derive(Debug, Clone, Default)]
pub(crate) struct Layout {
    /// Rows of the batch.
    pub(crate) rows: usize,
    /// Embedding width.
    pub(crate) width: usize,
    /// Rows of a panel.
    pub(crate) panel: usize,
    /// Rows of a register tile.
    pub(crate) tile_rows: usize,
    /// Panels, the last one padded.
    pub(crate) panels: usize,
    /// Panels in a block.
    pub(crate) block: usize,
    /// Steps of the chain between two reloads.
    pub(crate) depth: usize,
    /// First threshold of each panel, in panels of lanes, and their number.
    pub(crate) threshold_starts: Vec<usize>,
    /// Which units of panels have anchors with too many thresholds to compare with.
    pub(crate) whole: WholeUnits,
}

impl Layout {
    /// Lays the anchors of a problem out for the lanes of an instruction set: the rows of a square batch.
    pub(crate) fn rebuild<T: Element>(&mut self, problem: &Problem<'_, T>, selected: Selected) {
        let points = problem.anchors();
        self.rebuild_rows::<T>(points.len(), points.width(), selected);
        self.threshold_starts.clear();
        let mut total = 0;
        self.whole.rebuild(problem);
        for panel in 0..self.panels {
            let slots =
                self.positions(panel).map(|position| problem.slots().of(position).len()).max().unwrap_or(0);
            self.threshold_starts.push(total);
            total += if self.is_large(panel) { 0 } else { slots };
        }
        self.threshold_starts.push(total);
    }

    /// Lays anchors out whose thresholds start where they are listed, `[M + 1]`.
    pub(crate) fn rebuild_listed<T: Element>(&mut self, width: usize, starts: &[usize], selected: Selected) {
        self.rebuild_rows::<T>(starts.len() - 1, width, selected);
        self.whole.clear(self.rows);
        self.threshold_starts.clear();
        let mut total = 0;
        for panel in 0..self.panels {
            self.threshold_starts.push(total);
            let slots = self.positions(panel).map(|anchor| starts[anchor + 1] - starts[anchor]);
            total += slots.max().unwrap_or(0);
        }
        self.threshold_starts.push(total);
    }

    /// Lays rows out that have no thresholds.
    pub(crate) fn rebuild_rows<T: Element>(&mut self, rows: usize, width: usize, selected: Selected) {
        (self.panel, self.tile_rows) = T::dispatch(selected, Heights);
        self.rows = rows;
        self.width = width;
        self.panels = rows.div_ceil(self.panel);
        self.block = BLOCK_ROWS / self.panel;
        self.depth = PANEL_PART_BYTES / (self.panel * size_of::<T>());
    }

    /// The positions of a panel's rows, padding excluded.
    pub(crate) fn positions(&self, panel: usize) -> Range<usize> {
        panel * self.panel..((panel + 1) * self.panel).min(self.rows)
    }

    /// The positions of every panel, in order.
    pub(crate) fn all_positions(&self) -> impl Iterator<Item = Range<usize>> + Send + '_ {
        (0..self.panels).map(|panel| self.positions(panel))
    }

    /// Elements of the thresholds of all panels.
    pub(crate) fn threshold_len(&self) -> usize {
        self.threshold_starts[self.panels] * self.panel
    }

    /// Where a panel's thresholds are stored: slot by slot, a panel of lanes each.
    pub(crate) fn threshold_range(&self, panel: usize) -> Range<usize> {
        self.threshold_starts[panel] * self.panel..self.threshold_starts[panel + 1] * self.panel
    }

    /// Whether a panel's anchors have too many thresholds to compare with.
    pub(crate) fn is_large(&self, panel: usize) -> bool {
        self.whole.contains(panel * self.panel)
    }

    /// The panels of some units.
    pub(crate) fn of_units(&self, units: Range<usize>) -> Range<usize> {
        let panels = UNIT / self.panel;
        (units.start * panels).min(self.panels)..(units.end * panels).min(self.panels)
    }

    /// Elements of a packed panel.
    pub(crate) fn packed_panel(&self) -> usize {
        self.panel * self.width
    }

    /// Thresholds that each anchor of a panel is given room for.
    pub(crate) fn slots(&self, panel: usize) -> usize {
        self.threshold_starts[panel + 1] - self.threshold_starts[panel]
    }

    /// Where, of a panel's passing distances, those of an anchor's triplets are.
    pub(crate) fn passing<T: Real>(&self, problem: &Problem<'_, T>, position: usize) -> Range<usize> {
        let (panel, row) = (position / self.panel, position % self.panel);
        let start = row * self.slots(panel);
        start..start + problem.slots().of(position).len()
    }

    /// Keys between two rows of a block.
    pub(crate) fn stride(&self) -> usize {
        self.block * self.panel
    }
}

/// Gives the heights of a lane type's panel and tile.
struct Heights;

impl<T: Real> Kernel<T> for Heights {
    type Output = (usize, usize);
    #[inline(always)]
    fn run<L: Lanes<Real = T>>(self, _: L) -> (usize, usize) {
        (L::PANEL, L::TILE_ROWS)
    }
}
