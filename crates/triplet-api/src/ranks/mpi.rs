//! Ranks that are the processes of an MPI job.

use super::{Exchange, ExchangeError, Stage};
use mpi::{
    datatype::{Partition, PartitionMut},
    environment::Universe,
    topology::SimpleCommunicator,
    traits::{Communicator, CommunicatorCollectives},
};

/// All processes of the MPI job that this one was started in, by `mpirun -n 4` for example.
///
/// MPI ends the whole job when one of its processes dies, unless it was told otherwise.
pub struct Mpi {
    /// Ends MPI when it is dropped.
    _universe: Universe,
}

impl Mpi {
    /// Starts MPI in this process.
    ///
    /// # Errors
    /// Where it was started before, or cannot be.
    pub fn start() -> Result<Self, ExchangeError> {
        let universe = mpi::initialize().ok_or_else(|| failed("MPI was started before in this process"))?;
        Ok(Self { _universe: universe })
    }
}

impl Exchange for Mpi {
    fn rank(&self) -> usize {
        world().rank() as usize
    }

    fn ranks(&self) -> usize {
        world().size() as usize
    }

    fn all_gather(
        &mut self,
        _stage: Stage,
        own: &[u8],
        lengths: &[usize],
        all: &mut [u8],
    ) -> Result<(), ExchangeError> {
        let (counts, starts) = counts(lengths)?;
        world().all_gather_varcount_into(own, &mut PartitionMut::new(all, counts, starts));
        Ok(())
    }

    fn all_to_all(
        &mut self,
        _stage: Stage,
        (parts, lengths): (&[u8], &[usize]),
        (received, expected): (&mut [u8], &[usize]),
    ) -> Result<(), ExchangeError> {
        let (sent, sent_starts) = counts(lengths)?;
        let (counts, starts) = counts(expected)?;
        let sent = Partition::new(parts, sent, sent_starts);
        world().all_to_all_varcount_into(&sent, &mut PartitionMut::new(received, counts, starts));
        Ok(())
    }
}

/// The handle is no `Send`, so it is not kept.
fn world() -> SimpleCommunicator {
    SimpleCommunicator::world()
}

/// Lengths, and where each part starts, as MPI takes them.
fn counts(lengths: &[usize]) -> Result<(Vec<i32>, Vec<i32>), ExchangeError> {
    let all: usize = lengths.iter().sum();
    if i32::try_from(all).is_err() {
        return Err(failed("MPI counts bytes in 32 bits: all ranks' rows must take less than 2 GiB"));
    }
    let counts: Vec<i32> = lengths.iter().map(|&length| length as i32).collect();
    let starts = counts.iter().scan(0, |next, count| {
        let start = *next;
        *next += count;
        Some(start)
    });
    let starts = starts.collect();
    Ok((counts, starts))
}

fn failed(reason: &str) -> ExchangeError {
    ExchangeError { ranks: Vec::new(), reason: reason.to_owned() }
}
