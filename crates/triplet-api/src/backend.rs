//! Backends: the engines by name.

use crate::gram::{Gram, GramElement};
use core::str::FromStr;
use triplet_core::{Engine, Error, Executed, Result, Scalar};
use triplet_par::{Parallel, Rayon};
use triplet_simd::{Fused, Inline, Isa, Selected};

/// Which engine computes. All but `Gram` give the same bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum Backend {
    /// `Par` with more than one thread, else `Simd`.
    #[default]
    Auto,
    /// The scalar reference: slow, and what the others are held to.
    Scalar,
    /// The conventional way: a materialised `B x B` Gram matrix by `matrixmultiply`.
    /// For comparison; its chains are cut differently, so its last bits may differ.
    Gram,
    /// Fused SIMD tiles on the calling thread.
    Simd,
    /// Fused SIMD tiles on all threads.
    Par,
}

impl Backend {
    /// Every backend that is an engine of its own.
    pub const ALL: [Self; 4] = [Self::Scalar, Self::Gram, Self::Simd, Self::Par];
    /// The names [`Backend::from_str`] knows.
    pub const NAMES: &'static str = "auto, scalar, gram, simd, par";

    /// The name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Scalar => "scalar",
            Self::Gram => "gram",
            Self::Simd => "simd",
            Self::Par => "par",
        }
    }
}

impl FromStr for Backend {
    type Err = Error;
    fn from_str(name: &str) -> Result<Self> {
        let all = [Self::Auto].into_iter().chain(Self::ALL);
        all.into_iter().find(|backend| backend.name() == name).ok_or_else(|| Error::UnknownName {
            what: "backend",
            value: name.to_owned(),
            choices: Self::NAMES,
        })
    }
}

/// A backend, and what it may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BackendOptions {
    /// The engine.
    pub backend: Backend,
    /// Instruction set; `None` for the fastest that this CPU has. The scalar and
    /// Gram backends have no use for one.
    pub isa: Option<Isa>,
    /// Threads; `None` for one a core, or those of the surrounding rayon pool.
    pub threads: Option<usize>,
}

impl BackendOptions {
    /// Makes the engine.
    ///
    /// # Errors
    /// An instruction set that the CPU lacks or that fails its check, zero threads,
    /// threads that do not start.
    pub fn engine<T: GramElement>(self) -> Result<Box<dyn Engine<T>>> {
        self.threads.map_or(Ok(()), Rayon::check)?;
        let selected = || self.isa.map_or_else(Selected::best, Selected::new);
        let several = self.threads.unwrap_or_else(|| Rayon::current().most()) > 1;
        Ok(match self.backend {
            Backend::Scalar => Box::new(Scalar::default()),
            Backend::Gram => Box::new(Gram::new()?),
            Backend::Par => self.parallel(selected()?)?,
            Backend::Auto if several => self.parallel(selected()?)?,
            Backend::Simd | Backend::Auto => Box::new(Fused::new("simd", selected()?, Inline)),
        })
    }

    fn parallel<T: GramElement>(self, selected: Selected) -> Result<Box<dyn Engine<T>>> {
        let executor = self.threads.map_or_else(|| Ok(Rayon::current()), Rayon::with_threads)?;
        Ok(Box::new(Parallel::new(selected, executor)))
    }

    /// What an engine made from these options would run on.
    ///
    /// # Errors
    /// As [`BackendOptions::engine`].
    pub fn would_execute(self) -> Result<Executed> {
        Ok(self.engine::<f32>()?.executed())
    }
}
