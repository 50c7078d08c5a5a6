//! Where the triplets of an anchor are stored: slots, and flags of slots.

use crate::Classes;
use core::ops::Range;

/// The first slot and the first word of flags of an anchor, in [`Slots::Listed`]; see the example
/// of [`Slots`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SlotStart {
    pub(crate) slot: usize,
    pub(crate) flag_word: usize,
}

/// One slot a triplet, and one flag a slot in words of 64; anchors by position.
///
/// ```
/// use triplet_core::{Classes, slots::Slots};
/// let mut classes = Classes::default();
/// classes.rebuild(&[7, 3, 7, 7]);
/// // Rows by position: those of the first label, then those of the second.
/// assert_eq!(classes.order(), [0, 2, 3, 1]);
/// assert_eq!((classes.span(1), classes.positive_pairs()), (0..3, 6));
///
/// // Three anchors with two positives each, and one without.
/// let slots = Slots::PerPair(&classes);
/// assert_eq!((slots.of(0), slots.of(1), slots.of(3)), (0..2, 2..4, 6..6));
/// assert_eq!((slots.count(), slots.anchor_of(3)), (6, 1));
/// assert_eq!(slots.flag_words(1), 1..2); // one word holds up to 64 flags of one anchor
/// ```
#[derive(Debug, Clone, Copy)]
pub enum Slots<'a> {
    /// One slot an anchor.
    PerAnchor {
        /// Number of anchors.
        anchors: usize,
    },
    /// One slot an ordered positive pair of a square batch, positives ascending.
    PerPair(&'a Classes),
    /// One slot a positive candidate of each anchor: the starts of all anchors, and the end.
    Listed(&'a [SlotStart]),
}

impl Slots<'_> {
    /// The starts of all anchors, and the end; `None` for one slot an anchor.
    #[inline]
    fn starts(&self) -> Option<&[SlotStart]> {
        match self {
            Self::PerAnchor { .. } => None,
            Self::PerPair(classes) => Some(classes.pair_starts()),
            Self::Listed(starts) => Some(starts),
        }
    }

    /// The slots of the anchor at a position.
    #[inline]
    #[must_use]
    pub fn of(&self, position: usize) -> Range<usize> {
        self.starts()
            .map_or(position..position + 1, |starts| starts[position].slot..starts[position + 1].slot)
    }

    /// Number of slots in all.
    #[must_use]
    pub fn count(&self) -> usize {
        self.end(|end| end.slot)
    }

    /// The words of the flags of the anchor at a position.
    #[inline]
    #[must_use]
    pub fn flag_words(&self, position: usize) -> Range<usize> {
        self.starts().map_or(position..position + 1, |starts| {
            starts[position].flag_word..starts[position + 1].flag_word
        })
    }

    /// Words of flags in all.
    #[must_use]
    pub fn flag_word_count(&self) -> usize {
        self.end(|end| end.flag_word)
    }

    fn end(&self, of: impl Fn(&SlotStart) -> usize) -> usize {
        match self {
            Self::PerAnchor { anchors } => *anchors,
            Self::PerPair(_) | Self::Listed(_) => self.starts().and_then(<[_]>::last).map_or(0, of),
        }
    }

    /// The position of the anchor that a slot belongs to.
    #[must_use]
    pub fn anchor_of(&self, slot: usize) -> usize {
        self.starts().map_or(slot, |starts| starts.partition_point(|start| start.slot <= slot) - 1)
    }
}

/// Lists the starts of anchors that have so many slots each, and the end.
pub(crate) fn list_starts(counts: impl Iterator<Item = usize>, starts: &mut Vec<SlotStart>) {
    starts.clear();
    let mut next = SlotStart::default();
    starts.push(next);
    for count in counts {
        next.slot += count;
        next.flag_word += count.div_ceil(64);
        starts.push(next);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_and_flags_of_a_square_batch() {
        let labels: Vec<i64> = [0; 70].into_iter().chain([1]).chain([2; 3]).collect();
        let mut classes = Classes::default();
        classes.rebuild(&labels);
        let square = Slots::PerPair(&classes);
        // Classes of 70, 1 and 3 rows: two words of flags, none, and one.
        for (position, slots, words) in [
            (0, 0..69, 0..2),
            (69, 4761..4830, 138..140),
            (70, 4830..4830, 140..140),
            (73, 4834..4836, 142..143),
        ] {
            assert_eq!((square.of(position), square.flag_words(position)), (slots.clone(), words));
            for slot in slots {
                assert_eq!(square.anchor_of(slot), position);
            }
        }
        assert_eq!((square.count(), square.flag_word_count()), (4836, 143));
    }

    #[test]
    fn one_slot_an_anchor() {
        let slots = Slots::PerAnchor { anchors: 3 };
        assert_eq!((slots.of(2), slots.flag_words(2), slots.anchor_of(2)), (2..3, 2..3, 2));
        assert_eq!((slots.count(), slots.flag_word_count()), (3, 3));
    }
}
