//! The passes over a batch, in order. Each is cut into pieces that write to places
//! of their own, so that any number of workers gives the same result.
//!
//! `thresholds` → `triangle` → `collect` mine the triplets of classes of usual size, `large` those
//! of large ones.

mod bests;
pub(crate) mod collect;
mod context;
mod large;
mod passing;
mod rectangle;
mod thresholds;
mod triangle;

pub(crate) use bests::{Bests, Held, Leave};
pub(crate) use context::StageContext;
pub(crate) use large::{anchor_columns, mine_tile, tiles, units};
pub(crate) use passing::PassingDistances;
pub(crate) use rectangle::Rectangle;
pub(crate) use thresholds::{PanelThresholds, positives_of, thresholds_by_panel};

use crate::{
    cpu::{float_mode::with_default_mode, isa::Element},
    gram::{aligned::Aligned, layout::Layout},
    scratch::Scratch,
    screening::{Screen, Screening, Workers},
};
use triplet_core::{ScreenedPairs, Triplets, shares::Share, terms::TripletCounts};

/// Rows for each rank from which on a share of a batch is screened: every rank prepares all rows for it.
const SCREENED_ROWS_A_RANK: usize = 4096;

/// What mining keeps from call to call, besides the scratch of each worker.
#[derive(Debug)]
pub(crate) struct MiningBuffers<T: Element> {
    /// The threshold of each slot, a panel of lanes for each slot of a panel.
    pub(crate) thresholds: Aligned<T::Key>,
    /// Distances that the triplets do not keep.
    pub(crate) passing: PassingDistances<T>,
    /// What was found for each threshold.
    pub(crate) bests: Bests<T::Key>,
    /// When blocks are screened, where copies of rows are allowed.
    screening: Screening,
    copies: bool,
    /// What was screened of the last batch.
    pub(crate) screened: ScreenedPairs,
    /// The batch in words, to screen its pairs.
    pub(crate) screen: Screen,
    /// Counts of each worker.
    pub(crate) counts: Vec<TripletCounts>,
}

impl<T: Element> Default for MiningBuffers<T> {
    fn default() -> Self {
        Self {
            thresholds: Aligned::default(),
            passing: PassingDistances::default(),
            bests: Bests::default(),
            screening: Screening::default(),
            copies: true,
            screened: ScreenedPairs::default(),
            screen: Screen::default(),
            counts: Vec::new(),
        }
    }
}

impl<T: Element> MiningBuffers<T> {
    /// When blocks are screened.
    pub(crate) fn screening(&self) -> Screening {
        if self.copies { self.screening } else { Screening::Off }
    }

    /// Whether rows may be copied to save time.
    pub(crate) fn copies_allowed(&self) -> bool {
        self.copies
    }

    pub(crate) fn set_screening(&mut self, screening: Screening) {
        self.screening = screening;
    }

    /// Whether rows may be copied to save time: to words, for screening.
    pub(crate) fn allow_copies(&mut self, allowed: bool) {
        self.copies = allowed;
        if !allowed {
            self.screen = Screen::default();
        }
    }

    /// The same settings, and nothing in memory.
    pub(crate) fn without_memory(&self) -> Self {
        Self { screening: self.screening, copies: self.copies, ..Self::default() }
    }
}

/// Fills `out` with the triplets of a packed batch, and evaluates them; or with what a share gives of them (see
/// [`triplet_core::Engine::mine_share`]).
pub(crate) fn run<T: Element>(
    context: StageContext<'_, T>,
    scratches: &mut [Scratch<T>],
    buffers: &mut MiningBuffers<T>,
    share: Option<&Share>,
    out: &mut Triplets<T>,
) {
    let layout = context.source.layout;
    begin(layout, scratches, buffers);
    let mut screening = buffers.screening();
    let too_few = |share: &Share| layout.rows < SCREENED_ROWS_A_RANK * share.ranks;
    if screening == Screening::Auto && share.is_some_and(too_few) {
        screening = Screening::Off;
    }
    let MiningBuffers { thresholds, passing, bests, screen, counts, screened, .. } = buffers;
    thresholds::run(context, scratches, thresholds, (bests, passing), out);
    let StageContext { executor, selected, source, .. } = context;
    let mut workers = Workers { executor, selected, scratches: &mut *scratches };
    let words =
        with_default_mode(|| screen.prepare(screening, &mut workers, (source, &thresholds[..]), None));
    // Of a batch that is not screened nothing is counted: the caller has cleared it.
    let screened = words.is_some().then_some(screened);
    begin_screening(scratches, screened.is_some());
    triangle::run(context, scratches, share, words, thresholds, bests);
    count_screened(scratches, screened);
    large::run(context, scratches, share, out);
    collect::run(context, counts, thresholds, (bests, passing), out);
    if share.is_some() {
        // What was collected is no triplet yet.
        counts.clear();
    }
    count_all(scratches, counts, out);
}

/// Makes room for the work of every worker, and forgets what was counted.
pub(crate) fn begin<T: Element>(
    layout: &Layout,
    scratches: &mut [Scratch<T>],
    buffers: &mut MiningBuffers<T>,
) {
    for scratch in scratches.iter_mut() {
        // Two blocks: one is searched while the next is computed.
        scratch.keys.resize(2 * layout.panel * layout.panel);
        scratch.counts = TripletCounts::default();
    }
    buffers.counts.clear();
    buffers.counts.resize(scratches.len(), TripletCounts::default());
}

/// Makes room for screening, if there is any.
pub(crate) fn begin_screening<T: Element>(scratches: &mut [Scratch<T>], screens: bool) {
    if screens {
        scratches.iter_mut().for_each(|scratch| scratch.screener.begin());
    }
}

/// Adds up what was screened, if anything was.
pub(crate) fn count_screened<T: Element>(scratches: &[Scratch<T>], screened: Option<&mut ScreenedPairs>) {
    let Some(screened) = screened else { return };
    for ScreenedPairs { pairs, undecided } in scratches.iter().map(|scratch| scratch.screener.screened) {
        screened.pairs += pairs;
        screened.undecided += undecided;
    }
}

/// Adds up what workers counted.
pub(crate) fn count_all<T: Element>(
    scratches: &[Scratch<T>],
    counts: &[TripletCounts],
    out: &mut Triplets<T>,
) {
    let counted = scratches.iter().map(|scratch| &scratch.counts).chain(counts);
    counted.for_each(|&counted| out.counts += counted);
}
