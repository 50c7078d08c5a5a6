//! What can be wrong with an instruction set, or with an allocation.

/// Errors of the choice of an instruction set, and of memory.
///
/// ```
/// use triplet_simd::{Error, memory::reserve};
/// let error = reserve::<f32>(usize::MAX / 8).unwrap_err();
/// assert!(matches!(error, Error::OutOfMemory { .. }));
/// assert!(error.to_string().contains("MB of memory are needed"));
/// ```
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An instruction set that this CPU lacks.
    #[error("this CPU cannot run the {isa:?} kernels: it offers {available}")]
    IsaMissing {
        /// The instruction set that was to be used.
        isa: &'static str,
        /// The instruction sets that the CPU has.
        available: String,
    },
    /// A lane type that failed the known-answer check of its arithmetic.
    #[error(
        "the {isa:?} kernels failed their known-answer check (fma({a:e}, {b:e}, {c:e})): this platform's fused multiply-add does not round once; use another instruction set"
    )]
    LanesUntrustworthy {
        /// The lane type.
        isa: &'static str,
        /// First operand.
        a: f64,
        /// Second operand.
        b: f64,
        /// Addend.
        c: f64,
    },
    /// An allocation that the system refuses.
    #[error(
        "about {} MB of memory are needed, which the system does not give: use smaller batches or fewer rows a class, or a backend other than gram",
        bytes / 1_000_000
    )]
    OutOfMemory {
        /// Bytes needed.
        bytes: usize,
    },
}
