//! What a backend is.

use crate::{
    GradientInputs, Problem, Real, Result, Triplets,
    gradient_inputs::GradientScale,
    retrieval::{RetrievalTask, Score},
};
use core::fmt;

/// A way of computing: it mines triplets and accumulates the gradient.
///
/// Two engines that call themselves exact give the same bits for every problem.
/// Engines own their scratch memory and reuse it between calls.
pub trait Engine<T: Real>: Send {
    /// Fills `out` (resized here) with the triplets of the problem, and evaluates them.
    ///
    /// # Errors
    /// [`crate::Error::NotSquare`] of an engine that compares the rows of one batch only.
    fn mine(&mut self, problem: &Problem<'_, T>, out: &mut Triplets<T>) -> Result<()>;

    /// Writes the gradient to the anchors, `[M, D]`, in original row order. Of a square batch it is
    /// the whole gradient.
    ///
    /// # Errors
    /// As [`Engine::mine`].
    fn gradient(&mut self, inputs: GradientInputs<'_, T>, out: &mut [T]) -> Result<()>;

    /// Both, one after the other: an engine may keep its threads awake in between.
    ///
    /// # Errors
    /// As [`Engine::mine`].
    fn mine_and_gradient(
        &mut self,
        problem: &Problem<'_, T>,
        triplets: &mut Triplets<T>,
        scale: GradientScale<'_, T>,
        out: &mut [T],
    ) -> Result<()> {
        self.mine(problem, triplets)?;
        self.gradient(GradientInputs { problem, triplets, scale }, out)
    }

    /// Ranks every query's neighbours and scores them; one score a query, by original row.
    fn retrieve(&mut self, task: &RetrievalTask<'_, T>, scores: &mut [Score]);

    /// Bytes that the engine itself takes for a problem, about: of buffers that grow with it.
    fn bytes_needed(&self, problem: &Problem<'_, T>, with_gradient: bool) -> usize;

    /// How many chosen negatives the engine may list at a time for the gradient, 4 bytes each;
    /// with fewer it goes over the triplets more often.
    fn limit_listed_choices(&mut self, _most: usize) {}

    /// What the last call ran on.
    fn executed(&self) -> ExecutionInfo;
}

/// What really ran: which backend, on which instruction set, on how many threads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ExecutionInfo {
    /// Backend name: `scalar`, `gram`, `simd` or `par`.
    pub backend: &'static str,
    /// Lane type: `none` for backends without one of their own.
    pub isa: &'static str,
    /// Threads that took part.
    pub threads: usize,
}

impl fmt::Display for ExecutionInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} on {}, {} thread(s)", self.backend, self.isa, self.threads)
    }
}
