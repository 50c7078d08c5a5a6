//! What a backend is.

use crate::{
    Mined, Problem, Real,
    choices::ChoiceSpace,
    pull::{Factors, Pull},
    retrieval::{self, Score, Search},
};
use core::fmt;

/// A way of computing: it mines triplets and accumulates the gradient.
///
/// Two engines that call themselves exact give the same bits for every problem.
/// Engines own their scratch memory and reuse it between calls.
pub trait Engine<T: Real>: Send {
    /// Fills `out` (resized here) with the triplets of the problem, and judges them.
    fn mine(&mut self, problem: &Problem<'_, T>, out: &mut Mined<T>);

    /// Writes the gradient `[B, D]`, in original row order.
    fn gradient(&mut self, pull: Pull<'_, T>, space: &mut ChoiceSpace, out: &mut [T]);

    /// Both, one after the other: an engine may keep its threads awake in between.
    fn mine_and_gradient(
        &mut self,
        problem: &Problem<'_, T>,
        mined: &mut Mined<T>,
        factors: Factors<'_, T>,
        space: &mut ChoiceSpace,
        out: &mut [T],
    ) {
        self.mine(problem, mined);
        self.gradient(Pull { problem, mined, factors }, space, out);
    }

    /// Ranks every query's neighbours and scores them; one score a query, by original row.
    fn retrieve(&mut self, search: &Search<'_, T>, scores: &mut [Score]) {
        retrieval::reference(search, scores);
    }

    /// Bytes that the engine itself takes for a problem, about: of buffers that grow with it.
    fn needed(&self, _problem: &Problem<'_, T>) -> usize {
        0
    }

    /// What the last call ran on.
    fn executed(&self) -> Executed;
}

/// What really ran: which backend, on which instruction set, on how many threads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Executed {
    /// Backend name: `scalar`, `gram`, `simd` or `par`.
    pub backend: &'static str,
    /// Lane type: `none` for backends without one of their own.
    pub isa: &'static str,
    /// Threads that took part.
    pub threads: usize,
}

impl fmt::Display for Executed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} on {}, {} thread(s)", self.backend, self.isa, self.threads)
    }
}
