//! What a backend is.

use crate::{
    Error, GradientInputs, NO_ROW, Problem, Real, Result, Triplets,
    gradient_inputs::GradientScale,
    nearest::{Mutual, Nearest, NearestTask, Portion},
    retrieval::{RetrievalTask, Score},
    shares::{self, Merging, Share},
};
use core::{fmt, ops::Range};

/// A way of computing: it mines triplets and accumulates the gradient.
///
/// An engine gives the same bits as [`crate::Scalar`] for every problem, unless its documentation
/// says otherwise.
/// An engine owns its scratch memory and reuses it between calls.
///
/// An engine that counts the batches mined by the scalar reference:
///
/// ```
/// use triplet_core::{
///     Batch, Engine, ExecutionInfo, GradientInputs, Objective, Problem, ProblemBuffers, Result, Scalar,
///     Triplets,
///     retrieval::{RetrievalTask, Score},
/// };
///
/// struct Counting(usize);
///
/// impl Engine<f32> for Counting {
///     fn mine(&mut self, problem: &Problem<'_, f32>, out: &mut Triplets<f32>) -> Result<()> {
///         self.0 += 1;
///         Scalar.mine(problem, out)
///     }
///     fn gradient(&mut self, inputs: GradientInputs<'_, f32>, out: &mut [f32]) -> Result<()> {
///         Scalar.gradient(inputs, out)
///     }
///     fn retrieve(&mut self, task: &RetrievalTask<'_, f32>, scores: &mut [Score]) {
///         Scalar.retrieve(task, scores);
///     }
///     fn bytes_needed(&self, problem: &Problem<'_, f32>, with_gradient: bool) -> usize {
///         Scalar.bytes_needed(problem, with_gradient)
///     }
///     fn executed(&self) -> ExecutionInfo {
///         ExecutionInfo { backend: "counting", isa: "none", threads: 1 }
///     }
/// }
///
/// let batch = Batch::new(&[0.0_f32, 1.0, 1.5, 3.0], 1, &[0, 0, 1, 2])?;
/// let objective = Objective { distance: Default::default(), rule: Default::default(), margin: 1.0 };
/// let mut buffers = ProblemBuffers::default();
/// let problem = Problem::new(&batch, objective, &mut buffers)?;
/// let (mut engine, mut triplets) = (Counting(0), Triplets::default());
/// engine.mine(&problem, &mut triplets)?;
/// assert_eq!((engine.0, triplets.negatives), (1, vec![2, 3]));
/// # Ok::<(), triplet_core::Error>(())
/// ```
pub trait Engine<T: Real>: Send {
    /// Fills `out` (resized here) with the triplets of the problem, and evaluates them.
    ///
    /// # Errors
    /// [`crate::Error::NotSquare`] from an engine that compares the rows of one batch only.
    fn mine(&mut self, problem: &Problem<'_, T>, out: &mut Triplets<T>) -> Result<()>;

    /// Writes the gradient to the anchors, `[M, D]`, in original row order. Of a square batch it is
    /// the whole gradient.
    ///
    /// # Errors
    /// As [`Engine::mine`].
    fn gradient(&mut self, inputs: GradientInputs<'_, T>, out: &mut [T]) -> Result<()>;

    /// Writes the gradient to the candidates, `[N, D]`, in original row order, of a problem whose anchors are other
    /// rows. That of a square batch is [`Engine::gradient`].
    ///
    /// # Errors
    /// As [`Engine::mine`]; [`crate::Error::Square`] for a square batch.
    fn gradient_to_candidates(&mut self, inputs: GradientInputs<'_, T>, _out: &mut [T]) -> Result<()> {
        let backend = self.executed().backend;
        Err(if inputs.problem.is_square() { Error::Square { backend } } else { Error::NotSquare { backend } })
    }

    /// Mining and gradient, one after the other: an engine may keep its threads awake in between.
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

    /// Fills `out` (resized here) with what the pairs of a share of a square batch give alone: of every anchor that is
    /// not searched whole, the best negatives among them, and its positives (with the distances of both, if kept); of those that
    /// are ([`shares::WholeUnits`]), the triplets of the share's own rows, evaluated, and in `out.counts` what they
    /// count. An engine may look at more pairs than the share's.
    ///
    /// ```
    /// use triplet_core::{
    ///     Batch, Engine, Objective, Problem, ProblemBuffers, Scalar, Triplets,
    ///     shares::{Merging, Share, WholeUnits},
    /// };
    /// let batch = Batch::new(&[0.0_f32, 1.0, 1.5, 3.0], 1, &[0, 0, 1, 2])?;
    /// let objective = Objective { distance: Default::default(), rule: Default::default(), margin: 1.0 };
    /// let mut buffers = ProblemBuffers::default();
    /// let problem = Problem::new(&batch, objective, &mut buffers)?;
    /// // Of two ranks, the first has one row. Slots 0 and 1 are those of rows 0 and 1.
    /// let (mut own, mut other) = (Triplets::default(), Triplets::default());
    /// Scalar.mine_share(&problem, &Share { rank: 0, ranks: 2, rows: 0..1 }, &mut own)?;
    /// Scalar.mine_share(&problem, &Share { rank: 1, ranks: 2, rows: 1..4 }, &mut other)?;
    ///
    /// let (own_found, other_found) = (own.negatives[..1].to_vec(), other.negatives[..1].to_vec());
    /// let found: [&[u32]; 2] = [&own_found, &other_found];
    /// let whole = WholeUnits::of(&problem);
    /// let merging = Merging { whole: &whole, first: 0, end: 1, found: &found, values: None };
    /// Scalar.merge_shares(&problem, &merging, &mut own)?;
    /// assert_eq!(own.negatives[0], 2);
    /// # Ok::<(), triplet_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Engine::mine`].
    fn mine_share(&mut self, problem: &Problem<'_, T>, _share: &Share, _out: &mut Triplets<T>) -> Result<()> {
        let backend = self.executed().backend;
        Err(if problem.is_square() { Error::NotShared { backend } } else { Error::NotSquare { backend } })
    }

    /// Puts together what several shares found for some anchors: see [`shares::merge()`], and the example of
    /// [`Engine::mine_share`], which `out` is from.
    ///
    /// # Errors
    /// As [`Engine::mine`].
    fn merge_shares(
        &mut self,
        problem: &Problem<'_, T>,
        merging: &Merging<'_, T>,
        out: &mut Triplets<T>,
    ) -> Result<()> {
        shares::merge(
            problem,
            merging,
            |anchor, rows, values| {
                let value = |&row: &u32| match row {
                    NO_ROW => T::ZERO,
                    row => problem.comparison().ranking_value(anchor, row),
                };
                values.clear();
                values.extend(rows.iter().map(value));
            },
            out,
        );
        Ok(())
    }

    /// As [`Engine::gradient`] of a square batch, but of some original rows alone; what `out`, `[B, D]`, holds of others
    /// is unspecified.
    ///
    /// # Errors
    /// As [`Engine::mine`].
    fn gradient_of_rows(
        &mut self,
        inputs: GradientInputs<'_, T>,
        _rows: Range<usize>,
        out: &mut [T],
    ) -> Result<()> {
        self.gradient(inputs, out)
    }

    /// Ranks every query's neighbours and scores them; one score a query, by original row.
    fn retrieve(&mut self, task: &RetrievalTask<'_, T>, scores: &mut [Score]);

    /// Improves what was found for the thresholds of some anchors by a portion of the candidates; see the example of
    /// [`NearestTask`]. The portions of a set may come in any order, each once.
    ///
    /// # Errors
    /// What [`NearestTask::check`] refuses; [`Error::NotInPortions`] from an engine that has all candidates at once.
    fn search_nearest(
        &mut self,
        _task: &NearestTask<'_, T>,
        _portion: &Portion<'_, T>,
        _found: &mut Nearest<T>,
    ) -> Result<()> {
        Err(Error::NotInPortions { backend: self.executed().backend })
    }

    /// The same for rows that are anchors and candidates at once: improves what was found for both rows of each pair.
    ///
    /// # Errors
    /// What [`NearestTask::check_mutual`] refuses; [`Error::NotInPortions`] as above.
    fn search_nearest_mutual(
        &mut self,
        _task: &NearestTask<'_, T>,
        _mutual: Mutual,
        _found: &mut Nearest<T>,
    ) -> Result<()> {
        Err(Error::NotInPortions { backend: self.executed().backend })
    }

    /// Bytes that the engine itself takes for a problem, about: of buffers that grow with it.
    fn bytes_needed(&self, problem: &Problem<'_, T>, with_gradient: bool) -> usize;

    /// The least bytes of its own that [`Engine::run_in_parts`] takes for a problem; `None` where the
    /// engine works only with triplets that are kept.
    fn least_bytes_in_parts(&self, _problem: &Problem<'_, T>, _with_gradient: bool) -> Option<usize> {
        None
    }

    /// Sums and counts into `out`, and on request the gradient, within so many bytes of the engine's own
    /// (at least [`Engine::least_bytes_in_parts`]). The triplets are not kept, but mined again for each part
    /// of the gradient where they do not fit.
    ///
    /// # Errors
    /// As [`Engine::mine`]; [`crate::Error::NotInParts`] from an engine that works only with triplets
    /// that are kept.
    fn run_in_parts(
        &mut self,
        _problem: &Problem<'_, T>,
        _bytes: usize,
        _out: &mut Triplets<T>,
        _gradient: Option<(GradientScale<'_, T>, &mut [T])>,
    ) -> Result<()> {
        Err(Error::NotInParts { backend: self.executed().backend })
    }

    /// Gives back the memory that it keeps from call to call.
    fn release(&mut self) {}

    /// Whether keeping the distances of a problem's triplets saves this engine more than writing them
    /// takes; where not, they are computed again by whoever asks for them.
    fn gains_from_distances(&self, _problem: &Problem<'_, T>, _with_gradient: bool) -> bool {
        true
    }

    /// How many chosen negatives the engine may list at a time for the gradient, 4 bytes each;
    /// with fewer it goes over the triplets more often.
    fn limit_listed_choices(&mut self, _most: usize) {}

    /// Whether the engine may keep copies of the rows that only save time; by default it may.
    fn allow_copies(&mut self, _allowed: bool) {}

    /// The pairs of the last batch that were screened; none by an engine that screens nothing.
    fn screened(&self) -> ScreenedPairs {
        ScreenedPairs::default()
    }

    /// What the last call ran on.
    fn executed(&self) -> ExecutionInfo;
}

/// Pairs of rows that an engine looked at in lower precision first, with a proof of what that decides.
///
/// ```
/// let screened = triplet_core::ScreenedPairs { pairs: 400, undecided: 3 };
/// assert_eq!(screened.undecided_share(), 0.0075);
/// assert_eq!(triplet_core::ScreenedPairs::default().undecided_share(), 0.0);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct ScreenedPairs {
    /// How many.
    pub pairs: u64,
    /// Those of them that it did not decide.
    pub undecided: u64,
}

impl ScreenedPairs {
    /// The undecided ones among them, from 0 to 1.
    #[must_use]
    pub fn undecided_share(self) -> f64 {
        if self.pairs == 0 { 0.0 } else { self.undecided as f64 / self.pairs as f64 }
    }
}

/// What really ran: which backend, on which instruction set, on how many threads.
///
/// ```
/// let info = triplet_core::ExecutionInfo { backend: "par", isa: "avx2", threads: 4 };
/// assert_eq!(info.to_string(), "par on avx2, 4 thread(s)");
/// ```
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
