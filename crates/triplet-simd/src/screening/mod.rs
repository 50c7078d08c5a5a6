//! Screening: most pairs are ruled out by distances to 16 bits, which take half the multiply-adds.
//!
//! Rows are centred, scaled and rounded to 16-bit integers. A block's distances then come from integer products,
//! with a proved bound on how far they are from the defined ones (docs/numerics.md, "Screening"). A pair whose distance is
//! outside of every *window* of its anchors (from a threshold to the best candidate so far, widened by the
//! bound) cannot change what is mined. The others, *undecided*, are computed as defined. So screening changes
//! no bit of any result. Where many pairs of a block are undecided, the block is computed as without screening.

mod block;
mod bound;
mod errors;
mod pairs;
mod prepare;
mod quantise;
mod rows;
mod trials;
mod windows;
mod words;

#[cfg(test)]
mod tests;

pub(crate) use prepare::{Screen, Screened};
pub(crate) use rows::Workers;
pub(crate) use trials::{Pairs, ScreenedBlocks, Screener};
pub(crate) use windows::Windows;

/// When blocks of pairs are screened, on engines and instruction sets that can; results are the same.
///
/// ```
/// use triplet_simd::{Fused, Screening};
/// let mut engine = Fused::<f32>::best()?;
/// engine.set_screening(Screening::Off);
/// # Ok::<(), triplet_simd::Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Screening {
    /// Where it was measured to be faster.
    #[default]
    Auto,
    /// Never.
    Off,
    /// Wherever it is possible: for tests.
    Always,
}
