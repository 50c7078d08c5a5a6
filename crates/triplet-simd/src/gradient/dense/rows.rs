//! The counts of a block's rows as entries of their chains.

use super::{
    super::{RowPairs, source::Mined, tally::both_sides},
    counts::{PairCounts, RowCounts},
};
use crate::{
    cpu::isa::Element,
    gradient::entries::Appended,
    gram::block::PackedRows,
    lanes::{Kernel, Lanes},
};
use triplet_core::real::Key;

/// Appends the pairs of some rows of a block that was counted, and leaves zeros.
pub(super) struct AddUpBlock<'a, T: Element> {
    pub(super) mined: &'a Mined<'a, T>,
    /// The packed rows, where coefficients depend on distances that were not kept.
    pub(super) source: Option<PackedRows<'a, T>>,
    pub(super) first_of_block: usize,
    pub(super) rows: &'a [u32],
    pub(super) counts: &'a mut PairCounts<T>,
    pub(super) pairs: RowPairs<'a, T>,
}

impl<T: Element> Kernel<T> for AddUpBlock<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes<Real = T>>(self, lanes: L) {
        let Self { mined, source, first_of_block, rows, counts, pairs } = self;
        let RowPairs { entries, unconsumed, distances, .. } = pairs;
        let problem = mined.problem;
        let (positions, batch) = (problem.classes().positions(), problem.candidates().len());
        let needs_distance = problem.distance().needs_pair_distance();
        entries.clear();
        unconsumed.clear();
        for (index, &row) in rows.iter().enumerate() {
            if let Some(source) = source
                && index % L::TILE_ROWS == 0
            {
                let some = &rows[index..rows.len().min(index + L::TILE_ROWS)];
                distances.compute(lanes, problem.anchors(), source, some);
            }
            let keys = source.map(|_| distances.of(index % L::TILE_ROWS));
            let RowCounts { own, other, values } = counts.of(row as usize - first_of_block);
            let start = entries.len();
            let Appended { rows, coefficients, strengths } = entries.append(batch);
            let mut len = 0;
            each_counted(lanes, own, other, |m, sides| {
                let sum = both_sides(sides, mined.scale.weights, [row, m]);
                rows[len] = m;
                coefficients[len] = if needs_distance {
                    strengths[len] = sum;
                    match keys {
                        Some(keys) => T::from_key(keys[positions[m as usize] as usize]),
                        None => values[m as usize],
                    }
                } else {
                    T::from_f64(sum)
                };
                len += 1;
            });
            own.fill(Key::ZERO);
            other.fill(Key::ZERO);
            entries.truncate(start + len);
            unconsumed.push(start..start + len);
        }
    }
}

/// Calls `take(m, [own, other])` for every other row with a count, ascending.
#[inline(always)]
fn each_counted<L: Lanes>(
    lanes: L,
    own: &[<L::Real as triplet_core::Real>::Key],
    other: &[<L::Real as triplet_core::Real>::Key],
    mut take: impl FnMut(u32, [f64; 2]),
) {
    let zero = lanes.splat_key(Key::ZERO);
    let nonzero = |counts: &[_]| -> u64 {
        let mut zeros = 0;
        for (n, counts) in counts.chunks_exact(L::LEN).enumerate() {
            zeros |= u64::from(lanes.bits(lanes.equal(lanes.load_keys(counts), zero))) << (n * L::LEN);
        }
        !zeros
    };
    let signed = |count: <L::Real as triplet_core::Real>::Key| f64::from(count.to_row() as i32);
    for (word, first) in own.chunks_exact(64).zip((0..).step_by(64)) {
        let others = other.get(first..first + 64);
        let mut left = nonzero(word) | others.map_or(0, nonzero);
        while left != 0 {
            let at = left.trailing_zeros() as usize;
            left &= left - 1;
            take((first + at) as u32, [signed(word[at]), others.map_or(0.0, |others| signed(others[at]))]);
        }
    }
}
