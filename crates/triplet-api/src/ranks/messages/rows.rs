//! Rows, labels, weights and marks.

use super::{Exchange, RankError, Result, Shard, Stage, read_numbers};
use triplet_core::Real;
use triplet_simd::{Element, memory};

/// Every rank's rows, labels and weights to all.
pub(in crate::ranks) fn gather_rows<T: Element>(
    shard: Shard<'_, T>,
    (counts, width): (&[usize], usize),
    exchange: &mut dyn Exchange,
    (rows, labels, weights, marks): (&mut Vec<T>, &mut Vec<i64>, &mut Vec<f64>, &mut Vec<bool>),
) -> Result<()> {
    let of_weight = if shard.weights.is_some() { 8 } else { 0 };
    let of_mark = usize::from(shard.marks.is_some());
    let of_row = width * size_of::<T>() + 8 + of_weight + of_mark;
    let lengths: Vec<usize> = counts.iter().map(|count| count * of_row).collect();
    let mut own = Vec::with_capacity(shard.labels.len() * of_row);
    T::write_le(shard.embeddings, &mut own);
    own.extend(shard.labels.iter().flat_map(|label| label.to_le_bytes()));
    f64::write_le(shard.weights.unwrap_or(&[]), &mut own);
    own.extend(shard.marks.unwrap_or(&[]).iter().map(|&mark| u8::from(mark)));
    let length = lengths.iter().sum();
    // Refused if there cannot be as much. Pages that nobody writes take no memory: a transport notices first if a rank has
    // not the bytes that it tells of.
    memory::reserve::<u8>(length)?;
    let mut all = vec![0; length];
    exchange.all_gather(Stage::Rows, &own, &lengths, &mut all).map_err(RankError::lost(Stage::Rows))?;
    rows.clear();
    labels.clear();
    weights.clear();
    marks.clear();
    let mut rest = &all[..];
    for &count in counts {
        let mut take = |bytes: usize| rest.split_off(..count * bytes).unwrap_or_default();
        T::read_le(take(width * size_of::<T>()), rows);
        labels.extend(read_numbers(take(8)).map(u64::cast_signed));
        f64::read_le(take(of_weight), weights);
        marks.extend(take(of_mark).iter().map(|&mark| mark != 0));
    }
    Ok(())
}
