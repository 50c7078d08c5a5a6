//! Where the negatives of all triplets fit: noted in as few bytes as rows allow.

use super::{
    memory::number_bytes,
    passes::{each_tile, found},
};
use crate::{
    cpu::isa::Element,
    gradient::{
        self, ChoiceBuffers, GradientContext, Others,
        source::{Mined, Rows},
    },
    memory::reserve_exact,
    mining::StageContext,
    scratch::Scratch,
};
use core::ops::Range;
use triplet_core::GradientScale;

/// Negatives and flags of all triplets, by slot.
#[derive(Debug, Default)]
pub(super) struct NotedBuffers {
    short: Vec<u16>,
    long: Vec<u32>,
    flags: Vec<u64>,
}

/// Where the negatives of a tile go.
enum Place<'a> {
    Short(&'a mut [u16]),
    Long(&'a mut [u32]),
}

/// Mines all anchors; sums by position.
pub(super) fn mine<T: Element>(
    context: StageContext<'_, T>,
    scratches: &mut [Scratch<T>],
    buffers: &mut NotedBuffers,
    sums: &mut [f64],
) {
    let slots = context.problem.slots();
    let NotedBuffers { short, long, flags } = buffers;
    resize(flags, slots.flag_word_count());
    let mut place = if number_bytes(context.problem.anchors().len()) == 2 {
        resize(short, slots.count());
        Place::Short(short)
    } else {
        resize(long, slots.count());
        Place::Long(long)
    };
    let (mut flags, mut sums) = (&mut flags[..], sums);
    let piece = |positions: &Range<usize>| {
        let anchors = positions.clone();
        let count: usize = anchors.clone().map(|position| slots.of(position).len()).sum();
        let words: usize = anchors.map(|position| slots.flag_words(position).len()).sum();
        let place = match &mut place {
            Place::Short(rest) => Place::Short(rest.split_off_mut(..count).unwrap_or_default()),
            Place::Long(rest) => Place::Long(rest.split_off_mut(..count).unwrap_or_default()),
        };
        let flags = flags.split_off_mut(..words).unwrap_or_default();
        (place, flags, sums.split_off_mut(..positions.len()).unwrap_or_default())
    };
    each_tile(context, scratches, piece, |scratch, positions, (place, mut flags, sums)| {
        let (mut place, first) = (place, positions.start);
        for (position, anchor) in found(&scratch.anchors, positions) {
            sums[position - first] = anchor.sum;
            let words = flags.split_off_mut(..anchor.has_gradient.len()).unwrap_or_default();
            words.copy_from_slice(&anchor.has_gradient);
            let count = anchor.negatives.len();
            match &mut place {
                Place::Short(rest) => {
                    let rows = rest.split_off_mut(..count).unwrap_or_default();
                    // No row's number becomes the largest one, which stands for none.
                    rows.iter_mut()
                        .zip(&anchor.negatives)
                        .for_each(|(row, &negative)| *row = negative as u16);
                }
                Place::Long(rest) => {
                    rest.split_off_mut(..count).unwrap_or_default().copy_from_slice(&anchor.negatives);
                }
            }
        }
    });
}

/// The gradient, from what was noted.
pub(super) fn gradient<T: Element>(
    context: StageContext<'_, T>,
    scratches: &mut [Scratch<T>],
    buffers: &NotedBuffers,
    (choices, listed): (&mut ChoiceBuffers, usize),
    scale: GradientScale<'_, T>,
    out: &mut [T],
) {
    let StageContext { executor, selected, problem, source } = context;
    let short = number_bytes(problem.anchors().len()) == 2;
    let mined = Mined {
        problem,
        scale,
        negatives: if short { Rows::Short(&buffers.short) } else { Rows::Long(&buffers.long) },
        has_gradient: &buffers.flags,
        positives: &[],
        positive_distances: &[],
        negative_distances: &[],
        keeps_distances: false,
    };
    let source = problem.distance().needs_pair_distance().then_some(source);
    choices.list_at_most(listed, |choices| {
        let others = Others::all(problem.candidates());
        let rows = [0, problem.anchors().len()];
        let context = GradientContext { executor, selected, mined, source, others, rows };
        gradient::run(context, scratches, choices, out);
    });
}

/// Sets the length without doubling what is allocated; the contents are unspecified.
fn resize<V: Copy + Default>(list: &mut Vec<V>, count: usize) {
    reserve_exact(list, count);
    list.resize(count, V::default());
}
