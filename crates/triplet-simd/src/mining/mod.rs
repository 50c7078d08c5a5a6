//! The passes over a batch, in order. Each is cut into pieces that write to places
//! of their own, so that any number of workers gives the same result.
//!
//! `thresholds` → `triangle` → `collect` mine the triplets of classes of usual size, `large` those
//! of large ones.

mod bests;
mod collect;
mod context;
mod large;
mod passing;
mod rectangle;
mod thresholds;
mod triangle;

pub(crate) use bests::Held;
pub(crate) use context::StageContext;
pub(crate) use large::{anchor_columns, mine_tile, tiles};
pub(crate) use passing::PassingDistances;

use crate::{cpu::isa::Element, gram::aligned::Aligned, scratch::Scratch};
use triplet_core::{Triplets, terms::TripletCounts};

/// What mining keeps from call to call, besides the scratch of each worker.
#[derive(Debug)]
pub(crate) struct MiningBuffers<T: Element> {
    /// The threshold of each slot, a panel of lanes for each slot of a panel.
    thresholds: Aligned<T::Key>,
    /// Distances that the triplets do not keep.
    passing: PassingDistances<T>,
    /// What was found for each threshold.
    bests: bests::Bests<T::Key>,
    /// Counts of each worker.
    counts: Vec<TripletCounts>,
}

impl<T: Element> Default for MiningBuffers<T> {
    fn default() -> Self {
        Self {
            thresholds: Aligned::default(),
            passing: PassingDistances::default(),
            bests: bests::Bests::default(),
            counts: Vec::new(),
        }
    }
}

/// Fills `out` with the triplets of a packed batch, and evaluates them.
pub(crate) fn run<T: Element>(
    context: StageContext<'_, T>,
    scratches: &mut [Scratch<T>],
    buffers: &mut MiningBuffers<T>,
    out: &mut Triplets<T>,
) {
    let layout = context.source.layout;
    for scratch in scratches.iter_mut() {
        // Two blocks: one is searched while the next is computed.
        scratch.keys.resize(2 * layout.panel * layout.panel);
        scratch.counts = TripletCounts::default();
    }
    let MiningBuffers { thresholds, passing, bests, counts } = buffers;
    counts.clear();
    counts.resize(scratches.len(), TripletCounts::default());
    thresholds::run(context, scratches, thresholds, (bests, passing), out);
    triangle::run(context, scratches, thresholds, bests);
    large::run(context, scratches, out);
    collect::run(context, counts, thresholds, (bests, passing), out);
    let counted = scratches.iter().map(|scratch| &scratch.counts).chain(&*counts);
    counted.for_each(|&counted| out.counts += counted);
}
