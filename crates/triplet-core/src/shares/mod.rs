//! A square batch whose search is shared out: which pairs of rows each rank looks at.
//!
//! Positions are cut into units of [`UNIT`], the pairs of units at or right of the diagonal into strips of some units,
//! and each strip among all ranks, so that a rank looks at its share of the pairs once, for both of their rows. Anchors
//! of large classes ([`WholeUnits`]) are searched whole instead, by the rank whose rows they are. Nothing here depends on an
//! instruction set: ranks on different machines cut the same way.
//!
//! 1. [`crate::Engine::mine_share`]: the best candidates of every anchor among a rank's pairs.
//! 2. The ranks exchange them, each getting what was found for its own rows.
//! 3. [`merge()`]: the best of these, and the terms of its own anchors.
//! 4. The ranks exchange them again, and have the triplets of the whole batch.
//! 5. [`crate::Engine::gradient_of_rows`]: the gradient of its own rows.

mod merge;

pub use merge::{Merging, merge};

use crate::{Problem, Real};
use core::ops::Range;

/// Positions that are given to one rank together; a multiple of the panel of every instruction set.
pub const UNIT: usize = 48;
/// Triplets an anchor from which on it is searched alone, against every row.
pub const LARGE_SLOTS: usize = 64;
/// Units of a strip at most.
const MOST_UNITS: usize = 8;
/// Pieces that there should be for each rank.
const PIECES_A_RANK: usize = 8;

/// What one of several ranks searches of a square batch.
///
/// ```
/// use triplet_core::shares::Share;
/// // The pairs of units of 480 positions, of three ranks that have 160 rows each.
/// let mut owners = [[0; 10]; 10];
/// for rank in 0..3 {
///     let share = Share { rank, ranks: 3, rows: rank * 160..(rank + 1) * 160 };
///     for (rows, columns) in share.pieces(480) {
///         for row in rows {
///             (columns.start.max(row)..columns.end).for_each(|column| owners[row][column] += 1);
///         }
///     }
/// }
/// // Each at or right of the diagonal belongs to one.
/// assert!((0..10).all(|row| (0..10).all(|column| owners[row][column] == usize::from(column >= row))));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Share {
    /// Which of them.
    pub rank: usize,
    /// How many there are.
    pub ranks: usize,
    /// Its own rows, by original row.
    pub rows: Range<usize>,
}

impl Share {
    /// The units of rows and of columns of each of its rectangles, of a batch of so many rows; pairs of units left of
    /// the diagonal are nobody's.
    pub fn pieces(&self, rows: usize) -> impl Iterator<Item = (Range<usize>, Range<usize>)> + Send + use<> {
        let (rank, ranks) = (self.rank, self.ranks.max(1));
        let units = rows.div_ceil(UNIT);
        let pairs = units * (units + 1) / 2;
        let height = (pairs / (4 * PIECES_A_RANK * ranks)).isqrt().clamp(1, MOST_UNITS);
        (0..units).step_by(height).enumerate().filter_map(move |(strip, top)| {
            // Parts are not equally long: nobody has the longest of every strip.
            let (part, columns) = ((rank + strip) % ranks, units - top);
            let columns = top + columns * part / ranks..top + columns * (part + 1) / ranks;
            (!columns.is_empty()).then(|| (top..units.min(top + height), columns))
        })
    }

    /// Whether an original row is one of its own.
    #[must_use]
    pub fn owns(&self, row: u32) -> bool {
        self.rows.contains(&(row as usize))
    }
}

/// Which units of a square batch are searched anchor by anchor, since one of their anchors has [`LARGE_SLOTS`] triplets.
///
/// ```
/// use triplet_core::{Batch, Objective, Problem, ProblemBuffers, shares::WholeUnits};
/// let labels: Vec<i64> = (0..192).map(|row| if row < 70 { 0 } else { row }).collect();
/// let rows = vec![0.0_f32; 192];
/// let batch = Batch::new(&rows, 1, &labels)?;
/// let objective = Objective { distance: Default::default(), rule: Default::default(), margin: 1.0 };
/// let mut buffers = ProblemBuffers::default();
/// let whole = WholeUnits::of(&Problem::new(&batch, objective, &mut buffers)?);
/// assert!(whole.any() && whole.contains(95) && !whole.contains(96));
/// # Ok::<(), triplet_core::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WholeUnits(Vec<bool>);

impl WholeUnits {
    /// Those of a problem.
    #[must_use]
    pub fn of<T: Real>(problem: &Problem<'_, T>) -> Self {
        let mut units = Self::default();
        units.rebuild(problem);
        units
    }

    /// Becomes those of a problem.
    pub fn rebuild<T: Real>(&mut self, problem: &Problem<'_, T>) {
        let rows = problem.anchors().len();
        // No anchor has more triplets than the largest class rows: most batches need not be looked through.
        let may_be_large = problem.classes().largest() >= LARGE_SLOTS;
        let slots = |position| problem.slots().of(position).len();
        let is_large = |unit: usize| {
            may_be_large
                && (unit * UNIT..rows.min((unit + 1) * UNIT)).any(|position| slots(position) >= LARGE_SLOTS)
        };
        self.0.clear();
        self.0.extend((0..rows.div_ceil(UNIT)).map(is_large));
    }

    /// Becomes those of so many anchors none of which is searched alone.
    pub fn clear(&mut self, anchors: usize) {
        self.0.clear();
        self.0.resize(anchors.div_ceil(UNIT), false);
    }

    /// Whether the anchor at a position is searched alone.
    #[inline]
    #[must_use]
    pub fn contains(&self, position: usize) -> bool {
        self.0[position / UNIT]
    }

    /// Whether any is.
    #[must_use]
    pub fn any(&self) -> bool {
        self.0.contains(&true)
    }
}

/// The slots of the anchors among some original rows that are not searched alone, row by row.
pub fn shared_slots<'a, T: Real>(
    problem: &'a Problem<'_, T>,
    whole: &'a WholeUnits,
    rows: Range<usize>,
) -> impl Iterator<Item = usize> + 'a {
    rows.map(|row| problem.position_of(row as u32))
        .filter(|&position| !whole.contains(position))
        .flat_map(|position| problem.slots().of(position))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pair_of_units_has_one_rank_and_ranks_have_equal_shares() {
        for (rows, ranks) in
            [(0_usize, 2), (1, 1), (47, 3), (500, 1), (500, 2), (4096, 4), (4096, 7), (9600, 64)]
        {
            let units = rows.div_ceil(UNIT);
            let mut seen = vec![0_u32; units * units];
            let mut counts = vec![0; ranks];
            for (rank, count) in counts.iter_mut().enumerate() {
                for (rows, columns) in (Share { rank, ranks, rows: 0..0 }).pieces(rows) {
                    for row in rows {
                        for column in columns.start.max(row)..columns.end {
                            seen[row * units + column] += 1;
                            *count += 1;
                        }
                    }
                }
            }
            let once = (0..units * units).all(|i| seen[i] == u32::from(i % units >= i / units));
            assert!(once, "{rows} rows, {ranks} ranks");
            let mean = units * (units + 1) / 2 / ranks;
            let most = counts.iter().max().copied().unwrap_or(0);
            assert!(mean < 300 || most * 100 <= mean * 108, "{rows} rows, {ranks} ranks: {counts:?}");
        }
    }
}
