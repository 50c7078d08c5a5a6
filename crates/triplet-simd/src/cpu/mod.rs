//! What the CPU is: its instruction sets, its floating-point mode, its peak.
//!
//! ```
//! use triplet_simd::{Error, Isa, Selected};
//!
//! // The preferred instruction set of this CPU is the last that is available.
//! let best = Selected::best()?;
//! assert_eq!(Some(best.isa()), Isa::available().next_back());
//!
//! // Every target runs the portable kernels. Instruction sets have names, as on the command line.
//! let portable = Selected::new(Isa::Portable)?;
//! assert_eq!("portable".parse(), Ok(portable.isa()));
//!
//! // Others are refused by name: no CPU has both AVX2 and NEON.
//! let missing = Isa::ALL.into_iter().find(|isa| !isa.is_available()).unwrap();
//! assert!(matches!(Selected::new(missing), Err(Error::IsaMissing { isa, .. }) if isa == missing.name()));
//! # Ok::<(), triplet_simd::Error>(())
//! ```

pub mod float_mode;
pub mod fma_peak;
pub mod isa;
