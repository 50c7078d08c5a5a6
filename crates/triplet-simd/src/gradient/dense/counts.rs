//! Counts of triplets by pair: some rows by all rows.

use super::{
    super::source::{Mined, for_each_flag},
    BLOCK, ByBlock,
    by_block::{Chosen, END},
};
use crate::{cpu::isa::Element, gram::aligned::Aligned};
use core::ops::Range;
use triplet_core::real::Key;

/// What the triplets with a gradient put on each pair of a row of the block: +1 for a triplet that has it as its
/// positive pair, −1 as its negative pair, modulo the keys' size. Zero between blocks.
#[derive(Debug)]
pub(crate) struct PairCounts<T: Element> {
    /// Of the triplets whose anchor is the row of the block; with one table, of all.
    own: Aligned<T::Key>,
    /// Of the triplets whose anchor is the other row, where weights tell them apart.
    other: Aligned<T::Key>,
    /// The ranking values of the pairs that have a count, where triplets keep them.
    values: Aligned<T>,
    /// From row to row: whole words of 64, and no multiple of a page.
    stride: usize,
}

/// The tables that a gradient needs besides that of all counts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tables {
    pub(super) weighted: bool,
    pub(super) valued: bool,
}

/// What was counted for one row, by other original row.
pub(super) struct RowCounts<'a, T: Element> {
    pub(super) own: &'a mut [T::Key],
    /// Empty with one table.
    pub(super) other: &'a mut [T::Key],
    /// Empty without values.
    pub(super) values: &'a [T],
}

impl<T: Element> Default for PairCounts<T> {
    fn default() -> Self {
        Self { own: Aligned::default(), other: Aligned::default(), values: Aligned::default(), stride: 0 }
    }
}

fn stride(rows: usize) -> usize {
    rows.next_multiple_of(128) + 64
}

impl<T: Element> PairCounts<T> {
    /// Bytes of some tables for so many rows.
    pub(super) fn bytes(rows: usize, Tables { weighted, valued }: Tables) -> usize {
        let tables = 1 + usize::from(weighted) + usize::from(valued);
        tables * (BLOCK + 1) * stride(rows) * size_of::<T>()
    }

    /// Counts the pairs of some original rows with all others.
    pub(super) fn count(
        &mut self,
        mined: &Mined<'_, T>,
        by_block: &ByBlock<T>,
        block: Range<usize>,
        tables: Tables,
    ) {
        self.resize(mined.problem.anchors().len(), tables);
        let Self { own, other, values, stride } = self;
        let (own, values, stride) = (&mut own[..], &mut values[..], *stride);
        let valued = if tables.valued { &mut *values } else { &mut [] };
        for (n, (row, own)) in block.clone().zip(own.chunks_mut(stride)).enumerate() {
            count_own(mined, row, own);
            if tables.valued {
                note_own(mined, row, &mut valued[n * stride..][..stride]);
            }
        }
        let other = if tables.weighted { &mut other[..] } else { own };
        for chosen in by_block.of(block.start / BLOCK) {
            count_chosen(chosen, other, valued, stride);
        }
        count_positives(mined, block, (other, stride));
    }

    /// Makes room for so many rows.
    fn resize(&mut self, rows: usize, tables: Tables) {
        if self.stride != stride(rows) {
            *self = Self { stride: stride(rows), ..Self::default() };
        }
        let len = (BLOCK + 1) * self.stride;
        for (table, used) in [(&mut self.own, true), (&mut self.other, tables.weighted)] {
            if used && table.is_empty() {
                table.resize(len);
                table.fill(Key::ZERO);
            }
        }
        if tables.valued {
            self.values.resize(len);
        }
    }

    /// The counts of one of the block's rows.
    pub(super) fn of(&mut self, place: usize) -> RowCounts<'_, T> {
        let Self { own, other, values, stride } = self;
        let row = place * *stride..(place + 1) * *stride;
        let other = if other.is_empty() { &mut [] } else { &mut other[row.clone()] };
        let values = if values.is_empty() { &[] } else { &values[row.clone()] };
        RowCounts { own: &mut own[row], other, values }
    }
}

#[inline(always)]
fn add<K: Key>(count: &mut K) {
    *count = count.wrapping_add(K::from_row(1));
}

#[inline(always)]
fn subtract<K: Key>(count: &mut K) {
    *count = count.wrapping_sub(K::from_row(1));
}

/// The triplets of an anchor.
fn count_own<T: Element>(mined: &Mined<'_, T>, row: usize, counts: &mut [T::Key]) {
    let classes = mined.problem.classes();
    let position = classes.positions()[row] as usize;
    let span = classes.span(position);
    let (members, own) = (&classes.order()[span.clone()], position - span.start);
    for_each_flag(mined.flags(position), |rank| {
        add(&mut counts[members[rank + usize::from(rank >= own)] as usize]);
    });
    mined.for_each_choice(position..position + 1, |_, _, chosen| subtract(&mut counts[chosen as usize]));
}

