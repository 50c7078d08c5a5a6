//! What several test files use.

use triplet_simd::Executor;

/// Threads that are started for every job.
pub(crate) struct Scoped(pub(crate) usize);

impl Executor for Scoped {
    fn threads(&self) -> usize {
        self.0
    }
    fn run(&self, job: &(dyn Fn(usize) + Sync)) {
        std::thread::scope(|scope| {
            for worker in 0..self.0 {
                scope.spawn(move || job(worker));
            }
        });
    }
}
