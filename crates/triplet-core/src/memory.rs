//! Memory that a call needs, reckoned and asked for before it is taken.
//!
//! A buffer that cannot grow ends the process. So the buffers that grow with the batch are
//! added up first, and the allocator is asked for as much in one piece, which is given back
//! at once: where it refuses, the call is an error. Nothing is reserved by that, and a system
//! that promises more memory than it has may still run out of it.

use crate::{Error, Problem, Real, Result};
use core::hint::black_box;

/// Below this nobody is asked.
const SMALL: usize = 1 << 20;

/// What the allocator was asked for before, by the owner of buffers that are kept.
#[derive(Debug, Clone, Copy, Default)]
pub struct Granted {
    bytes: usize,
}

impl Granted {
    /// Asks for so many bytes, unless as many were granted before.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub fn ask(&mut self, bytes: usize) -> Result<()> {
        if bytes <= self.bytes.max(SMALL) {
            return Ok(());
        }
        // A sixteenth more, for what is not reckoned with.
        room::<u8>(bytes.saturating_add(bytes / 16)).map_err(|_| Error::OutOfMemory { bytes })?;
        self.bytes = bytes;
        Ok(())
    }
}

/// An empty list with room for so many values.
///
/// # Errors
/// [`Error::OutOfMemory`].
pub fn room<T>(count: usize) -> Result<Vec<T>> {
    let mut list = Vec::new();
    let reserved = list.try_reserve_exact(count);
    // Or the compiler leaves a list out that nobody writes to.
    black_box(&mut list);
    match reserved {
        Ok(()) => Ok(list),
        Err(_) => Err(Error::OutOfMemory { bytes: count.saturating_mul(size_of::<T>()) }),
    }
}

/// Bytes of the [`Problem`] of a batch: its classes, and its unit rows if it has them.
#[must_use]
pub fn of_problem<T: Real>(rows: usize, width: usize, angular: bool) -> usize {
    let units = if angular { width.saturating_mul(size_of::<T>()) } else { 0 };
    rows.saturating_mul(units.saturating_add(64))
}

/// Bytes of [`Mined`](crate::Mined) triplets, and of the choices that their gradient is made from.
#[must_use]
pub fn of_answers<T: Real>(problem: &Problem<'_, T>, with_gradient: bool) -> usize {
    let slots = problem.slot_count();
    let kept = if problem.keeps_distances() { 2 * size_of::<T>() } else { 0 };
    let listed = if with_gradient { 4 * slots.min(problem.listed_choices()) } else { 0 };
    let own = if problem.rule().one_per_anchor() { 4 } else { 0 };
    slots.saturating_mul(4 + kept + own) + listed + 8 * problem.word_count() + 64 * problem.batch_size()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_than_there_is_is_refused_and_what_was_granted_is_not_asked_for_again() {
        let mut granted = Granted::default();
        let bytes = usize::MAX / 4;
        let refused = granted.ask(bytes).unwrap_err();
        assert_eq!(refused, Error::OutOfMemory { bytes });
        assert!(refused.to_string().contains("MB of memory are needed"));
        granted.ask(2 * SMALL).unwrap();
        granted.ask(SMALL).unwrap();
        assert_eq!(granted.bytes, 2 * SMALL);
        granted.bytes = bytes;
        granted.ask(bytes).unwrap();
        assert!(room::<u64>(usize::MAX / 8).is_err());
        assert!(room::<u64>(10).unwrap().capacity() >= 10);
    }
}
