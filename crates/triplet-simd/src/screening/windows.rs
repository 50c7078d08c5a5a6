//! The windows of a panel's anchors: the words of candidates that screening cannot rule out.

use super::{
    bound::{Scale, in_words},
    words::{PANEL, Words},
};
use crate::{gram::aligned::Aligned, search::Anchors};
use triplet_core::{Real, real::Key};

/// For every threshold of a panel's anchors, the words from that of the threshold to that of the best candidate so
/// far, widened by the error; where anchors may need their farthest candidate, the words from that of the farthest
/// so far on. All modulo 2^16: some pairs are in a window whose distance is not.
#[derive(Debug, Default)]
pub(crate) struct Windows {
    /// Slot by slot: the first words of a panel, and then the last words less the first.
    words: Aligned<u16>,
    /// The same for columns: each word so many times.
    copies: usize,
    copied: Aligned<u16>,
    thresholds: usize,
    /// Which anchors look for their farthest candidate, in a slot of its own if any does.
    lacks: Vec<bool>,
    far: bool,
    /// Whether the windows are those of the best candidates, or wider by what was found here.
    fresh: bool,
    /// What each threshold's window is, before it is brought to words.
    spans: Vec<(f64, f64)>,
    /// Whether windows of an anchor that overlap are one, and how often one of them became narrower since.
    joined: bool,
    narrowed: u32,
}

