//! Buffers that are asked for before they are taken.
//!
//! A buffer that cannot grow ends the process. So the allocator is asked first, and where it
//! refuses, the call is an error. Nothing is reserved by that, and a system that promises more
//! memory than it has may still run out of it.

use crate::{Error, Result};
use core::hint::black_box;

/// An empty list with room for so many values.
///
/// ```
/// assert!(triplet_simd::memory::reserve::<u64>(10)?.capacity() >= 10);
/// assert!(triplet_simd::memory::reserve::<u64>(usize::MAX / 8).is_err());
/// # Ok::<(), triplet_simd::Error>(())
/// ```
///
/// # Errors
/// [`Error::OutOfMemory`].
pub fn reserve<T>(count: usize) -> Result<Vec<T>> {
    let mut list = Vec::new();
    let reserved = list.try_reserve_exact(count);
    // Or the compiler leaves a list out that is never written to.
    black_box(&mut list);
    match reserved {
        Ok(()) => Ok(list),
        Err(_) => Err(Error::OutOfMemory { bytes: count.saturating_mul(size_of::<T>()) }),
    }
}
