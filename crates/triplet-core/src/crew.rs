//! Who shares the parts of a job.

/// Threads that share the independent parts of a job.
pub trait Crew: Sync {
    /// Parts that a job is best cut into.
    fn size(&self) -> usize;
    /// Calls `part` once for every number below `parts`, in any order.
    fn each(&self, parts: usize, part: &(dyn Fn(usize) + Sync));
}

/// The calling thread.
#[derive(Debug, Clone, Copy)]
pub struct Alone;

impl Crew for Alone {
    fn size(&self) -> usize {
        1
    }
    fn each(&self, parts: usize, part: &(dyn Fn(usize) + Sync)) {
        (0..parts).for_each(part);
    }
}
