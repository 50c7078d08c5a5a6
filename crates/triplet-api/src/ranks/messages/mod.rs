//! What ranks send each other, as bytes: numbers with the lowest byte first.

mod found;
mod rows;
mod sums;
mod triplets;

pub(super) use found::{Found, exchange_candidates};
pub(super) use rows::gather_rows;
pub(super) use sums::{agree, exchange_sums};
pub(super) use triplets::exchange_triplets;

use super::{Exchange, RankError, Shard, Stage};
use crate::{Result, ranks::engine::Parties};
use triplet_core::{NO_ROW, Problem, Real};

/// Bytes in front of a message that say whether its rank could go on.
const STATUS: usize = 8;

/// A message that starts with its status.
fn with_status(failed: bool, bytes: usize) -> Vec<u8> {
    let mut message = Vec::with_capacity(STATUS + bytes);
    message.extend(u64::from(failed).to_le_bytes());
    message
}

/// Refuses to go on if a rank could not; else the messages without their status.
fn check_status<'m>(stage: Stage, all: &'m [u8], lengths: &[usize], own: usize) -> Result<Vec<&'m [u8]>> {
    let mut rest = all;
    let mut messages = Vec::with_capacity(lengths.len());
    let mut stopped = None;
    for (rank, &length) in lengths.iter().enumerate() {
        let (status, message) =
            rest.split_off(..length).unwrap_or_default().split_at_checked(STATUS).unwrap_or_default();
        if status.iter().any(|&byte| byte != 0) && (stopped.is_none() || stopped == Some(own)) {
            stopped = Some(rank);
        }
        messages.push(message);
    }
    stopped.map_or(Ok(messages), |rank| Err(RankError::Stopped { rank, stage }.into()))
}

/// Whose message, and in which exchange.
type From = (usize, Stage);

/// Refuses a row that the batch does not have.
fn check_rows((rank, stage): From, rows: &[u32], in_all: usize) -> Result<()> {
    let has = |row: u32| row == NO_ROW || (row as usize) < in_all;
    match rows.iter().find(|&&row| !has(row)) {
        None => Ok(()),
        Some(row) => Err(RankError::Damaged { rank, stage, what: format!("row {row} of {in_all}") }.into()),
    }
}

/// Refuses a number that is no distance, nor a sum of terms.
fn check_numbers<T: Real>((rank, stage): From, numbers: &[T]) -> Result<()> {
    match numbers.iter().map(|number| number.to_f64()).find(|number| number.is_nan() || *number < 0.0) {
        None => Ok(()),
        Some(number) => Err(RankError::Damaged { rank, stage, what: format!("the number {number}") }.into()),
    }
}

/// Refuses to count more triplets than there are.
fn check_counts((rank, stage): From, counts: [u64; 2], slots: usize) -> Result<()> {
    match counts.iter().find(|&&count| count > slots as u64) {
        None => Ok(()),
        Some(count) => {
            Err(RankError::Damaged { rank, stage, what: format!("{count} of {slots} triplets") }.into())
        }
    }
}

/// The whole numbers in some bytes.
pub(super) fn read_numbers(bytes: &[u8]) -> impl Iterator<Item = u64> + '_ {
    bytes.as_chunks::<8>().0.iter().map(|&bytes| u64::from_le_bytes(bytes))
}

/// How rows are written: in two bytes each where all fit, else in four; all ones stand for none.
#[derive(Clone, Copy)]
struct RowBytes(usize);

impl RowBytes {
    fn of<T: Real>(problem: &Problem<'_, T>) -> Self {
        Self(if problem.anchors().len() < usize::from(u16::MAX) { 2 } else { 4 })
    }

    fn write(self, rows: impl Iterator<Item = u32>, out: &mut Vec<u8>) {
        rows.for_each(|row| out.extend_from_slice(&row.to_le_bytes()[..self.0]));
    }

    fn read(self, bytes: &[u8]) -> impl Iterator<Item = u32> + '_ {
        bytes.chunks_exact(self.0).map(|bytes| match *bytes {
            [u8::MAX, u8::MAX] => NO_ROW,
            [low, high] => u32::from(u16::from_le_bytes([low, high])),
            _ => bytes.try_into().map_or(NO_ROW, u32::from_le_bytes),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_read_as_they_were_written() {
        let rows = [0, 1, 65_533, NO_ROW];
        for (bytes, more) in [(2, &[][..]), (4, &[65_535, 1 << 31][..])] {
            let rows: Vec<u32> = rows.iter().chain(more).copied().collect();
            let mut written = Vec::new();
            RowBytes(bytes).write(rows.iter().copied(), &mut written);
            assert_eq!(written.len(), bytes * rows.len());
            assert_eq!(RowBytes(bytes).read(&written).collect::<Vec<_>>(), rows);
        }
    }

    #[test]
    fn what_no_rank_has_is_refused_by_name() {
        let from = (3, Stage::Triplets);
        let says = |refused: Result<()>| refused.map_err(|error| error.to_string());
        assert_eq!(says(check_rows(from, &[0, 4, NO_ROW], 5)), Ok(()));
        assert_eq!(says(check_numbers(from, &[0.0_f32, -0.0, f32::INFINITY])), Ok(()));
        assert_eq!(says(check_counts(from, [7, 0], 7)), Ok(()));
        for (refused, what) in [
            (check_rows(from, &[0, 5], 5), "row 5 of 5"),
            (check_numbers(from, &[1.0, f64::NAN]), "the number NaN"),
            (check_numbers(from, &[-1.0_f32]), "the number -1"),
            (check_counts(from, [0, 8], 7), "8 of 7 triplets"),
        ] {
            let text = says(refused).unwrap_err();
            assert!(text.starts_with(&format!("rank 3 sent {what}, which no rank has")), "{text}");
        }
    }
}
