//! The flags of a window: of the anchors of its classes, for the positives that are in the window.

use crate::memory::reserve_exact;
use core::ops::Range;
use triplet_core::Classes;

/// The flags of a class's anchors for the positives that are in a window: for each anchor the words from one on.
pub(super) struct ClassFlags {
    /// Its positions.
    pub(super) span: Range<usize>,
    /// Words of each anchor.
    pub(super) words: Range<usize>,
}

impl ClassFlags {
    /// Those of the class of a position; empty where it is not in the window.
    pub(super) fn of(classes: &Classes, position: usize, window: &Range<usize>) -> Self {
        let span = classes.span(position);
        let (first, end) = (window.start.max(span.start), window.end.min(span.end));
        if first >= end {
            return Self { span, words: 0..0 };
        }
        // A row's rank among the positives is its place in the class, or one less.
        let least = (first - span.start).saturating_sub(1);
        let most = (end - 1 - span.start).min(span.len().saturating_sub(2));
        let words = if span.len() < 2 { 0..0 } else { least / 64..most / 64 + 1 };
        Self { span, words }
    }
}

/// Where the flags of each class of a window start; how many words there are.
pub(super) fn list_classes(classes: &Classes, positions: &Range<usize>, starts: &mut Vec<usize>) -> usize {
    starts.clear();
    let mut total = 0;
    if positions.is_empty() {
        return total;
    }
    let [first, last] =
        [positions.start, positions.end - 1].map(|position| classes.class_of()[position] as usize);
    reserve_exact(starts, last - first + 1);
    for class in first..=last {
        starts.push(total);
        let ClassFlags { span, words } = ClassFlags::of(classes, classes.members(class).start, positions);
        total += span.len() * words.len();
    }
    total
}

/// Takes the words off that the anchors of a tile write for a window.
pub(super) fn split_words<'a>(
    classes: &Classes,
    window: &Range<usize>,
    rest: &mut &'a mut [u64],
    tile: &Range<usize>,
) -> &'a mut [u64] {
    let words = tile.clone().map(|position| ClassFlags::of(classes, position, window).words.len()).sum();
    rest.split_off_mut(..words).unwrap_or_default()
}

/// Writes those of one anchor, from its flags.
pub(super) fn copy_words(
    classes: &Classes,
    window: &Range<usize>,
    position: usize,
    flags: &[u64],
    rest: &mut &mut [u64],
) {
    let words = ClassFlags::of(classes, position, window).words;
    let own = rest.split_off_mut(..words.len()).unwrap_or_default();
    own.copy_from_slice(&flags[words]);
}