/// As often one of the windows that are joined may become narrower before all are made anew.
const MOST_NARROWED: u32 = 24;
/// Thresholds from which on windows are worth joining.
const LEAST_JOINED: usize = 3;
/// Thresholds up to which they are.
const MOST_JOINED: usize = 64;
/// The window of a threshold that no candidate reaches.
const NOTHING: (f64, f64) = (1.0, 0.0);

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

    /// First words and widths after each other, a slot each.
    #[inline(always)]
    pub(super) fn of_rows(&self) -> impl Iterator<Item = &[u16]> {
        self.words.chunks_exact(SLOT)
    }

    /// The same, each word as often as a vector has rows.
    #[inline(always)]
    pub(super) fn of_columns<W: Words>(&self) -> impl Iterator<Item = &[u16]> {
        self.copied.chunks_exact(W::ROWS * SLOT)
    }

    /// Windows as given, slot by slot, for vectors of so many rows.
    #[cfg(test)]
    pub(super) fn of(slots: &[u16], copies: usize) -> Self {
        let mut windows = Self { copies, ..Self::default() };
        windows.words.resize(slots.len());
        windows.words.copy_from_slice(slots);
        windows.copy_for_columns();
        windows
    }

    /// Whether a word is in one of an anchor's windows.
    #[cfg(test)]
    pub(super) fn contains(&self, anchor: usize, word: u16) -> bool {
        self.of_rows().any(|slot| word.wrapping_sub(slot[anchor]) <= slot[PANEL + anchor])
    }

    /// Whether the farthest candidates are looked for.
    #[inline(always)]
    pub(super) fn wants_farthest(&self) -> bool {
        self.far
    }

    /// Makes the windows of a panel's anchors. `far`: whether an anchor none of whose candidates reaches a
    /// threshold takes the farthest; `copies`: of each word, for columns.
    #[inline(always)]
    pub(super) fn rebuild<T: Real>(
        &mut self,
        anchors: &Anchors<'_, T::Key>,
        errors: &[f64],
        scale: Scale,
        far: bool,
        copies: usize,
    ) {
        let errors: &[f64; PANEL] = errors.first_chunk().expect("an error a row");
        self.thresholds = anchors.slots;
        self.words.resize((self.thresholds + 1) * SLOT);
        self.lacks.clear();
        self.lacks.resize(PANEL, false);
        for (slot, words) in self.words.chunks_exact_mut(SLOT).take(self.thresholds).enumerate() {
            let place = slot * PANEL..(slot + 1) * PANEL;
            let (low, width) = words.split_at_mut(PANEL);
            let (thresholds, excess) = (&anchors.thresholds[place.clone()], &anchors.excess[place.clone()]);
            let rows = &anchors.nearest_row[place];
            for r in 0..PANEL {
                if thresholds[r] == Key::UNREACHABLE {
                    (low[r], width[r]) = (0, 0);
                    continue;
                }
                // A key that is no distance where everything beyond the threshold is taken.
                let best = thresholds[r].wrapping_add(excess[r]);
                let bounded = best < Key::END;
                let [threshold, best] = [thresholds[r], best].map(|key| T::from_key(key).to_f64());
                (low[r], width[r]) = scale.window(threshold, bounded.then_some(best), errors[r]);
                self.lacks[r] |= rows[r] == Key::SIGNED_MAX;
            }
        }
        (self.joined, self.narrowed) = (false, 0);
        if (LEAST_JOINED..=MOST_JOINED).contains(&self.thresholds) && (0..PANEL).all(|r| overlap(anchors, r))
        {
            self.join::<T>(anchors, errors, scale);
        }
        self.far = far && self.lacks.contains(&true);
        let slots = self.thresholds + usize::from(self.far);
        self.words.resize(slots * SLOT);
        if self.far {
            for (r, &error) in errors.iter().enumerate() {
                let far = anchors.far[r];
                let place = self.thresholds * SLOT + r;
                (self.words[place], self.words[place + PANEL]) = if !self.lacks[r] {
                    (0, 0)
                } else if far == Key::MASKED {
                    (0, u16::MAX)
                } else {
                    scale.window(T::from_key(far).to_f64(), None, error)
                };
            }
        }
        self.copies = copies;
        self.copy_for_columns();
        self.fresh = true;
    }

    /// Makes windows of an anchor that overlap one, if fewer slots are enough for all anchors then: after training,
    /// the windows of an anchor end with the same candidate. Not inlined: the search has no use for it at random.
    #[inline(never)]
    fn join<T: Real>(&mut self, anchors: &Anchors<'_, T::Key>, errors: &[f64; PANEL], scale: Scale) {
        self.spans.clear();
        self.spans.resize(self.thresholds * PANEL, NOTHING);
        let mut own = [NOTHING; MOST_JOINED];
        let mut counts = [0; PANEL];
        for r in 0..PANEL {
            let own = &mut own[..self.thresholds];
            for (slot, own) in own.iter_mut().enumerate() {
                let [threshold, best] = reach(anchors, slot * PANEL + r);
                *own = if threshold == Key::UNREACHABLE {
                    NOTHING
                } else {
                    let [from, to] = [threshold, best].map(|key| T::from_key(key).to_f64());
                    scale.span(from, (best < Key::END).then_some(to), errors[r])
                };
            }
            own.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
            let mut count = 0;
            for index in 0..own.len() {
                let (first, last) = own[index];
                if first > last {
                    continue;
                }
                if count > 0 && first <= own[count - 1].1 + 1.0 {
                    own[count - 1].1 = own[count - 1].1.max(last);
                } else {
                    own[count] = (first, last);
                    count += 1;
                }
            }
            counts[r] = count;
            for (slot, &span) in own[..count].iter().enumerate() {
                self.spans[slot * PANEL + r] = span;
            }
        }
        let slots = counts.iter().copied().max().unwrap_or(0);
        for slot in 0..slots {
            for (r, &count) in counts.iter().enumerate() {
                let window = if slot < count { in_words(self.spans[slot * PANEL + r]) } else { (0, 0) };
                (self.words[slot * SLOT + r], self.words[slot * SLOT + PANEL + r]) = window;
            }
        }
        (self.thresholds, self.joined) = (slots, true);
    }

    #[inline(always)]
    fn copy_for_columns(&mut self) {
        match self.copies {
            0 => self.copied.resize(0),
            1 => self.copy::<1>(),
            _ => self.copy::<2>(),
        }
    }

    #[inline(always)]
    fn copy<const COPIES: usize>(&mut self) {
        self.copied.resize(self.words.len() * COPIES);
        for (to, &word) in self.copied.chunks_exact_mut(COPIES).zip(&*self.words) {
            to.copy_from_slice(&[word; COPIES]);
        }
    }

    /// A candidate at this distance was found for a threshold, given both.
    #[inline(always)]
    pub(super) fn narrow(
        &mut self,
        (slot, anchor): (usize, usize),
        [threshold, found]: [f64; 2],
        error: f64,
        scale: Scale,
    ) {
        if self.joined {
            // Wider windows decide less, and nothing wrongly.
            self.narrowed += 1;
            self.fresh &= self.narrowed < MOST_NARROWED;
            return;
        }
        self.set(slot * SLOT + anchor, scale.window(threshold, Some(found), error));
    }

    /// A candidate at this distance was found to be the farthest of an anchor.
    #[inline(always)]
    pub(super) fn narrow_farthest(&mut self, anchor: usize, distance: f64, error: f64, scale: Scale) {
        if self.lacks[anchor] {
            self.set(self.thresholds * SLOT + anchor, scale.window(distance, None, error));
        }
    }

    #[inline(always)]
    fn set(&mut self, place: usize, (low, width): (u16, u16)) {
        let copies = self.copies;
        for (place, word) in [(place, low), (place + PANEL, width)] {
            self.words[place] = word;
            if copies > 0 {
                self.copied[place * copies..(place + 1) * copies].fill(word);
            }
        }
    }
}

/// Words of a slot: a first and a width for each anchor of a panel.
const SLOT: usize = 2 * PANEL;

/// A threshold, and up to which key candidates are taken.
#[inline(always)]
fn reach<K: Key>(anchors: &Anchors<'_, K>, place: usize) -> [K; 2] {
    let threshold = anchors.thresholds[place];
    [threshold, threshold.wrapping_add(anchors.excess[place])]
}

/// Whether an anchor has fewer windows than thresholds: one has no candidates, or begins in another.
#[inline(always)]
fn overlap<K: Key>(anchors: &Anchors<'_, K>, r: usize) -> bool {
    (0..anchors.slots).any(|slot| {
        let [threshold, best] = reach(anchors, slot * PANEL + r);
        let inside = |other: usize| (threshold..=best).contains(&anchors.thresholds[other * PANEL + r]);
        threshold == K::UNREACHABLE || (0..anchors.slots).any(|other| other != slot && inside(other))
    })
}
