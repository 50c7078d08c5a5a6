//! What the CPU is: its instruction sets, its floating-point mode, its peak.

pub mod float_mode;
pub mod fma_peak;
pub mod isa;
