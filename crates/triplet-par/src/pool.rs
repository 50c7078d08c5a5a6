//! What an engine asks of its threads.

use crate::Rayon;
use triplet_simd::Executor;

/// An executor of which a call uses some threads.
///
/// ```
/// use triplet_par::{Pool, Rayon};
/// use triplet_simd::Executor;
/// let mut pool = Rayon::with_threads(2)?;
/// Pool::set_active(&mut pool, 1);
/// assert_eq!((Pool::max_threads(&pool), pool.threads(), pool.backend()), (2, 1, "par"));
/// # Ok::<(), triplet_par::Error>(())
/// ```
pub trait Pool: Executor {
    /// The most threads that jobs may use.
    fn max_threads(&self) -> usize;
    /// Uses at most this many threads for the call that begins.
    fn set_active(&mut self, threads: usize);
    /// The name of the backend that runs on these threads.
    fn backend(&self) -> &'static str;
}

impl Pool for Rayon {
    fn max_threads(&self) -> usize {
        Self::max_threads(self)
    }

    fn set_active(&mut self, threads: usize) {
        Self::set_active(self, threads);
    }

    fn backend(&self) -> &'static str {
        "par"
    }
}
