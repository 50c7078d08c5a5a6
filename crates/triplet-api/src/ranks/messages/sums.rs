//! Sums of anchors, of ranks that search for their own rows alone; and whether gradients are finite.

use super::{
    Exchange, Parties, RankError, Result, STATUS, Stage, check_numbers, check_status, read_numbers,
    with_status,
};
use triplet_core::{Real, Triplets};
use triplet_simd::Element;

/// Gives all ranks the sums of each one's anchors, and what they count; with them a digest of the candidates, which all
/// must have alike.
pub(in crate::ranks) fn exchange_sums<T: Element>(
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
        let mut numbers = read_numbers(numbers);
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
        // How many triplets another rank's anchors have is known to that rank alone.
        out.counts.violating = out.counts.violating.saturating_add(violating);
        out.counts.fallbacks = out.counts.fallbacks.saturating_add(fallbacks);
        let first = out.sums.len();
        f64::read_le(sums, &mut out.sums);
        check_numbers((rank, stage), &out.sums[first..])?;
    }
    Ok(())
}

/// Tells the others whether this rank's gradient is finite.
pub(in crate::ranks) fn agree(
    parties: &Parties<'_>,
    exchange: &mut dyn Exchange,
    failed: bool,
) -> Result<()> {
    let stage = Stage::Gradient;
    let lengths = vec![STATUS; parties.count()];
    let mut all = vec![0; STATUS * parties.count()];
    exchange
        .all_gather(stage, &with_status(failed, 0), &lengths, &mut all)
        .map_err(RankError::lost(stage))?;
    check_status(stage, &all, &lengths, parties.rank).map(|_| ())
}
