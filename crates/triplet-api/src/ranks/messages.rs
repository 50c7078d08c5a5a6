//! What ranks send each other, as bytes: numbers with the lowest byte first.

use super::{Exchange, ExchangeError, RankError, Shard, Stage};
use crate::{Result, ranks::engine::Parties};
use triplet_core::{
    NO_ROW, Problem, Real, Triplets,
    shares::{WholeUnits, shared_slots},
};
use triplet_simd::Element;

/// Bytes in front of a message that say whether its rank could go on.
const STATUS: usize = 8;

/// Every rank's rows, labels and weights to all.
pub(super) fn gather_rows<T: Element>(
    shard: Shard<'_, T>,
    (counts, width): (&[usize], usize),
    exchange: &mut dyn Exchange,
    (rows, labels, weights, marks): (&mut Vec<T>, &mut Vec<i64>, &mut Vec<f64>, &mut Vec<bool>),
) -> core::result::Result<(), ExchangeError> {
    let of_weight = if shard.weights.is_some() { 8 } else { 0 };
    let of_mark = usize::from(shard.marks.is_some());
    let of_row = width * size_of::<T>() + 8 + of_weight + of_mark;
    let lengths: Vec<usize> = counts.iter().map(|count| count * of_row).collect();
    let mut own = Vec::with_capacity(shard.labels.len() * of_row);
    T::write_le(shard.embeddings, &mut own);
    own.extend(shard.labels.iter().flat_map(|label| label.to_le_bytes()));
    f64::write_le(shard.weights.unwrap_or(&[]), &mut own);
    own.extend(shard.marks.unwrap_or(&[]).iter().map(|&mark| u8::from(mark)));
    let mut all = vec![0; lengths.iter().sum()];
    exchange.all_gather(Stage::Rows, &own, &lengths, &mut all)?;
    rows.clear();
    labels.clear();
    weights.clear();
    marks.clear();
    let mut rest = &all[..];
    for &count in counts {
        let mut take = |bytes: usize| rest.split_off(..count * bytes).unwrap_or_default();
        T::read_le(take(width * size_of::<T>()), rows);
        labels.extend(take(8).as_chunks::<8>().0.iter().map(|&bytes| i64::from_le_bytes(bytes)));
        f64::read_le(take(of_weight), weights);
        marks.extend(take(of_mark).iter().map(|&mark| mark != 0));
    }
    Ok(())
}

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

/// Gives each rank what this one found for its rows: of each rank, the candidates of this one's own. `None` says that
/// this rank cannot go on.
pub(super) fn exchange_candidates<T: Element>(
    problem: &Problem<'_, T>,
    whole: &WholeUnits,
    parties: &Parties<'_>,
    exchange: &mut dyn Exchange,
    found: Option<&Triplets<T>>,
) -> Result<Vec<Vec<u32>>> {
    let stage = Stage::Candidates;
    let row_bytes = RowBytes::of(problem);
    let slots = |rank: usize| shared_slots(problem, whole, parties.rows(rank));
    let bytes = |rank: usize| STATUS + row_bytes.0 * slots(rank).count();
    let lengths: Vec<usize> = (0..parties.count()).map(bytes).collect();
    let expected = vec![lengths[parties.rank]; parties.count()];
    let mut parts = Vec::with_capacity(lengths.iter().sum());
    for (rank, &length) in lengths.iter().enumerate() {
        let mut part = with_status(found.is_none(), length);
        match found {
            Some(found) => row_bytes.write(slots(rank).map(|slot| found.negatives[slot]), &mut part),
            None => part.resize(length, 0),
        }
        parts.append(&mut part);
    }
    let mut received = vec![0; expected.iter().sum()];
    exchange
        .all_to_all(stage, (&parts, &lengths), (&mut received, &expected))
        .map_err(RankError::lost(stage))?;
    let messages = check_status(stage, &received, &expected, parties.rank)?;
    Ok(messages.into_iter().map(|message| row_bytes.read(message).collect()).collect())
}

