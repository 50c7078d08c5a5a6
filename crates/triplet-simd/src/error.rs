//! What can be wrong with an instruction set, or with the memory asked for.

/// Errors of the choice of an instruction set, and of memory.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An instruction set that this CPU lacks.
    #[error("this CPU cannot run the {isa:?} kernels: it offers {available}")]
    IsaMissing {
        /// The instruction set asked for.
        isa: &'static str,
        /// Those that it has.
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
    /// Memory that the system does not give.
    #[error(
        "about {} MB of memory are needed, which the system does not give: use smaller batches or fewer rows a class, or a backend other than gram",
        bytes / 1_000_000
    )]
    OutOfMemory {
        /// Bytes needed.
        bytes: usize,
    },
}
