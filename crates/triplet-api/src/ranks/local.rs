//! Ranks that are threads of one process.

use super::{Exchange, ExchangeError, Stage};
use std::sync::mpsc::{Receiver, Sender, channel};

/// One of several threads that exchange bytes through channels; dropping it is the death of a rank.
///
/// ```
/// use triplet_api::{TripletSemiHardLoss, Workspace, ranks::{Local, Ranks, Shard}};
/// let (rows, labels) = ([0.0_f32, 1.0, 1.5, 3.0], [0, 0, 1, 2]);
/// // Two ranks: rows 0 to 2, and row 3.
/// let losses: Vec<f32> = std::thread::scope(|scope| {
///     let ranks = Local::group(2).into_iter().zip([0..3, 3..4]);
///     let threads: Vec<_> = ranks.map(|(mut exchange, own)| {
///         let shard = Shard::new(&rows[own.clone()], 1, &labels[own]);
///         scope.spawn(move || {
///             let (mut ranks, mut workspace) = (Ranks::default(), Workspace::default());
///             let loss = TripletSemiHardLoss::default();
///             let gathered = ranks.gather(&loss, shard, &mut exchange)?;
///             let result = gathered.evaluate(&loss, &mut exchange, &mut workspace)?;
///             Ok(result.loss())
///         })
///     }).collect();
///     threads.into_iter().map(|thread| thread.join().unwrap()).collect::<triplet_api::Result<_>>()
/// })?;
/// assert_eq!(losses, [0.0, 0.0]); // max(1 + 1 - 2.25, 0) and max(1 + 1 - 4, 0), on both
/// # Ok::<(), triplet_api::Error>(())
/// ```
#[derive(Debug)]
pub struct Local {
    rank: usize,
    to: Vec<Sender<Vec<u8>>>,
    from: Vec<Receiver<Vec<u8>>>,
}

impl Local {
    /// So many ranks, connected to each other.
    #[must_use]
    pub fn group(ranks: usize) -> Vec<Self> {
        let mut all: Vec<Self> =
            (0..ranks).map(|rank| Self { rank, to: Vec::new(), from: Vec::new() }).collect();
        for from in 0..ranks {
            for to in 0..ranks {
                let (sender, receiver) = channel();
                all[from].to.push(sender);
                all[to].from.push(receiver);
            }
        }
        all
    }

    fn exchange<'p>(
        &mut self,
        parts: impl Iterator<Item = &'p [u8]>,
        received: &mut [u8],
        expected: &[usize],
    ) -> Result<(), ExchangeError> {
        let mut lost = Vec::new();
        for (to, part) in self.to.iter().zip(parts) {
            // Whoever is gone is noticed below.
            let _ = to.send(part.to_vec());
        }
        let mut rest = received;
        for (rank, (from, &length)) in self.from.iter().zip(expected).enumerate() {
            let place = rest.split_off_mut(..length).unwrap_or_default();
            match from.recv() {
                Ok(bytes) if bytes.len() == length => place.copy_from_slice(&bytes),
                _ => lost.push(rank),
            }
        }
        if lost.is_empty() {
            return Ok(());
        }
        Err(ExchangeError { ranks: lost, reason: "its thread has ended".into() })
    }
}

impl Exchange for Local {
    fn rank(&self) -> usize {
        self.rank
    }

    fn ranks(&self) -> usize {
        self.from.len()
    }

    fn all_gather(
        &mut self,
        _stage: Stage,
        own: &[u8],
        lengths: &[usize],
        all: &mut [u8],
    ) -> Result<(), ExchangeError> {
        self.exchange(core::iter::repeat(own), all, lengths)
    }

    fn all_to_all(
        &mut self,
        _stage: Stage,
        (parts, lengths): (&[u8], &[usize]),
        (received, expected): (&mut [u8], &[usize]),
    ) -> Result<(), ExchangeError> {
        let mut rest = parts;
        let parts = lengths.iter().map(move |&length| rest.split_off(..length).unwrap_or_default());
        self.exchange(parts, received, expected)
    }
}
