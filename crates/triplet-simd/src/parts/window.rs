//! Where the negatives of all triplets do not fit: the gradient of a window of rows, for which all anchors are
//! mined again.

use super::{
    choices::{WindowChoices, numbers},
    memory::number_bytes,
    passes::{each_tile, for_each_choice, found},
};
use crate::{
    cpu::isa::Element,
    executor::run_tasks,
    gradient::{
        AddUp, Chains, Coefficients, List, RowPairs,
        source::{Mined, Source, bit, for_each_flagged},
    },
    memory::reserve_exact,
    mining::{StageContext, mine_tile, tiles},
    scratch::Scratch,
    search::buckets::Anchor,
};
use core::{ops::Range, sync::atomic::AtomicU32};
use std::sync::{Mutex, PoisonError};
use triplet_core::{Classes, GradientScale, NO_ROW, Problem};

/// Memory of windows.
#[derive(Debug, Default)]
pub(super) struct WindowBuffers {
    starts: Vec<u32>,
    next: Vec<AtomicU32>,
    list: List,
    flags: Vec<u64>,
    classes: Vec<usize>,
}

/// The flags of a class's anchors for the positives that are in a window: for each anchor the words from one on.
struct ClassFlags {
    /// Its positions.
    span: Range<usize>,
    /// Words of each anchor.
    words: Range<usize>,
}

impl ClassFlags {
    /// Those of the class of a position; empty where it is not in the window.
    fn of(classes: &Classes, position: usize, window: &Range<usize>) -> Self {
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

/// What a window of rows has listed.
struct Window<'a> {
    choices: WindowChoices<'a>,
    flags: &'a [u64],
    /// Where the flags of each class of the window start, from the first one's on.
    classes: &'a [usize],
    first_class: usize,
}

/// Own triplets in a worker's buffers, and what the window has listed.
struct Listed<'a, T: Element> {
    problem: &'a Problem<'a, T>,
    window: &'a Window<'a>,
    /// The first position that was mined.
    first: usize,
    anchors: &'a [Anchor<T>],
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
        let Window { choices, flags, classes: starts, first_class } = self.window;
        let ClassFlags { words, .. } = ClassFlags::of(classes, position, choices.positions);
        let theirs = &flags[starts[classes.class_of()[position] as usize - first_class]..];
        move |[_, other], [own_rank, other_rank]| {
            [bit(mine, other_rank), bit(&theirs[other * words.len()..], own_rank - 64 * words.start)]
        }
    }
}

/// Writes the gradient, in original row order, within so many bytes for what windows list.
pub(super) fn gradient<T: Element>(
    context: StageContext<'_, T>,
    scratches: &mut [Scratch<T>],
    buffers: &mut WindowBuffers,
    (chosen, bytes): (&[AtomicU32], usize),
    scale: GradientScale<'_, T>,
    out: &mut [T],
) {
    let rows = context.problem.anchors().len();
    let out = Mutex::new(out);
    let mut first = 0;
    while first < rows {
        let positions = plan(context, chosen, first, bytes);
        first = positions.end;
        let window = list(context, scratches, buffers, (chosen, bytes), &positions);
        write(context, scratches, &window, scale, &out);
    }
}

/// The next window: as many positions as fit, but a tile of anchors at least or one row.
fn plan<T: Element>(
    context: StageContext<'_, T>,
    chosen: &[AtomicU32],
    first: usize,
    bytes: usize,
) -> Range<usize> {
    let classes = context.problem.classes();
    let number = number_bytes(classes.rows());
    let (mut listed, mut before, mut end) = (0, 0, first);
    while end < classes.rows() {
        listed += numbers(&chosen[end], classes.rows());
        let ClassFlags { span, words } = ClassFlags::of(classes, end, &(first..end + 1));
        let flags = before + span.len() * words.len();
        let fits = listed * number + 8 * flags <= bytes && listed <= u32::MAX as usize;
        if !fits && end > first {
            break;
        }
        end += 1;
        if end == span.end {
            before = flags;
        }
    }
    first..end
}

