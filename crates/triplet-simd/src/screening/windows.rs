//! The windows of a panel's anchors: the words of candidates that screening cannot rule out.

use super::{bound::Scale, words::PANEL};
use crate::{gram::aligned::Aligned, inlined::zip, search::Anchors};
use triplet_core::{Real, real::Key};

/// For every threshold of a panel's anchors, the words from that of the threshold to that of the best candidate so
/// far, widened by the error; where anchors may need their farthest candidate, the words from that of the farthest
/// so far on. No pair has the word [`u16::MAX`], so a window of that alone is empty.
#[derive(Debug, Default)]
pub(crate) struct Windows {
    /// First word, slot by slot, a panel each.
    low: Aligned<u16>,
    /// Last word less the first.
    width: Aligned<u16>,
    thresholds: usize,
    /// Whether a slot more is that of the farthest candidates.
    far: bool,
    /// Whether the windows are those of the best candidates, or wider by what was found here.
    fresh: bool,
}

impl Windows {
    /// Other candidates were found: the windows are made anew before they are used.
    #[inline(always)]
    pub(crate) fn forget(&mut self) {
        self.fresh = false;
    }

    #[inline(always)]
    pub(super) fn is_fresh(&self) -> bool {
        self.fresh
    }

    /// First words and widths, a slot each.
    #[inline(always)]
    pub(super) fn slots(&self) -> impl Iterator<Item = (&[u16], &[u16])> {
        zip(self.low.chunks_exact(PANEL), self.width.chunks_exact(PANEL))
    }

    /// Windows as given, slot by slot.
    #[cfg(test)]
    pub(super) fn of(low: Vec<u16>, width: Vec<u16>) -> Self {
        let mut windows = Self::default();
        for (to, from) in [(&mut windows.low, low), (&mut windows.width, width)] {
            to.resize(from.len());
            to.copy_from_slice(&from);
        }
        windows
    }

    /// Whether a word is in one of an anchor's windows.
    #[cfg(test)]
    pub(super) fn contains(&self, anchor: usize, word: u16) -> bool {
        self.slots().any(|(low, width)| word.wrapping_sub(low[anchor]) <= width[anchor])
    }

    /// Whether the farthest candidates are looked for.
    #[inline(always)]
    pub(super) fn wants_farthest(&self) -> bool {
        self.far
    }

    /// Makes the windows of a panel's anchors. `far`: whether an anchor none of whose candidates reaches a
    /// threshold takes the farthest.
    #[inline(always)]
    pub(super) fn rebuild<T: Real>(
        &mut self,
        anchors: &Anchors<'_, T::Key>,
        errors: &[f64],
        scale: Scale,
        far: bool,
    ) {
        let errors: &[f64; PANEL] = errors.first_chunk().expect("an error a row");
        self.thresholds = anchors.slots;
        self.low.resize((self.thresholds + 1) * PANEL);
        self.width.resize((self.thresholds + 1) * PANEL);
        let mut lacks = [false; PANEL];
        for slot in 0..self.thresholds {
            let place = slot * PANEL..(slot + 1) * PANEL;
            let (low, width) = (&mut self.low[place.clone()], &mut self.width[place.clone()]);
            let (thresholds, excess) = (&anchors.thresholds[place.clone()], &anchors.excess[place.clone()]);
            let rows = &anchors.nearest_row[place];
            for r in 0..PANEL {
                let unreachable = thresholds[r] == Key::UNREACHABLE;
                let unset = rows[r] == Key::SIGNED_MAX;
                let first = scale.lowest(T::from_key(thresholds[r]).to_f64(), errors[r]);
                let first = if unreachable { u16::MAX } else { first };
                let best = thresholds[r].wrapping_add(excess[r]);
                let last = scale.highest(T::from_key(best).to_f64(), errors[r]);
                let last = if unset { u16::MAX } else { last };
                (low[r], width[r]) = (first, last.saturating_sub(first));
                lacks[r] |= unset && !unreachable;
            }
        }
        self.far = far && lacks.contains(&true);
        let slots = self.thresholds + usize::from(self.far);
        self.low.resize(slots * PANEL);
        self.width.resize(slots * PANEL);
        if self.far {
            for r in 0..PANEL {
                let far = anchors.far[r];
                let first = if !lacks[r] {
                    u16::MAX
                } else if far == Key::MASKED {
                    0
                } else {
                    scale.lowest(T::from_key(far).to_f64(), errors[r])
                };
                let place = self.thresholds * PANEL + r;
                (self.low[place], self.width[place]) = (first, u16::MAX - first);
            }
        }
        self.fresh = true;
    }

    /// A candidate at this distance was found for a threshold.
    #[inline(always)]
    pub(super) fn narrow(&mut self, place: usize, distance: f64, error: f64, scale: Scale) {
        self.width[place] = scale.highest(distance, error).saturating_sub(self.low[place]);
    }

    /// A candidate at this distance was found to be the farthest of an anchor.
    #[inline(always)]
    pub(super) fn narrow_farthest(&mut self, anchor: usize, distance: f64, error: f64, scale: Scale) {
        let place = self.thresholds * PANEL + anchor;
        // One that does not look for its farthest has no window.
        if self.low[place] < u16::MAX {
            self.low[place] = scale.lowest(distance, error);
            self.width[place] = u16::MAX - self.low[place];
        }
    }
}
