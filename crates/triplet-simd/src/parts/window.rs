//! Where the negatives of all triplets do not fit: the gradient of a window of rows, for which all anchors are
//! mined again.

use super::{
    choices::{ChoiceList, WindowChoices, list_starts, numbers},
    first::{Appended, CHOICE_BYTES, sort},
    flags::{ClassFlags, copy_words, list_classes, split_words},
    memory::number_bytes,
    passes::{self, each_tile, for_each_choice, found},
    source::{Listed, Window},
};
use crate::{
    cpu::isa::Element,
    executor::run_tasks,
    gradient::{AddUp, Chains, Coefficients, List, RowPairs},
    memory::reserve_exact,
    mining::{StageContext, mine_tile, tiles},
    scratch::Scratch,
};
use core::{
    ops::Range,
    sync::atomic::{AtomicU32, Ordering::Relaxed},
};
use std::sync::{Mutex, PoisonError};
use triplet_core::{Classes, GradientScale};

/// Memory of windows.
#[derive(Debug, Default)]
pub(super) struct WindowBuffers {
    starts: Vec<u32>,
    next: Vec<AtomicU32>,
    list: List,
    appended: Vec<u32>,
    flags: Vec<u64>,
    classes: Vec<usize>,
}

/// Mines all anchors: sums, how often each row was chosen, and of the first window what it needs, where rows take
/// two bytes; the positions that it has.
pub(super) fn first<T: Element>(
    context: StageContext<'_, T>,
    scratches: &mut [Scratch<T>],
    buffers: &mut WindowBuffers,
    (chosen, bytes): (&mut Vec<AtomicU32>, usize),
    sums: &mut [f64],
) -> First {
    let classes = context.problem.classes();
    let rows = classes.rows();
    if number_bytes(rows) > 2 {
        passes::count(context, scratches, chosen, sums, |_| (), |_, _, _, ()| ());
        return First { positions: 0..0, guess: 0..0 };
    }
    // As if all triplets had a gradient, and each row were chosen as often as any other.
    let usual = CHOICE_BYTES * context.problem.slots().count().div_ceil(rows.max(1));
    let guess = plan(classes, 0, bytes, |_| usual);
    let WindowBuffers { appended, list, flags, classes: class_starts, .. } = buffers;
    (*list, *flags) = (List::default(), Vec::new());
    let words = list_classes(classes, &guess, class_starts);
    reserve_exact(flags, words);
    flags.resize(words, 0);
    let most = bytes.saturating_sub(8 * words) / CHOICE_BYTES;
    let appending = Appended::new(classes, &guess, appended, most);
    let order = classes.order();
    let mut rest = &mut flags[..];
    let piece = |tile: &Range<usize>| split_words(classes, &guess, &mut rest, tile);
    passes::count(context, scratches, chosen, sums, piece, |buffer, position, anchor, flags| {
        copy_words(classes, &guess, position, &anchor.has_gradient, flags);
        appending.push(order[position], anchor, buffer);
    });
    First { positions: appending.positions(), guess }
}

/// What the first window has, and what it was to have.
pub(super) struct First {
    positions: Range<usize>,
    guess: Range<usize>,
}

/// Writes the gradient, in original row order, within so many bytes for what windows list.
pub(super) fn gradient<T: Element>(
    context: StageContext<'_, T>,
    scratches: &mut [Scratch<T>],
    buffers: &mut WindowBuffers,
    (chosen, bytes): (&[AtomicU32], usize),
    first: First,
    scale: GradientScale<'_, T>,
    out: &mut [T],
) {
    let classes = context.problem.classes();
    let rows = classes.rows();
    let out = Mutex::new(out);
    if !first.positions.is_empty() {
        let window = sorted(classes, buffers, chosen, &first);
        write(context, scratches, &window, scale, &out);
    }
    buffers.appended = Vec::new();
    let mut next = first.positions.end;
    while next < rows {
        let number = number_bytes(rows);
        let positions = plan(classes, next, bytes, |position| number * numbers(&chosen[position], rows));
        next = positions.end;
        let window = list(context, scratches, buffers, (chosen, bytes), &positions);
        write(context, scratches, &window, scale, &out);
    }
}

/// The first window, its choices put in order.
fn sorted<'a>(
    classes: &Classes,
    buffers: &'a mut WindowBuffers,
    chosen: &'a [AtomicU32],
    first: &'a First,
) -> Window<'a> {
    let First { positions, guess } = first;
    let WindowBuffers { starts, next, appended, flags, classes: class_starts, .. } = buffers;
    list_starts(positions, starts, next, |position| chosen[position].load(Relaxed) as usize);
    sort(appended, starts, next);
    let choices = WindowChoices {
        positions,
        chosen,
        starts,
        next: &[],
        list: ChoiceList::Appended(appended),
        rows: classes.rows(),
    };
    Window { choices, flags, flagged: guess, classes: class_starts, first_class: 0 }
}

/// The next window: as many positions from `first` on as fit, but one at least, given the bytes of the choices of
/// each.
fn plan(classes: &Classes, first: usize, bytes: usize, of_choices: impl Fn(usize) -> usize) -> Range<usize> {
    let (mut listed, mut before, mut end) = (0, 0, first);
    while end < classes.rows() {
        listed += of_choices(end);
        let ClassFlags { span, words } = ClassFlags::of(classes, end, &(first..end + 1));
        let flags = before + span.len() * words.len();
        let fits = listed + 8 * flags <= bytes && listed <= u32::MAX as usize;
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
    let WindowBuffers { starts, next, list, flags, classes: class_starts, .. } = buffers;
    let total = list_starts(positions, starts, next, |position| numbers(&chosen[position], rows));
    let total_words = list_classes(classes, positions, class_starts);
    let number = number_bytes(rows);
    if list.bytes().max(total * number) + 8 * flags.capacity().max(total_words) > bytes {
        // Of one window there are many choices, of another many flags.
        (*list, *flags) = (List::default(), Vec::new());
    }
    flags.clear();
    reserve_exact(flags, total_words);
    flags.resize(total_words, 0);
    let list = list.resize(total, number).into();
    let choices = WindowChoices { positions, chosen, starts, next, list, rows };
    choices.clear();
    let several = scratches.len() > 1;
    let mut rest = &mut flags[..];
    let piece = |tile: &Range<usize>| split_words(classes, positions, &mut rest, tile);
    each_tile(context, scratches, piece, |scratch, tile, mut flags| {
        for (position, anchor) in found(&scratch.anchors, tile) {
            copy_words(classes, positions, position, &anchor.has_gradient, &mut flags);
            let row = classes.order()[position];
            for_each_choice(anchor, |chosen| {
                let chosen = classes.positions()[chosen as usize] as usize;
                if positions.contains(&chosen) {
                    choices.push(chosen, row, several);
                }
            });
        }
    });
    let first_class = classes.class_of()[positions.start] as usize;
    Window { choices, flags, flagged: positions, classes: class_starts, first_class }
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
        let chains = Chains::of_anchors(problem, scale.scale, rows, scratch, &mut written);
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
