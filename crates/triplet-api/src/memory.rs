//! Limits of a workspace, and a trial allocation before a call takes much memory.

use triplet_simd::{Error, MOST_LISTED_CHOICES, memory::reserve};

/// What a call may take, and what large batches may keep in memory; beyond it, things are computed again, to
/// the same bits.
///
/// ```
/// use triplet_api::{Batch, BackendOptions, Error, Loss, MemoryLimits, TripletSemiHardLoss, Workspace};
/// // 600 rows in two classes, at most a megabyte on one thread.
/// let x: Vec<f32> = (0..600).map(|row| (row * 7919 % 1013) as f32 / 1013.0).collect();
/// let labels: Vec<i64> = (0..600).map(|row| row % 2).collect();
/// let batch = Batch::new(&x, 1, &labels)?;
/// let options = BackendOptions { threads: Some(1), ..Default::default() };
/// let limits = MemoryLimits { bytes: 1 << 20, ..Default::default() };
/// let mut small = Workspace::new(options)?.with_limits(limits);
/// let mut usual = Workspace::new(options)?;
///
/// let loss = TripletSemiHardLoss::default();
/// let (in_parts, whole) = (loss.evaluate(&batch, &mut small)?, loss.evaluate(&batch, &mut usual)?);
/// assert_eq!((in_parts.loss(), in_parts.gradient()), (whole.loss(), whole.gradient()));
/// assert!(!in_parts.keeps_triplets() && in_parts.triplets().is_err());
///
/// let limits = MemoryLimits { bytes: 10_000, ..Default::default() };
/// let refused = loss.evaluate(&batch, &mut Workspace::new(options)?.with_limits(limits)).unwrap_err();
/// assert!(matches!(refused, Error::MemoryBudget { needed, allowed: 10_000 } if needed < 1 << 20));
/// # Ok::<(), triplet_api::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemoryLimits {
    /// Bytes that a call of a loss may take, besides the arrays of the caller. Where it is less than all of it
    /// needs, rows are not copied to save time (for screening); then distances are not kept; then choices are
    /// listed a few at a time; then the triplets are
    /// worked through in parts and not kept. What a workspace took for other batches counts.
    pub bytes: usize,
    /// Whether a call fails that could not keep its triplets, instead of working through them in parts.
    pub keep_triplets: bool,
    /// Triplets whose two distances are kept, 8 bytes each; with more, none are.
    pub distances: usize,
    /// Choices listed at a time for the gradient, 4 bytes each.
    pub choices: usize,
}

impl Default for MemoryLimits {
    /// Any number of bytes; a gigabyte of distances, a quarter of choices.
    fn default() -> Self {
        Self { bytes: usize::MAX, keep_triplets: false, distances: 1 << 27, choices: MOST_LISTED_CHOICES }
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
        self.ask_within(usize::MAX, bytes)
    }

    /// The same of a call that may take no more than a limit.
    pub(crate) fn ask_within(&mut self, limit: usize, bytes: usize) -> Result<(), Error> {
        if bytes <= self.bytes.max(SMALL) {
            return Ok(());
        }
        // A sixteenth more, for what is not reckoned with. Within a limit all is.
        let more = if limit == usize::MAX { bytes / 16 } else { 0 };
        reserve::<u8>(bytes.saturating_add(more)).map_err(|_| Error::OutOfMemory { bytes })?;
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
