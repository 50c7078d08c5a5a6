//! Allocations that return an error where the allocator refuses them.
//!
//! A `Vec` that cannot grow ends the process. So a call first makes one allocation of the size that
//! it will need, which may fail, and frees it. That reserves nothing, and on a system that
//! overcommits memory the process may still run out of it.

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

/// Room in a list for so many values and no more, for contents that are written anew: what is too small is given
/// back first.
pub(crate) fn reserve_exact<V>(list: &mut Vec<V>, count: usize) {
    if list.capacity() < count {
        *list = Vec::new();
        list.reserve_exact(count);
    }
}