/// Gives all ranks the triplets of each one's rows, and `triplets` those of the others: with the distances of the
/// negatives, which make flags and sums follow, or with flags and sums alone.
pub(super) fn exchange_triplets<T: Element>(
    problem: &Problem<'_, T>,
    parties: &Parties<'_>,
    exchange: &mut dyn Exchange,
    triplets: &mut Triplets<T>,
) -> Result<()> {
    let stage = Stage::Triplets;
    let (keeps, row_bytes) = (triplets.keeps_distances(), RowBytes::of(problem));
    let positions = |rank: usize| parties.rows(rank).map(|row| problem.position_of(row as u32));
    let slots = |rank| positions(rank).flat_map(|position| problem.slots().of(position));
    let bytes = |rank: usize| {
        let slots = slots(rank).count();
        let of_terms = if keeps {
            size_of::<T>() * slots
        } else {
            slots.div_ceil(8) + 8 * parties.rows(rank).len() + 16
        };
        STATUS + row_bytes.0 * slots + of_terms
    };
    let lengths: Vec<usize> = (0..parties.count()).map(bytes).collect();
    let mut own = with_status(false, lengths[parties.rank]);
    row_bytes.write(slots(parties.rank).map(|slot| triplets.negatives[slot]), &mut own);
    if keeps {
        let distances: Vec<T> = slots(parties.rank).map(|slot| triplets.negative_distances[slot]).collect();
        T::write_le(&distances, &mut own);
    } else {
        let counts = [triplets.counts.violating, triplets.counts.fallbacks];
        own.extend(counts.into_iter().flat_map(u64::to_le_bytes));
        let sums: Vec<f64> = positions(parties.rank).map(|position| triplets.sums[position]).collect();
        f64::write_le(&sums, &mut own);
        write_flags(problem, positions(parties.rank), triplets, &mut own);
    }
    let mut all = vec![0; lengths.iter().sum()];
    exchange.all_gather(stage, &own, &lengths, &mut all).map_err(RankError::lost(stage))?;
    let messages = check_status(stage, &all, &lengths, parties.rank)?;
    triplets.counts = Default::default();
    for (rank, message) in messages.into_iter().enumerate() {
        let mut rest = message;
        let mut take = |bytes: usize| rest.split_off(..bytes).unwrap_or_default();
        let negatives = take(row_bytes.0 * slots(rank).count());
        slots(rank).zip(row_bytes.read(negatives)).for_each(|(slot, row)| triplets.negatives[slot] = row);
        if keeps {
            let mut distances = Vec::new();
            T::read_le(take(size_of::<T>() * slots(rank).count()), &mut distances);
            slots(rank).zip(distances).for_each(|(slot, value)| triplets.negative_distances[slot] = value);
        } else {
            let mut count =
                || take(8).as_chunks::<8>().0.first().map_or(0, |&bytes| u64::from_le_bytes(bytes));
            triplets.counts.violating += count();
            triplets.counts.fallbacks += count();
            let mut sums = Vec::new();
            f64::read_le(take(8 * parties.rows(rank).len()), &mut sums);
            positions(rank).zip(sums).for_each(|(position, sum)| triplets.sums[position] = sum);
            let flags = take(slots(rank).count().div_ceil(8));
            read_flags(problem, positions(rank), flags, triplets);
        }
    }
    if keeps {
        evaluate_all(problem, triplets);
    }
    Ok(())
}

/// Appends the flags of the slots of some anchors, eight a byte.
fn write_flags<T: Real>(
    problem: &Problem<'_, T>,
    positions: impl Iterator<Item = usize>,
    triplets: &Triplets<T>,
    out: &mut Vec<u8>,
) {
    let mut next = 0;
    for position in positions {
        for rank in 0..problem.slots().of(position).len() {
            if next % 8 == 0 {
                out.push(0);
            }
            if let Some(last) = out.last_mut() {
                *last |= u8::from(triplets.has_gradient(problem, position, rank)) << (next % 8);
            }
            next += 1;
        }
    }
}

