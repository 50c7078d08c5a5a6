//! What each rank found for the rows of the others.

use super::{
    Exchange, Parties, RankError, Result, RowBytes, STATUS, Stage, check_numbers, check_rows, check_status,
    with_status,
};
use triplet_core::{
    Problem, Triplets,
    shares::{WholeUnits, shared_slots},
};
use triplet_simd::Element;

/// What every rank found for the slots of this one's anchors.
pub(in crate::ranks) struct Found<T> {
    pub(in crate::ranks) rows: Vec<Vec<u32>>,
    /// The ranking values, if triplets keep distances.
    pub(in crate::ranks) values: Option<Vec<Vec<T>>>,
}

/// Gives each rank what this one found for its rows, and gets what the others found for this one's; with ranking
/// values, if `keeps` says that all ranks keep distances. Without triplets, this rank cannot go on.
pub(in crate::ranks) fn exchange_candidates<T: Element>(
    problem: &Problem<'_, T>,
    (whole, keeps): (&WholeUnits, bool),
    parties: &Parties<'_>,
    exchange: &mut dyn Exchange,
    triplets: Option<&Triplets<T>>,
) -> Result<Found<T>> {
    let stage = Stage::Candidates;
    let row_bytes = RowBytes::of(problem);
    let of_slot = row_bytes.0 + if keeps { size_of::<T>() } else { 0 };
    let slots = |rank: usize| shared_slots(problem, whole, parties.rows(rank));
    let lengths: Vec<usize> =
        (0..parties.count()).map(|rank| STATUS + of_slot * slots(rank).count()).collect();
    let expected = vec![lengths[parties.rank]; parties.count()];
    let mut parts = Vec::with_capacity(lengths.iter().sum());
    for (rank, &length) in lengths.iter().enumerate() {
        let mut part = with_status(triplets.is_none(), length);
        if let Some(triplets) = triplets {
            row_bytes.write(slots(rank).map(|slot| triplets.negatives[slot]), &mut part);
            if keeps {
                let values: Vec<T> = slots(rank).map(|slot| triplets.negative_distances[slot]).collect();
                T::write_le(&values, &mut part);
            }
        }
        part.resize(length, 0);
        parts.append(&mut part);
    }
    let mut received = vec![0; expected.iter().sum()];
    exchange
        .all_to_all(stage, (&parts, &lengths), (&mut received, &expected))
        .map_err(RankError::lost(stage))?;
    let own = slots(parties.rank).count();
    let (mut rows, mut values) = (Vec::new(), Vec::new());
    for (rank, message) in check_status(stage, &received, &expected, parties.rank)?.into_iter().enumerate() {
        let (of_rows, of_values) = message.split_at_checked(row_bytes.0 * own).unwrap_or_default();
        let (list, mut of_list) = (row_bytes.read(of_rows).collect::<Vec<_>>(), Vec::new());
        check_rows((rank, stage), &list, problem.anchors().len())?;
        T::read_le(of_values, &mut of_list);
        check_numbers((rank, stage), &of_list)?;
        rows.push(list);
        values.push(of_list);
    }
    Ok(Found { rows, values: keeps.then_some(values) })
}
