//! An engine and the memory of a training loop.

use crate::{BackendOptions, MemoryLimits, Result, budget::Held, memory::Granted};
use triplet_core::{AnchorTerms, Engine, ExecutionInfo, ProblemBuffers, Scalar, ScreenedPairs, Triplets};
use triplet_simd::Element;

/// What a training loop keeps between calls: an engine, and memory that grows to
/// the largest batch seen. From the second call of a shape on, nothing is allocated.
///
/// ```
/// use triplet_api::{Backend, BackendOptions, Batch, MemoryLimits, Loss, TripletSemiHardLoss, Workspace};
/// let options = BackendOptions { backend: Backend::Scalar, ..Default::default() };
/// let mut scalar = Workspace::new(options)?;
/// // The default backend; with these limits it keeps no distances of a large batch.
/// let mut fast = Workspace::default().with_limits(MemoryLimits { distances: 0, ..Default::default() });
///
/// let batch = Batch::new(&[0.0_f32, 1.0, 1.5, 3.0], 1, &[0, 0, 1, 2])?;
/// let loss = TripletSemiHardLoss { margin: 3.0, ..Default::default() };
/// let expected = loss.evaluate(&batch, &mut scalar)?.loss();
/// for _ in 0..3 {
///     assert_eq!(loss.evaluate(&batch, &mut fast)?.loss(), expected); // the memory is reused
/// }
/// assert_eq!(scalar.executed().backend, "scalar");
/// # Ok::<(), triplet_api::Error>(())
/// ```
pub struct Workspace<T: Element = f32> {
    pub(crate) engine: Box<dyn Engine<T>>,
    pub(crate) kept: Kept<T>,
}

/// What a workspace keeps besides its engine.
pub(crate) struct Kept<T: Element> {
    pub(crate) limits: MemoryLimits,
    pub(crate) problem: ProblemBuffers<T>,
    pub(crate) triplets: Triplets<T>,
    pub(crate) terms: AnchorTerms,
    pub(crate) factors: Vec<f64>,
    pub(crate) losses: Vec<T>,
    pub(crate) gradient: Vec<T>,
    pub(crate) to_candidates: Vec<T>,
    pub(crate) granted: Granted,
    pub(crate) held: Held,
}

impl<T: Element> Workspace<T> {
    /// A workspace for a backend.
    ///
    /// # Errors
    /// As [`BackendOptions::engine`].
    pub fn new(options: BackendOptions) -> Result<Self> {
        Ok(Self::with_engine(options.engine()?))
    }

    /// A workspace around an engine of the caller's own.
    #[must_use]
    pub fn with_engine(engine: Box<dyn Engine<T>>) -> Self {
        let kept = Kept {
            limits: MemoryLimits::default(),
            problem: ProblemBuffers::default(),
            triplets: Triplets::default(),
            terms: AnchorTerms::default(),
            factors: Vec::new(),
            losses: Vec::new(),
            gradient: Vec::new(),
            to_candidates: Vec::new(),
            granted: Granted::default(),
            held: Held::default(),
        };
        Self { engine, kept }.with_limits(MemoryLimits::default())
    }

    /// The engine, and what is kept besides.
    pub(crate) fn parts(&mut self) -> (&mut dyn Engine<T>, &mut Kept<T>) {
        (self.engine.as_mut(), &mut self.kept)
    }

    /// Changes what large batches may keep in memory; beyond that, things are computed
    /// again, to the same bits.
    #[must_use]
    pub fn with_limits(mut self, limits: MemoryLimits) -> Self {
        self.set_limits(limits);
        self
    }

    /// As [`Workspace::with_limits`], between calls. A lower number of bytes gives back what is held.
    pub fn set_limits(&mut self, limits: MemoryLimits) {
        if limits.bytes < self.kept.limits.bytes {
            self.release();
        }
        self.kept.limits = limits;
        self.engine.limit_listed_choices(limits.choices);
    }

    /// Gives back the memory that is kept from call to call; the threads stay.
    pub fn release(&mut self) {
        let Self { engine, kept } = self;
        engine.release();
        (kept.problem, kept.terms) = Default::default();
        kept.triplets = Triplets::default();
        (kept.factors, kept.losses, kept.gradient, kept.to_candidates) = Default::default();
        kept.held = Held::default();
    }

    /// The pairs of the last batch that the engine looked at in lower precision first.
    #[must_use]
    pub fn screened(&self) -> ScreenedPairs {
        self.engine.screened()
    }

    /// What the engine runs on.
    #[must_use]
    pub fn executed(&self) -> ExecutionInfo {
        self.engine.executed()
    }
}

impl<T: Element> Default for Workspace<T> {
    /// The automatic choice of backend; the scalar reference on a platform where every lane type
    /// fails its known-answer check.
    fn default() -> Self {
        Self::new(BackendOptions::default()).unwrap_or_else(|_| Self::with_engine(Box::new(Scalar)))
    }
}
