//! Errors of calls that several ranks make together.

use super::{ExchangeError, Stage};
use core::fmt;

/// What keeps several ranks from computing together. Every rank gets an error, none waits for another.
#[derive(Debug, Clone, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum RankError {
    /// Ranks that did not answer.
    #[error("{} did not answer while {stage} were exchanged: {reason}", Ranks(ranks))]
    Lost {
        /// Which, as far as is known.
        ranks: Vec<usize>,
        /// In which exchange.
        stage: Stage,
        /// What the transport says.
        reason: String,
    },
    /// A rank whose input is refused; it has the error itself.
    #[error("rank {rank} refused its input: {reason}")]
    Refused {
        /// Which.
        rank: usize,
        /// Its error, cut to what fits.
        reason: String,
    },
    /// A rank that could not go on, for want of memory for example; it has the error itself.
    #[error("rank {rank} stopped before {stage} were exchanged: its own message says why")]
    Stopped {
        /// Which.
        rank: usize,
        /// Before which exchange.
        stage: Stage,
    },
    /// A message that no rank with this batch writes: of another program, or changed on its way.
    #[error(
        "rank {rank} sent {what}, which no rank has, when {stage} were exchanged: all ranks need the same version, and a transport that \
         does not change bytes"
    )]
    Damaged {
        /// Whose message.
        rank: usize,
        /// In which exchange.
        stage: Stage,
        /// What is wrong with it.
        what: String,
    },
    /// Ranks that were called with different settings.
    #[error("rank {rank} has {what} {theirs}, but rank {own} has {ours}: all ranks must be given the same")]
    Disagree {
        /// What differs.
        what: &'static str,
        /// The other rank.
        rank: usize,
        /// What it has.
        theirs: String,
        /// This rank.
        own: usize,
        /// What it has.
        ours: String,
    },
}

impl RankError {
    /// Of an exchange in some stage.
    pub(super) fn lost(stage: Stage) -> impl Fn(ExchangeError) -> Self {
        move |ExchangeError { ranks, reason }| Self::Lost { ranks, stage, reason }
    }
}

/// Ranks for people.
struct Ranks<'a>(&'a [usize]);

impl fmt::Display for Ranks<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            [] => f.write_str("some rank"),
            [rank] => write!(f, "rank {rank}"),
            [others @ .., last] => {
                let others: Vec<String> = others.iter().map(ToString::to_string).collect();
                write!(f, "ranks {} and {last}", others.join(", "))
            }
        }
    }
}
