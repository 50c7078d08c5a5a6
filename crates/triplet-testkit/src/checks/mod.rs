//! What is asked about a batch of every engine, and compared with the reference.

mod engines;
pub mod kept;
pub mod shrink;

pub use engines::Engines;

/// One way of asking about a batch; the numbers choose what [`crate::Rectangle`], [`crate::Cut`] and [`crate::mining`] do with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Check {
    /// The batch by itself.
    Square,
    /// Cut into anchors and candidates.
    Rectangle(u64),
    /// Held by several ranks.
    Ranks(u64),
    /// In steps, into a memory bank, on one process and on several ranks.
    Bank(u64),
    /// Mined as a data set: slab by slab in little memory, in parts, and after a stop.
    Mined(u64),
}

/// Of so many batches, one is also cut into anchors and candidates.
const RECTANGLES: u64 = 3;
/// Of so many batches, one is also held by several ranks, and another comes in steps, into a memory bank.
const RANKS: u64 = 4;
/// Of so many batches, one is also mined as a data set.
const MINED: u64 = 5;

impl Check {
    /// What is asked about a numbered batch.
    pub fn of_number(number: u64) -> impl Iterator<Item = Self> {
        let all = [
            Some(Self::Square),
            number.is_multiple_of(RECTANGLES).then_some(Self::Rectangle(number / RECTANGLES)),
            (number % RANKS == 1).then_some(Self::Ranks(number / RANKS)),
            (number % RANKS == 3).then_some(Self::Bank(number / RANKS)),
            (number % MINED == 2).then_some(Self::Mined(number / MINED)),
        ];
        all.into_iter().flatten()
    }
}

/// Two answers that are not the same: whose, about what, and where they differ first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference(pub String);

impl core::fmt::Display for Difference {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(&self.0)
    }
}

impl core::error::Error for Difference {}
