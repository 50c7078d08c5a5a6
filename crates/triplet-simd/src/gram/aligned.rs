//! Buffers that start on a cache line, so that no vector straddles two.

use core::ops::{Deref, DerefMut};

/// Bytes in a cache line, and in the widest vector.
pub(crate) const LINE: usize = 64;

/// A growable buffer whose first element is cache-line aligned.
#[derive(Debug, Default)]
pub(crate) struct Aligned<T> {
    data: Vec<T>,
    start: usize,
    len: usize,
}

impl<T: Copy + Default> Aligned<T> {
    /// Sets the length, keeping what is allocated; the contents are unspecified.
    pub(crate) fn resize(&mut self, len: usize) {
        let padded = len + LINE / size_of::<T>();
        if self.data.len() < padded {
            // Not by doubling: what is needed is known, and reckoned with.
            self.data = Vec::new();
            self.data.reserve_exact(padded);
            self.data.resize(padded, T::default());
            // A platform may decline to answer; then alignment is left to chance.
            self.start = self.data.as_ptr().align_offset(LINE).min(padded - len);
        }
        self.len = len;
    }
}

impl<T> Deref for Aligned<T> {
    type Target = [T];
    fn deref(&self) -> &[T] {
        &self.data[self.start..self.start + self.len]
    }
}

impl<T> DerefMut for Aligned<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.data[self.start..self.start + self.len]
    }
}
