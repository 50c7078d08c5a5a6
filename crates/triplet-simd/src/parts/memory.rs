//! What parts take, reckoned before it is taken.

use crate::{cpu::isa::Element, gradient::ROWS, gram::layout::Layout, mining::anchor_columns};
use triplet_core::{Problem, distance::GradientStep};

/// Small buffers, and what the executor takes to hand out jobs.
const FEW: usize = 16 << 10;

/// What the memory of a batch in parts depends on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    rows: usize,
    padded: usize,
    width: usize,
    slots: usize,
    flag_words: usize,
    classes: usize,
    /// Positives of an anchor, at most.
    pub(super) positives: usize,
    tile_rows: usize,
    panel: usize,
    panels: usize,
    by_distance: bool,
    unit_rows: bool,
}

/// How a call works through the triplets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Plan {
    /// Sums alone.
    Sums,
    /// All negatives and flags are noted; so many choices are listed at a time.
    Noted {
        /// Choices, of a row's number each.
        listed: usize,
    },
    /// Windows of rows.
    Windows {
        /// Bytes for the choices and flags of a window.
        bytes: usize,
    },
}

/// Of all choices, those that are listed at least where all triplets are noted: each window goes through all
/// flags.
const LISTED_SHARE: usize = 16;

impl Plan {
    /// Rows of the gradient whose pairs a worker adds up at a time.
    pub(super) fn gradient_rows(self, tile_rows: usize) -> usize {
        match self {
            Self::Sums => 0,
            Self::Noted { .. } => ROWS,
            Self::Windows { .. } => tile_rows,
        }
    }
}

/// Bytes of a row's number, or of none.
pub(super) fn number_bytes(rows: usize) -> usize {
    if rows < 1 << 16 { 2 } else { 4 }
}

impl Shape {
    pub(crate) fn of<T: Element>(problem: &Problem<'_, T>, layout: &Layout) -> Self {
        let classes = problem.classes();
        Self {
            rows: classes.rows(),
            padded: layout.panels * layout.panel,
            width: problem.candidates().width(),
            slots: problem.slots().count(),
            flag_words: problem.slots().flag_word_count(),
            classes: classes.count(),
            positives: classes.largest().saturating_sub(1),
            tile_rows: layout.tile_rows,
            panel: layout.panel,
            panels: layout.panels,
            by_distance: problem.distance().needs_pair_distance(),
            unit_rows: problem.distance().gradient_step() == GradientStep::UnitRow,
        }
    }

    /// Packed rows, and lists by row.
    fn shared(&self, element: usize, with_gradient: bool) -> usize {
        let packed = self.padded * (self.width + 2) * element + self.panels * 16;
        // Choices, places and starts.
        let by_row = if with_gradient { 12 * self.rows + 8 * self.classes } else { 0 };
        packed + by_row + FEW
    }

    /// What each worker takes, with the pairs of so many rows of the gradient.
    fn worker<T: Element>(&self, gradient_rows: usize) -> usize {
        let element = size_of::<T>();
        let columns = anchor_columns::<T>(self.positives, self.tile_rows).min(self.padded) + self.panel;
        let keys = self.tile_rows * columns * element;
        // Positives, thresholds, buckets, candidates and negatives; flags.
        let anchor = self.positives * (3 * element + size_of::<T::Candidate>() + 4) + self.positives / 8;
        let anchors = self.tile_rows * (anchor + 512);
        // Places, found, keys and rows; starts, of fewer buckets than candidates.
        let buckets = 4 * element * (columns.max(self.positives) + 64) + 4 * columns;
        let mining = keys + anchors + buckets + self.positives * element + FEW;
        if gradient_rows == 0 {
            return mining;
        }
        let tally = self.rows * (4 + 16 + element) + self.rows / 8;
        let entries = gradient_rows * self.rows * (4 + element + 8);
        let out = gradient_rows * self.width * element;
        let columns = if self.unit_rows { 2 * (ROWS * self.width + 64) * element } else { 0 };
        let panel = self.panel * (self.width + 2) * element;
        let distances = if self.by_distance { self.tile_rows * self.padded * element + panel } else { 0 };
        mining + 4 * self.positives + tally + entries + out + columns + distances
    }

    /// What everything takes but the choices and flags that are listed.
    fn fixed<T: Element>(&self, workers: usize, gradient_rows: usize) -> usize {
        self.shared(size_of::<T>(), gradient_rows > 0) + workers * self.worker::<T>(gradient_rows)
    }

    /// The least that a window takes: one row, chosen by all.
    fn least_window(&self) -> usize {
        number_bytes(self.rows) * self.rows + 16 * self.rows.min(self.positives + 1)
    }

    /// The least that a call takes.
    pub(crate) fn least<T: Element>(&self, with_gradient: bool) -> usize {
        if with_gradient {
            self.fixed::<T>(1, self.tile_rows) + self.least_window()
        } else {
            self.fixed::<T>(1, 0)
        }
    }

    /// How a call spends so many bytes: on how many of these workers, and on what.
    pub(crate) fn allow<T: Element>(
        &self,
        bytes: usize,
        threads: usize,
        with_gradient: bool,
    ) -> (usize, Plan) {
        // Half of the bytes are for what is listed, unless one worker needs more.
        let workers = |gradient_rows| {
            let fits = |&workers: &usize| self.fixed::<T>(workers, gradient_rows) <= bytes / 2;
            (1..=threads).rev().find(fits).unwrap_or(1)
        };
        if !with_gradient {
            return (workers(0), Plan::Sums);
        }
        let number = number_bytes(self.rows);
        let noted = self.slots.saturating_mul(number).saturating_add(8 * self.flag_words);
        // Every thread counts the choices of its anchors.
        let counts = 4 * self.rows * threads;
        let several = workers(ROWS);
        let taken = self.fixed::<T>(several, ROWS).saturating_add(noted).saturating_add(counts);
        let listed = bytes.saturating_sub(taken) / number;
        if listed > self.slots / LISTED_SHARE {
            return (several, Plan::Noted { listed });
        }
        let several = workers(self.tile_rows);
        let left = bytes.saturating_sub(self.fixed::<T>(several, self.tile_rows));
        (several, Plan::Windows { bytes: left.max(self.least_window()) })
    }
}
