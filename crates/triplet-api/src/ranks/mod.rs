//! One batch whose rows several ranks hold: processes of a training job, or threads.
//!
//! Each rank has some rows of the batch, its shard; in the order of the ranks they are the batch. Loss, statistics and the
//! gradient to each rank's own rows, including what other ranks' anchors put on them, are those of one process that has all
//! rows, to the last bit. Shards may be of different sizes, and empty.
//!
//! | exchange | bytes that `W` ranks have to send each other, of `B` rows in all, `P` positive pairs; `r` is 2 below 65,535 rows, else 4 |
//! |---|---|
//! | settings and counts | `272 W` |
//! | rows, labels (and weights) | `4 B D + 8 B` (`+ 8 B`) |
//! | candidates for its own rows, with their distances: each pair of rows is looked at by one rank | `(r + 4) P` |
//! | triplets: negatives, flags and sums, or negatives and their distances | `r P + P / 8 + 8 B`, or `(r + 4) P` |
//!
//! Of the bytes, a rank has its own part already, and receives the share `(W - 1) / W`.
//!
//! Errors reach every rank: a rank whose input is refused tells the others, settings that differ are named, and who
//! dies is named by the others as soon as the transport notices.

mod call;
mod engine;
mod error;
mod exchange;
mod gathered;
mod header;
mod local;
mod messages;
#[cfg(feature = "mpi")]
mod mpi;
mod own_side;

pub use call::Ranks;
pub use error::RankError;
pub use exchange::{Exchange, ExchangeError, Stage};
pub use gathered::Gathered;
pub use header::HEADER_BYTES;
pub use local::Local;
#[cfg(feature = "mpi")]
pub use mpi::Mpi;

/// The rows of one rank, with a number each where there are weights.
#[derive(Debug, Clone, Copy)]
pub struct Shard<'a, T> {
    /// The rows `[B_r, D]`, row by row.
    pub embeddings: &'a [T],
    /// `D`; a rank without rows may have 0.
    pub width: usize,
    /// The labels `[B_r]`.
    pub labels: &'a [i64],
    /// Weights `[B_r]` of the rows, on every rank or on none.
    pub weights: Option<&'a [f64]>,
    /// What the rows will be compared with: all ranks must say the same.
    pub kind: Kind,
    /// A number that all ranks must have alike: of the state of a memory bank, say.
    pub digest: u64,
    /// Whether the gradient will be asked for. Where one rank does, all compute theirs.
    pub gradient: bool,
    /// Marks `[B_r]` that go with the rows and mean what the caller likes, such as rows that only enter a bank; on every
    /// rank or on none.
    pub marks: Option<&'a [bool]>,
}

impl<'a, T> Shard<'a, T> {
    /// Rows that all weigh the same.
    #[must_use]
    pub fn new(embeddings: &'a [T], width: usize, labels: &'a [i64]) -> Self {
        Self {
            embeddings,
            width,
            labels,
            weights: None,
            kind: Kind::Batch,
            digest: 0,
            gradient: true,
            marks: None,
        }
    }
}

triplet_core::named_enum! {
    /// What the rows of all ranks are compared with.
    ///
    /// ```
    /// use triplet_api::ranks::{Kind, Shard};
    /// let shard = Shard { kind: Kind::Bank, ..Shard::new(&[0.0_f32, 1.0], 1, &[0, 0]) };
    /// assert_eq!((shard.kind.name(), Kind::default()), ("memory bank", Kind::Batch));
    /// ```
    #[derive(Default)]
    pub enum Kind: "kind of call" {
        /// Each other.
        #[default]
        Batch = "batch",
        /// References that every rank has.
        References = "references",
        /// References, and ids say which of them a row is.
        ReferencesWithIds = "references with ids",
        /// A memory bank that every rank has.
        Bank = "memory bank",
        /// Nothing: they are numbers of the caller's own.
        Numbers = "numbers",
    }
}
