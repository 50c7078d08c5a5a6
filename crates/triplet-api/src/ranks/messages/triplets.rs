//! The triplets of each rank's rows.

use super::{
    Exchange, Parties, RankError, Result, RowBytes, STATUS, Stage, check_counts, check_numbers, check_rows,
    check_status, read_numbers, with_status,
};
use triplet_core::{Problem, Real, Triplets};
use triplet_simd::Element;

/// Gives all ranks the triplets of each one's rows, and `triplets` those of the others: with the distances of the
/// negatives, which make flags and sums follow, or with flags and sums alone.
pub(in crate::ranks) fn exchange_triplets<T: Element>(
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
        let negatives: Vec<u32> = row_bytes.read(take(row_bytes.0 * slots(rank).count())).collect();
        check_rows((rank, stage), &negatives, problem.anchors().len())?;
        slots(rank).zip(negatives).for_each(|(slot, row)| triplets.negatives[slot] = row);
        if keeps {
            let mut distances = Vec::new();
            T::read_le(take(size_of::<T>() * slots(rank).count()), &mut distances);
            check_numbers((rank, stage), &distances)?;
            slots(rank).zip(distances).for_each(|(slot, value)| triplets.negative_distances[slot] = value);
        } else {
            let mut counts = read_numbers(take(16));
            let counts = core::array::from_fn(|_| counts.next().unwrap_or(0));
            check_counts((rank, stage), counts, slots(rank).count())?;
            triplets.counts.violating += counts[0];
            triplets.counts.fallbacks += counts[1];
            let mut sums = Vec::new();
            f64::read_le(take(8 * parties.rows(rank).len()), &mut sums);
            check_numbers((rank, stage), &sums)?;
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