/// Mines all anchors, and lists what a window needs.
fn list<'a, T: Element>(
    context: StageContext<'_, T>,
    scratches: &mut [Scratch<T>],
    buffers: &'a mut WindowBuffers,
    (chosen, bytes): (&'a [AtomicU32], usize),
    positions: &'a Range<usize>,
) -> Window<'a> {
    let classes = context.problem.classes();
    let rows = classes.rows();
    let WindowBuffers { starts, next, list, flags, classes: class_starts } = buffers;
    starts.clear();
    reserve_exact(starts, positions.len() + 1);
    let mut total = 0;
    starts.push(0);
    for position in positions.clone() {
        total += numbers(&chosen[position], rows);
        starts.push(total as u32);
    }
    next.clear();
    reserve_exact(next, positions.len());
    next.extend(starts[..positions.len()].iter().map(|&start| AtomicU32::new(start)));
    let [first_class, last_class] =
        [positions.start, positions.end - 1].map(|position| classes.class_of()[position] as usize);
    class_starts.clear();
    reserve_exact(class_starts, last_class - first_class + 1);
    let mut total_words = 0;
    for class in first_class..=last_class {
        class_starts.push(total_words);
        let ClassFlags { span, words } = ClassFlags::of(classes, classes.members(class).start, positions);
        total_words += span.len() * words.len();
    }
    let number = number_bytes(rows);
    if list.bytes().max(total * number) + 8 * flags.capacity().max(total_words) > bytes {
        // Of one window there are many choices, of another many flags.
        (*list, *flags) = (List::default(), Vec::new());
    }
    flags.clear();
    reserve_exact(flags, total_words);
    flags.resize(total_words, 0);
    let list = list.resize(total, number);
    let choices = WindowChoices { positions, chosen, starts, next, list, rows };
    choices.clear();
    let several = scratches.len() > 1;
    let mut rest = &mut flags[..];
    let piece = |tile: &Range<usize>| {
        let words: usize =
            tile.clone().map(|position| ClassFlags::of(classes, position, positions).words.len()).sum();
        rest.split_off_mut(..words).unwrap_or_default()
    };
    each_tile(context, scratches, piece, |scratch, tile, mut flags| {
        for (position, anchor) in found(scratch, tile) {
            let words = ClassFlags::of(classes, position, positions).words;
            let own = flags.split_off_mut(..words.len()).unwrap_or_default();
            own.copy_from_slice(&anchor.has_gradient[words]);
            let row = classes.order()[position];
            for_each_choice(anchor, |chosen| {
                let chosen = classes.positions()[chosen as usize] as usize;
                if positions.contains(&chosen) {
                    choices.push(chosen, row, several);
                }
            });
        }
    });
    Window { choices, flags, classes: class_starts, first_class }
}

/// Writes the gradient of a window's rows.
fn write<T: Element>(
    context: StageContext<'_, T>,
    scratches: &mut [Scratch<T>],
    window: &Window<'_>,
    scale: GradientScale<'_, T>,
    out: &Mutex<&mut [T]>,
) {
    let StageContext { executor, selected, problem, source } = context;
    let (layout, order) = (source.layout, problem.classes().order());
    let width = problem.anchors().width();
    let with_distances = problem.distance().needs_pair_distance().then_some(source);
    let positions = window.choices.positions;
    let tiles = tiles(layout)
        .map(|tile| tile.start.max(positions.start)..tile.end.min(positions.end))
        .filter(|tile| !tile.is_empty());
    run_tasks(executor, scratches, tiles, |scratch, tile| {
        let first = tile.start / layout.panel * layout.panel;
        let mined = first + (tile.start - first) / layout.tile_rows * layout.tile_rows;
        mine_tile(context, scratch, mined..tile.end);
        let rows = &order[tile.clone()];
        let Scratch { anchors, tally, entries, unconsumed, distances, .. } = scratch;
        let mut pairs = RowPairs { tally, entries, unconsumed, distances };
        pairs.clear(problem);
        let listed = Listed { problem, window, first: mined, anchors };
        let coefficients = &Coefficients::new(problem, scale, listed);
        T::dispatch(selected, AddUp { coefficients, source: with_distances, rows, pairs });
        let mut written = core::mem::take(&mut scratch.rows);
        written.clear();
        written.resize(rows.len() * width, T::ZERO);
        let chains = Chains { problem, scale: scale.scale, rows, scratch, out: &mut written };
        T::dispatch(selected, chains);
        // Rows of a class may be anywhere in the batch.
        let mut out = out.lock().unwrap_or_else(PoisonError::into_inner);
        for (&row, written) in rows.iter().zip(written.chunks_exact(width)) {
            out[row as usize * width..][..width].copy_from_slice(written);
        }
        drop(out);
        scratch.rows = written;
    });
}
