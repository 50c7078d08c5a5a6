//! Limits of a workspace, and a trial allocation before a call takes much memory.

use triplet_simd::{Error, MOST_LISTED_CHOICES, memory::reserve};

/// What large batches may keep in memory; beyond it, things are computed again, to the same bits.
///
/// Chosen negatives are always kept, 4 bytes a triplet.
///
/// ```
/// use triplet_api::{BackendOptions, MemoryLimits, Workspace};
/// let limits = MemoryLimits { distances: 1 << 20, ..Default::default() };
/// let workspace = Workspace::<f32>::new(BackendOptions::default())?.with_limits(limits);
/// # Ok::<(), triplet_api::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemoryLimits {
    /// Triplets whose two distances are kept, 8 bytes each; with more, none are.
    pub distances: usize,
    /// Choices listed at a time for the gradient, 4 bytes each.
    pub choices: usize,
}

impl Default for MemoryLimits {
    /// A gigabyte of distances, a quarter of choices.
    fn default() -> Self {
        Self { distances: 1 << 27, choices: MOST_LISTED_CHOICES }
    }
}

/// Below this no trial allocation is made.
const SMALL: usize = 1 << 20;

/// The largest trial allocation so far, by the owner of buffers that are kept.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Granted {
    bytes: usize,
}

impl Granted {
    /// Tries an allocation of so many bytes, unless one as large succeeded before.
    pub(crate) fn ask(&mut self, bytes: usize) -> Result<(), Error> {
        if bytes <= self.bytes.max(SMALL) {
            return Ok(());
        }
        // A sixteenth more, for what is not reckoned with.
        reserve::<u8>(bytes.saturating_add(bytes / 16)).map_err(|_| Error::OutOfMemory { bytes })?;
        self.bytes = bytes;
        Ok(())
    }
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
    }
}