/// The ranking values of an anchor's pairs, of whichever anchor's triplets they are: those of its whole class, and
/// of its choices.
fn note_own<T: Element>(mined: &Mined<'_, T>, row: usize, values: &mut [T]) {
    let classes = mined.problem.classes();
    let position = classes.positions()[row] as usize;
    let others = classes.span(position).filter(|&other| other != position);
    let slots = mined.problem.slots().of(position);
    for (other, &value) in others.zip(&mined.positive_distances[slots]) {
        values[classes.order()[other] as usize] = value;
    }
    mined.for_each_choice(position..position + 1, |_, slot, chosen| {
        values[chosen as usize] = mined.negative_distances[slot];
    });
}

/// What some anchors chose of a block, as their negative.
fn count_chosen<T: Element>(chosen: Chosen<'_, T>, counts: &mut [T::Key], values: &mut [T], stride: usize) {
    let mut anchor = chosen.first;
    for (n, &place) in chosen.places.iter().enumerate() {
        // The end of an anchor's list counts in a row of its own, which nobody reads: no branch is guessed.
        let at = usize::from(place) * stride + anchor;
        subtract(&mut counts[at]);
        if let Some(&value) = chosen.values.get(n) {
            values[at] = value;
        }
        anchor += usize::from(place == END);
    }
}

/// What all anchors have in a block, as their positive.
fn count_positives<T: Element>(
    mined: &Mined<'_, T>,
    block: Range<usize>,
    (counts, stride): (&mut [T::Key], usize),
) {
    let classes = mined.problem.classes();
    for row in block.clone() {
        let span = classes.span(classes.positions()[row] as usize);
        let members = &classes.order()[span.clone()];
        // The members of the class in the block are consecutive; each class is taken at its first.
        let first = members.partition_point(|&member| (member as usize) < block.start);
        if members[first] as usize != row {
            continue;
        }
        let here = members[first..].iter().take_while(|&&member| (member as usize) < block.end).count();
        let ranks = first..first + here;
        for ((own, &anchor), position) in members.iter().enumerate().zip(span) {
            let flags = member_flags(mined.flags(position), own, ranks.clone());
            // As many steps for every anchor, whatever its flags.
            for (n, &member) in members[ranks.clone()].iter().enumerate() {
                let count = &mut counts[(member as usize - block.start) * stride + anchor as usize];
                *count = count.wrapping_add(Key::from_row((flags >> n & 1) as u32));
            }
        }
    }
}

/// The flags that an anchor has for some members of its class, at most [`BLOCK`], given its own place among all
/// members and theirs. It has none for itself, so flags from there on are a place ahead.
#[inline(always)]
fn member_flags(flags: &[u64], own: usize, members: Range<usize>) -> u64 {
    let bits = |range: Range<usize>| -> u64 {
        if range.is_empty() {
            return 0;
        }
        let (word, shift) = (range.start / 64, range.start % 64);
        let low = flags[word] >> shift;
        let high = if shift + range.len() > 64 { flags[word + 1] << (64 - shift) } else { 0 };
        (low | high) & (u64::MAX >> (64 - range.len()))
    };
    if own >= members.end {
        bits(members)
    } else if own < members.start {
        bits(members.start - 1..members.end - 1)
    } else {
        let before = own - members.start;
        bits(members.start..own) | bits(own..members.end - 1) << before << 1
    }
}

const _: () =
    assert!(BLOCK < 64, "flags of a block are taken from at most two words, and shifted by a place");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_anchor_has_a_flag_for_every_other_member() {
        // Each anchor's flags name the members by the parity of a product.
        let members = 150;
        let flag = |anchor: usize, member: usize| anchor != member && (anchor * 7 + member * 13) % 5 < 2;
        let every = if cfg!(miri) { 29 } else { 1 };
        for anchor in (0..members).step_by(every) {
            let mut flags = [0_u64; 3];
            for (rank, member) in (0..members).filter(|&member| member != anchor).enumerate() {
                flags[rank / 64] |= u64::from(flag(anchor, member)) << (rank % 64);
            }
            for start in (0..members).step_by(every) {
                for end in start + 1..=members.min(start + BLOCK) {
                    let found = member_flags(&flags, anchor, start..end);
                    let expected = (start..end)
                        .fold(0, |bits, member| bits | u64::from(flag(anchor, member)) << (member - start));
                    assert_eq!(found, expected, "anchor {anchor}, members {start}..{end}");
                }
            }
        }
    }
}
