//! What the searches of a block keep for one anchor, in plain words.

use super::Subject;
use crate::{cpu::isa::Element, gram::layout::Layout, search::Best};
use core::fmt::Debug;
use triplet_core::{
    real::Key,
    rule::{farther, nearer},
};

/// The best candidates of one anchor.
#[derive(Debug, Clone)]
pub(crate) struct AnchorModel<K> {
    thresholds: Vec<K>,
    /// For each threshold the nearest candidate at or above it: its key and row.
    pub(crate) nearest: Vec<Option<(K, u32)>>,
    /// The farthest candidate.
    pub(crate) far: Option<(K, u32)>,
}

impl<K: Key> AnchorModel<K> {
    pub(crate) fn new(thresholds: Vec<K>) -> Self {
        Self { nearest: vec![None; thresholds.len()], thresholds, far: None }
    }

    /// Takes a candidate in: ties are [`nearer`]'s and [`farther`]'s.
    pub(crate) fn push(&mut self, key: K, row: u32) {
        if key == K::MASKED {
            return;
        }
        let candidate = (key, row);
        for (&threshold, nearest) in self.thresholds.iter().zip(&mut self.nearest) {
            if key >= threshold && nearest.is_none_or(|best| nearer(candidate, best)) {
                *nearest = Some(candidate);
            }
        }
        if self.far.is_none_or(|best| farther(candidate, best)) {
            self.far = Some(candidate);
        }
    }
}

/// The layout of two panels whose anchors have so many thresholds each.
pub(crate) fn two_panels<T: Element>(on: &Subject<T>, [first, second]: [usize; 2]) -> Layout {
    let panel = on.shape.panel;
    let threshold_starts = vec![0, first, first + second];
    Layout { panel, panels: 2, threshold_starts, ..Layout::default() }
}

/// Compares what a search kept for the anchors of two panels with their models.
pub(crate) fn compare<K: Key + Debug>(
    best: &[Best<K>; 2],
    layout: &Layout,
    thresholds: &[K],
    models: &[AnchorModel<K>],
    far: bool,
) {
    for (anchor, model) in models.iter().enumerate() {
        let (panel, lane) = (anchor / layout.panel, anchor % layout.panel);
        for (slot, &expected) in model.nearest.iter().enumerate() {
            let at = slot * layout.panel + lane;
            let threshold = thresholds[layout.threshold_range(panel)][at];
            let found = best[panel].nearest(at, threshold);
            assert_eq!(found, expected, "nearest of anchor {anchor} for its threshold {slot}, {threshold:?}");
        }
        // An anchor without candidates keeps the masked key; the row beside it means nothing.
        let found = best[panel].farthest(lane);
        let wanted = far && !model.nearest.is_empty();
        assert_eq!(found, model.far.filter(|_| wanted), "farthest of anchor {anchor}");
    }
}
