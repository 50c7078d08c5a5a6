//! Where the gradient of a window looks triplets up: a row's own in a worker's buffers, the rest in what the window
//! has listed.

use super::{choices::WindowChoices, flags::ClassFlags};
use crate::{
    cpu::isa::Element,
    gradient::source::{Mined, Source, bit, for_each_flagged},
    search::buckets::Anchor,
};
use core::ops::Range;
use triplet_core::{NO_ROW, Problem};

/// What a window of rows has listed.
pub(super) struct Window<'a> {
    pub(super) choices: WindowChoices<'a>,
    pub(super) flags: &'a [u64],
    /// The positions whose flags there are: those of the choices, or more.
    pub(super) flagged: &'a Range<usize>,
    /// Where the flags of each class of the window start, from the first one's on.
    pub(super) classes: &'a [usize],
    pub(super) first_class: usize,
}

/// Own triplets in a worker's buffers, and what the window has listed.
pub(super) struct Listed<'a, T: Element> {
    pub(super) problem: &'a Problem<'a, T>,
    pub(super) window: &'a Window<'a>,
    /// The first position that was mined.
    pub(super) first: usize,
    pub(super) anchors: &'a [Anchor<T>],
}

impl<T: Element> Listed<'_, T> {
    fn position(&self, row: u32) -> usize {
        self.problem.classes().positions()[row as usize] as usize
    }
}

impl<T: Element> Source<T> for Listed<'_, T> {
    fn mined(&self) -> Option<&Mined<'_, T>> {
        None
    }

    #[inline(always)]
    fn own(&self, row: u32, mut visit: impl FnMut(usize, u32)) {
        let found = &self.anchors[self.position(row) - self.first].found;
        for_each_flagged(&found.has_gradient, &found.negatives, |_, chosen| {
            if chosen != NO_ROW {
                visit(0, chosen);
            }
        });
    }

    #[inline(always)]
    fn chosen_by(&self, row: u32, mut take: impl FnMut(u32, usize)) {
        self.window.choices.of(self.position(row), |anchor| take(anchor, 0));
    }

    #[inline(always)]
    fn class_flags(&self, row: u32) -> impl Fn([usize; 2], [usize; 2]) -> [bool; 2] {
        let (classes, position) = (self.problem.classes(), self.position(row));
        let mine = &self.anchors[position - self.first].found.has_gradient[..];
        let Window { flags, flagged, classes: starts, first_class, .. } = self.window;
        let ClassFlags { words, .. } = ClassFlags::of(classes, position, flagged);
        let theirs = &flags[starts[classes.class_of()[position] as usize - first_class]..];
        move |[_, other], [own_rank, other_rank]| {
            [bit(mine, other_rank), bit(&theirs[other * words.len()..], own_rank - 64 * words.start)]
        }
    }
}