fn read_flags<T: Real>(
    problem: &Problem<'_, T>,
    positions: impl Iterator<Item = usize>,
    bytes: &[u8],
    triplets: &mut Triplets<T>,
) {
    let mut next = 0;
    for position in positions {
        let words = &mut triplets.has_gradient[problem.slots().flag_words(position)];
        words.fill(0);
        for rank in 0..problem.slots().of(position).len() {
            let flag = bytes.get(next / 8).is_some_and(|byte| byte >> (next % 8) & 1 == 1);
            words[rank / 64] |= u64::from(flag) << (rank % 64);
            next += 1;
        }
    }
}

/// Evaluates all triplets by their distances.
fn evaluate_all<T: Real>(problem: &Problem<'_, T>, triplets: &mut Triplets<T>) {
    let mut counts = triplets.counts;
    let positions = (0..problem.anchors().len()).map(|position| position..position + 1);
    for mut part in triplets.parts(problem, positions) {
        let position = part.positions().start;
        counts += part.anchor(problem, position).evaluate_terms(problem);
    }
    triplets.counts = counts;
}

/// Gives all ranks the sums of each one's anchors, and what they count; with them a digest of the candidates, which all
/// must have alike.
pub(super) fn exchange_sums<T: Element>(
    parties: &Parties<'_>,
    exchange: &mut dyn Exchange,
    own: Option<(&Triplets<T>, [u64; 2])>,
    out: &mut Triplets<T>,
) -> Result<()> {
    const NUMBERS: usize = 4;
    let stage = Stage::Triplets;
    let bytes = |rank: usize| STATUS + 8 * NUMBERS + 8 * parties.rows(rank).len();
    let lengths: Vec<usize> = (0..parties.count()).map(bytes).collect();
    let mut message = with_status(own.is_none(), lengths[parties.rank]);
    let digest = own.map_or([0; 2], |(_, digest)| digest);
    if let Some((own, _)) = own {
        let numbers = [digest[0], digest[1], own.counts.violating, own.counts.fallbacks];
        message.extend(numbers.into_iter().flat_map(u64::to_le_bytes));
        f64::write_le(&own.sums, &mut message);
    }
    message.resize(lengths[parties.rank], 0);
    let mut all = vec![0; lengths.iter().sum()];
    exchange.all_gather(stage, &message, &lengths, &mut all).map_err(RankError::lost(stage))?;
    out.sums.clear();
    let messages = check_status(stage, &all, &lengths, parties.rank)?;
    for (rank, message) in messages.into_iter().enumerate() {
        let (numbers, sums) = message.split_at_checked(8 * NUMBERS).unwrap_or_default();
        let mut numbers = numbers.as_chunks::<8>().0.iter().map(|&bytes| u64::from_le_bytes(bytes));
        let [rows, labels, violating, fallbacks] = core::array::from_fn(|_| numbers.next().unwrap_or(0));
        for (what, theirs, ours) in [
            ("candidates:", rows, digest[0]),
            ("candidates with labels and ids of digest", labels, digest[1]),
        ] {
            if theirs != ours {
                let [theirs, ours] = [theirs, ours].map(|number| number.to_string());
                return Err(RankError::Disagree { what, rank, theirs, own: parties.rank, ours }.into());
            }
        }
        out.counts.violating += violating;
        out.counts.fallbacks += fallbacks;
        f64::read_le(sums, &mut out.sums);
    }
    Ok(())
}

/// Tells the others whether this rank's gradient is finite.
pub(super) fn agree(parties: &Parties<'_>, exchange: &mut dyn Exchange, failed: bool) -> Result<()> {
    let stage = Stage::Gradient;
    let lengths = vec![STATUS; parties.count()];
    let mut all = vec![0; STATUS * parties.count()];
    exchange
        .all_gather(stage, &with_status(failed, 0), &lengths, &mut all)
        .map_err(RankError::lost(stage))?;
    check_status(stage, &all, &lengths, parties.rank).map(|_| ())
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
}
