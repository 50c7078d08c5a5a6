//! The list of anchors that chose each row: numbers of two bytes where every row's fits, else of four.

use crate::memory::reserve_exact;
use core::sync::atomic::{AtomicU16, AtomicU32};

/// Numbers that several threads write, each to places of its own. Both lists are kept, so that batches may
/// alternate between them; one is in use.
#[derive(Debug, Default)]
pub(crate) struct List {
    short: Vec<AtomicU16>,
    long: Vec<AtomicU32>,
}

/// The list in use.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Listed<'a> {
    Short(&'a [AtomicU16]),
    Long(&'a [AtomicU32]),
}

impl List {
    /// Bytes of a row's number in a batch of so many rows.
    pub(crate) fn bytes_a_number(rows: usize) -> usize {
        if rows <= 1 << 16 { 2 } else { 4 }
    }

    /// Bytes that are allocated.
    pub(crate) fn bytes(&self) -> usize {
        2 * self.short.capacity() + 4 * self.long.capacity()
    }

    /// Makes room for so many numbers, of two bytes or four; the contents are unspecified.
    pub(crate) fn resize(&mut self, count: usize, bytes: usize) -> Listed<'_> {
        if bytes == 2 {
            reserve_exact(&mut self.short, count);
            self.short.resize_with(count.max(self.short.len()), AtomicU16::default);
            Listed::Short(&self.short)
        } else {
            reserve_exact(&mut self.long, count);
            self.long.resize_with(count.max(self.long.len()), AtomicU32::default);
            Listed::Long(&self.long)
        }
    }
}
