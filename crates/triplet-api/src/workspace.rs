//! An engine and the memory of a training loop.

use crate::{backend::BackendOptions, gram::GramElement};
use triplet_core::{
    AnchorTerms, Engine, Executed, Limits, Mined, ProblemSpace, Result, choices::ChoiceSpace, memory::Granted,
};

/// What a training loop keeps between calls: an engine, and memory that grows to
/// the largest batch seen. From the second call of a shape on, nothing is allocated.
pub struct Workspace<T: GramElement = f32> {
    pub(crate) engine: Box<dyn Engine<T>>,
    pub(crate) problem: ProblemSpace<T>,
    pub(crate) mined: Mined<T>,
    pub(crate) terms: AnchorTerms,
    pub(crate) choices: ChoiceSpace,
    pub(crate) factors: Vec<f64>,
    pub(crate) losses: Vec<T>,
    pub(crate) gradient: Vec<T>,
    pub(crate) granted: Granted,
}

impl<T: GramElement> Workspace<T> {
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
        Self {
            engine,
            problem: ProblemSpace::default(),
            mined: Mined::default(),
            terms: AnchorTerms::default(),
            choices: ChoiceSpace::default(),
            factors: Vec::new(),
            losses: Vec::new(),
            gradient: Vec::new(),
            granted: Granted::default(),
        }
    }

    /// Changes what large batches may keep in memory; beyond that, things are computed
    /// again, to the same bits.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.problem.limits = limits;
        self
    }

    /// What the engine runs on.
    #[must_use]
    pub fn executed(&self) -> Executed {
        self.engine.executed()
    }
}

impl<T: GramElement> Default for Workspace<T> {
    /// The automatic choice of backend; the scalar reference on a platform that no
    /// lane type can be trusted on.
    fn default() -> Self {
        Self::new(BackendOptions::default())
            .unwrap_or_else(|_| Self::with_engine(Box::new(triplet_core::Scalar::default())))
    }
}
