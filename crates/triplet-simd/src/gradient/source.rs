//! What the coefficients of a row are added up from: its own triplets, the anchors that chose it, and the flags
//! of its class.

use super::chosen_by::Choices;
use core::ops::Range;
use triplet_core::{GradientInputs, GradientScale, NO_ROW, Problem, Real};

/// Original rows, in two bytes each where all fit.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Rows<'a> {
    /// [`u16::MAX`] stands for none.
    Short(&'a [u16]),
    /// [`NO_ROW`] stands for none.
    Long(&'a [u32]),
}

/// Triplets that are all in memory, and what to do with them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mined<'a, T: Real> {
    pub(crate) problem: &'a Problem<'a, T>,
    pub(crate) scale: GradientScale<'a, T>,
    /// The negative of each slot.
    pub(crate) negatives: Rows<'a>,
    /// A flag a slot, as in [`triplet_core::Triplets`]; the others likewise.
    pub(crate) has_gradient: &'a [u64],
    pub(crate) positives: &'a [u32],
    pub(crate) positive_distances: &'a [T],
    pub(crate) negative_distances: &'a [T],
    pub(crate) keeps_distances: bool,
}

impl<'a, T: Real> From<GradientInputs<'a, T>> for Mined<'a, T> {
    fn from(inputs: GradientInputs<'a, T>) -> Self {
        let GradientInputs { problem, triplets, scale } = inputs;
        Self {
            problem,
            scale,
            negatives: Rows::Long(&triplets.negatives),
            has_gradient: &triplets.has_gradient,
            positives: &triplets.positives,
            positive_distances: &triplets.positive_distances,
            negative_distances: &triplets.negative_distances,
            keeps_distances: triplets.keeps_distances(),
        }
    }
}

impl<T: Real> Mined<'_, T> {
    /// Calls `visit(position, slot, row)` for every choice of these anchors in a triplet that has a
    /// gradient.
    #[inline(always)]
    pub(super) fn for_each_choice(&self, positions: Range<usize>, mut visit: impl FnMut(usize, usize, u32)) {
        for position in positions {
            let slots = self.problem.slots().of(position);
            let flags = self.flags(position);
            let first = slots.start;
            match self.negatives {
                Rows::Short(rows) => for_each_flagged(flags, &rows[slots], |rank, row| {
                    if row != u16::MAX {
                        visit(position, first + rank, u32::from(row));
                    }
                }),
                Rows::Long(rows) => for_each_flagged(flags, &rows[slots], |rank, row| {
                    if row != NO_ROW {
                        visit(position, first + rank, row);
                    }
                }),
            }
        }
    }

    /// The flags of the slots of the anchor at a position.
    #[inline(always)]
    pub(super) fn flags(&self, position: usize) -> &[u64] {
        &self.has_gradient[self.problem.slots().flag_words(position)]
    }

    /// Whether a slot's triplet has a gradient; `rank` counts from the anchor's first slot.
    #[inline(always)]
    pub(super) fn has_gradient(&self, position: usize, rank: usize) -> bool {
        bit(self.flags(position), rank)
    }
}

/// Calls `visit(index, value)` for the values whose flag is set.
#[inline(always)]
pub(crate) fn for_each_flagged<R: Copy>(flags: &[u64], values: &[R], mut visit: impl FnMut(usize, R)) {
    for ((&word, values), first) in flags.iter().zip(values.chunks(64)).zip((0..).step_by(64)) {
        let mut left = word;
        while left != 0 {
            let bit = left.trailing_zeros() as usize;
            left &= left - 1;
            visit(first + bit, values[bit]);
        }
    }
}

/// Calls `visit(index)` for every flag that is set.
#[inline(always)]
pub(crate) fn for_each_flag(flags: &[u64], mut visit: impl FnMut(usize)) {
    for (&word, first) in flags.iter().zip((0..).step_by(64)) {
        let mut left = word;
        while left != 0 {
            visit(first + left.trailing_zeros() as usize);
            left &= left - 1;
        }
    }
}

/// One of some flags.
#[inline(always)]
pub(crate) fn bit(flags: &[u64], index: usize) -> bool {
    flags[index / 64] >> (index % 64) & 1 == 1
}

/// Where coefficients look triplets up.
pub(crate) trait Source<T: Real>: Sync {
    /// The triplets, where all are in memory; only there rules of one triplet an anchor, and derivatives other
    /// than one, are looked up.
    fn mined(&self) -> Option<&Mined<'_, T>>;
    /// Calls `visit(slot, chosen)` for the triplets of a row as anchor that have a gradient and a negative.
    fn own(&self, row: u32, visit: impl FnMut(usize, u32));
    /// Calls `take(anchor, slot)` for every choice of a row.
    fn chosen_by(&self, row: u32, take: impl FnMut(u32, usize));
    /// Whether the triplets of a row with another of its class have a gradient, `[with the row as anchor, with
    /// the other]`, given the places of both in the class, and the rank of each among the other's positives.
    fn class_flags(&self, row: u32) -> impl Fn([usize; 2], [usize; 2]) -> [bool; 2];
}

/// All triplets, and the choices of a window of rows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kept<'a, T: Real> {
    pub(crate) mined: Mined<'a, T>,
    pub(crate) choices: Choices<'a>,
}

impl<T: Real> Source<T> for Kept<'_, T> {
    fn mined(&self) -> Option<&Mined<'_, T>> {
        Some(&self.mined)
    }

    #[inline(always)]
    fn own(&self, row: u32, mut visit: impl FnMut(usize, u32)) {
        let position = self.mined.problem.classes().positions()[row as usize] as usize;
        self.mined.for_each_choice(position..position + 1, |_, slot, chosen| visit(slot, chosen));
    }

    #[inline(always)]
    fn chosen_by(&self, row: u32, take: impl FnMut(u32, usize)) {
        self.choices.of(self.mined, row, take);
    }

    #[inline(always)]
    fn class_flags(&self, row: u32) -> impl Fn([usize; 2], [usize; 2]) -> [bool; 2] {
        let problem = self.mined.problem;
        let span = problem.classes().span(problem.classes().positions()[row as usize] as usize);
        // The flags of the class: a row of whole words an anchor.
        let flag_words = |position| problem.slots().flag_words(position);
        let (first_word, end_word) = (flag_words(span.start).start, flag_words(span.end - 1).end);
        let flags = &self.mined.has_gradient[first_word..end_word];
        let words = flags.len() / span.len();
        let flag =
            move |anchor: usize, rank: usize| flags[anchor * words + rank / 64] >> (rank % 64) & 1 == 1;
        move |[own, other], [own_rank, other_rank]| [flag(own, other_rank), flag(other, own_rank)]
    }
}
