//! Backends: the engines by name.

use crate::{Error, Result, gram::Gram};
use triplet_core::{Engine, ExecutionInfo, Scalar};
use triplet_openmp::{Host, OpenMp};
use triplet_par::{Parallel, Pool, Rayon};
use triplet_simd::{Element, Fused, Inline, Isa, Selected};

triplet_core::named_enum! {
    /// Which engine computes. All but `Gram` give the same bits.
    ///
    /// ```
    /// use triplet_api::{Backend, BackendOptions, Workspace};
    /// let options = BackendOptions { backend: "simd".parse()?, ..Default::default() };
    /// assert_eq!(options.backend, Backend::Simd);
    /// assert_eq!(Workspace::<f32>::new(options)?.executed().threads, 1);
    /// # Ok::<(), triplet_api::Error>(())
    /// ```
    #[derive(Default)]
    pub enum Backend: "backend" {
        /// `Par` with more than one thread, else `Simd`.
        #[default]
        Auto = "auto",
        /// The scalar reference: slow; the others are tested against it.
        Scalar = "scalar",
        /// The conventional way: a materialised `B x B` Gram matrix by `matrixmultiply`.
        /// For comparison; its chains are cut differently, so its last bits may differ.
        Gram = "gram",
        /// Fused SIMD tiles on the calling thread.
        Simd = "simd",
        /// Fused SIMD tiles on all threads.
        Par = "par",
        /// Fused SIMD tiles on the OpenMP threads of PyTorch, at most as many as PyTorch uses; as `Par` where
        /// there are none: see [`triplet_openmp`].
        OpenMp = "openmp",
    }
}

impl Backend {
    /// Whether its answers have the bits of the scalar reference.
    ///
    /// ```
    /// use triplet_api::Backend;
    /// assert!(Backend::Par.is_exact() && !Backend::Gram.is_exact());
    /// ```
    #[must_use]
    pub const fn is_exact(self) -> bool {
        match self {
            Self::Auto | Self::Scalar | Self::Simd | Self::Par | Self::OpenMp => true,
            Self::Gram => false,
        }
    }
}

/// A backend, and what it may use.
///
/// ```
/// use triplet_api::{Backend, BackendOptions, Isa, Workspace};
/// let options =
///     BackendOptions { backend: Backend::Simd, isa: Some(Isa::Portable), ..Default::default() };
/// let executed = options.resolve()?;
/// assert_eq!((executed.backend, executed.isa, executed.threads), ("simd", "portable", 1));
///
/// // An engine, or a workspace that holds one.
/// assert_eq!(options.engine::<f64>()?.executed(), executed);
/// assert_eq!(Workspace::<f64>::new(options)?.executed(), executed);
/// # Ok::<(), triplet_api::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BackendOptions {
    /// The engine.
    pub backend: Backend,
    /// Instruction set; `None` for the fastest that this CPU has. The scalar and
    /// Gram backends ignore it.
    pub isa: Option<Isa>,
    /// Threads; `None` for one a core, or those of the surrounding rayon pool.
    pub threads: Option<usize>,
}

/// A backend that this machine has, with everything chosen; no thread is started yet.
enum Choice {
    Scalar,
    Gram(Selected),
    Simd(Selected),
    Par { selected: Selected, threads: Option<usize> },
    OpenMp { selected: Selected, executor: OpenMp },
}

impl BackendOptions {
    /// Makes the engine.
    ///
    /// # Errors
    /// An instruction set that the CPU lacks or that fails its check, zero threads,
    /// threads that do not start.
    pub fn engine<T: Element>(self) -> Result<Box<dyn Engine<T>>> {
        Ok(match self.choose()? {
            Choice::Scalar => Box::new(Scalar),
            Choice::Gram(selected) => Box::new(Gram::new(selected)),
            Choice::Simd(selected) => Box::new(Fused::new("simd", selected, Inline)),
            Choice::Par { selected, threads } => {
                let executor = threads.map_or_else(|| Ok(Rayon::current()), Rayon::with_threads)?;
                Box::new(Parallel::new(selected, executor))
            }
            Choice::OpenMp { selected, executor } => Box::new(Parallel::new(selected, executor)),
        })
    }

    /// What an engine made from these options runs on, without making one.
    ///
    /// ```
    /// use triplet_api::{Backend, BackendOptions};
    /// let options = BackendOptions { backend: Backend::Par, threads: Some(2), isa: None };
    /// assert_eq!(options.resolve()?.threads, 2);
    /// # Ok::<(), triplet_api::Error>(())
    /// ```
    ///
    /// # Errors
    /// An instruction set that the CPU lacks or that fails its check, zero threads.
    pub fn resolve(self) -> Result<ExecutionInfo> {
        Ok(match self.choose()? {
            Choice::Scalar => Engine::<f32>::executed(&Scalar),
            Choice::Gram(_) => crate::gram::EXECUTION,
            Choice::Simd(selected) => {
                ExecutionInfo { backend: "simd", isa: selected.isa().name(), threads: 1 }
            }
            Choice::Par { selected, threads } => {
                let threads = threads.map_or_else(|| Rayon::current().max_threads(), Rayon::started_threads);
                ExecutionInfo { backend: "par", isa: selected.isa().name(), threads }
            }
            Choice::OpenMp { selected, executor } => ExecutionInfo {
                backend: executor.backend(),
                isa: selected.isa().name(),
                threads: executor.usable_threads(),
            },
        })
    }

    fn choose(self) -> Result<Choice> {
        self.threads.map_or(Ok(()), Rayon::check)?;
        let selected = || self.isa.map_or_else(Selected::best, Selected::new).map_err(Error::from);
        let several = self.threads.unwrap_or_else(|| Rayon::current().max_threads()) > 1;
        Ok(match self.backend {
            Backend::Scalar => Choice::Scalar,
            Backend::Gram => Choice::Gram(Selected::best()?),
            Backend::Par => Choice::Par { selected: selected()?, threads: self.threads },
            Backend::OpenMp => match Host::of_torch() {
                Some(host) => {
                    let executor = OpenMp::new(host, self.threads)?;
                    Choice::OpenMp { selected: selected()?, executor }
                }
                None => Choice::Par { selected: selected()?, threads: self.threads },
            },
            Backend::Auto if several => Choice::Par { selected: selected()?, threads: self.threads },
            Backend::Simd | Backend::Auto => Choice::Simd(selected()?),
        })
    }
}
