//! How often each row chose another and was chosen by it: counted by sorting a few choices, or in
//! a table when there are many.

/// Choices from which on a table over all rows beats sorting them.
pub(crate) const TABLE_FROM: usize = 48;

/// How often the two rows of a negative pair chose each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NegativePair {
    /// The other row.
    pub(crate) row: u32,
    /// Triplets of the row itself with the other as negative.
    pub(crate) own: u32,
    /// Triplets of the other row with the row as negative.
    pub(crate) other: u32,
    /// The slot of one of them.
    pub(crate) slot: u32,
}

/// Memory of one worker that computes rows of coefficients.
#[derive(Debug, Clone, Default)]
pub(crate) struct RowBuffers {
    /// The pairs of one row, ascending.
    pub(crate) pairs: Vec<NegativePair>,
    /// Choices to sort: the other row, which of the two made the choice, and its slot.
    choices: Vec<u64>,
    /// Own choices, others' and a slot by row; counts are zero between calls.
    counts: Vec<[u32; 3]>,
    /// Sums by row, zero between calls.
    sums: Vec<i32>,
    /// A bit for each row that was counted, zero between calls.
    touched: Vec<u64>,
}

/// Which row of a pair made a choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ChosenBy {
    /// The row chose the other.
    Own = 0,
    /// The other chose the row.
    Other = 1,
}

impl RowBuffers {
    /// Starts over, for a batch of so many rows and few or many choices.
    pub(crate) fn begin(&mut self, rows: usize, many: bool) {
        self.pairs.clear();
        self.choices.clear();
        if many {
            self.reserve(rows);
            self.counts.resize(rows.max(self.counts.len()), [0; 3]);
        }
    }

    fn reserve(&mut self, rows: usize) {
        self.touched.resize(rows.div_ceil(64).max(self.touched.len()), 0);
    }

    /// Counts one of few choices.
    pub(crate) fn note(&mut self, by: ChosenBy, row: u32, slot: usize) {
        self.choices.push(u64::from(row) << 33 | (by as u64) << 32 | slot as u64);
    }

    /// Counts one of many choices.
    pub(crate) fn count(&mut self, by: ChosenBy, row: u32, slot: usize) {
        let cell = &mut self.counts[row as usize];
        cell[by as usize] += 1;
        cell[2] = slot as u32;
        self.touched[row as usize / 64] |= 1 << (row % 64);
    }

    /// Lists the pairs that were noted.
    pub(crate) fn sort(&mut self) {
        self.choices.sort_unstable();
        for &choice in &self.choices {
            let (row, other) = ((choice >> 33) as u32, (choice >> 32 & 1) as u32);
            match self.pairs.last_mut().filter(|pair| pair.row == row) {
                Some(pair) => {
                    pair.other += other;
                    pair.own += 1 - other;
                }
                None => {
                    self.pairs.push(NegativePair { row, own: 1 - other, other, slot: choice as u32 });
                }
            }
        }
    }

    /// Lists the pairs that were counted.
    pub(crate) fn collect(&mut self) {
        let Self { pairs, counts, touched, .. } = self;
        drain(touched, |row| {
            let [own, other, slot] = core::mem::take(&mut counts[row]);
            pairs.push(NegativePair { row: row as u32, own, other, slot });
        });
    }

    /// Sums of few numbers.
    pub(crate) fn sorted_sums(&mut self) -> SortedSums<'_> {
        self.choices.clear();
        SortedSums(&mut self.choices)
    }

    /// Sums of many numbers, for a batch of so many rows.
    pub(crate) fn dense_sums(&mut self, rows: usize) -> DenseSums<'_> {
        self.reserve(rows);
        self.sums.resize(rows.max(self.sums.len()), 0);
        DenseSums { sums: &mut self.sums[..rows], touched: &mut self.touched[..rows.div_ceil(64)] }
    }
}

/// A sum for each row.
pub(crate) trait Sums {
    /// Adds to a row's sum.
    fn add(&mut self, row: u32, value: i32);
    /// Calls `take` with each row that was added to and its sum, ascending.
    fn drain(self, take: impl FnMut(u32, i32));
}

/// A list to be sorted: row and number.
pub(crate) struct SortedSums<'a>(&'a mut Vec<u64>);

impl Sums for SortedSums<'_> {
    #[inline(always)]
    fn add(&mut self, row: u32, value: i32) {
        self.0.push(u64::from(row) << 32 | u64::from(value.cast_unsigned()));
    }

    #[inline(always)]
    fn drain(self, mut take: impl FnMut(u32, i32)) {
        self.0.sort_unstable();
        for same in self.0.chunk_by(|a, b| a >> 32 == b >> 32) {
            let sum = same.iter().map(|&number| (number as u32).cast_signed()).sum();
            take((same[0] >> 32) as u32, sum);
        }
    }
}

/// A table; zeros are left behind.
pub(crate) struct DenseSums<'a> {
    sums: &'a mut [i32],
    touched: &'a mut [u64],
}

impl Sums for DenseSums<'_> {
    #[inline(always)]
    fn add(&mut self, row: u32, value: i32) {
        self.sums[row as usize] += value;
        self.touched[row as usize / 64] |= 1 << (row % 64);
    }

    #[inline(always)]
    fn drain(self, mut take: impl FnMut(u32, i32)) {
        drain(self.touched, |row| take(row as u32, core::mem::take(&mut self.sums[row])));
    }
}

/// Calls `take` for each bit, ascending, and clears it.
fn drain(touched: &mut [u64], mut take: impl FnMut(usize)) {
    for (index, word) in touched.iter_mut().enumerate() {
        let mut left = core::mem::take(word);
        while left != 0 {
            take(index * 64 + left.trailing_zeros() as usize);
            left &= left - 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_counts_as_sorting_does() {
        let own = (0..90).map(|i| (ChosenBy::Own, i * i % 83));
        let others = (0..70).map(|i| (ChosenBy::Other, i * 7 % 97));
        let choices: Vec<_> = own.chain(others).collect();
        let mut space = RowBuffers::default();
        space.begin(100, true);
        choices.iter().for_each(|&(by, row)| space.count(by, row, 0));
        space.collect();
        let table = space.pairs.clone();
        space.begin(100, false);
        choices.iter().for_each(|&(by, row)| space.note(by, row, 0));
        space.sort();
        assert_eq!(table, space.pairs);
        assert_eq!(table.iter().map(|pair| pair.own + pair.other).sum::<u32>(), 160);
        // Neither leaves anything behind.
        space.begin(100, true);
        assert!(table.iter().any(|pair| pair.row == 7 && pair.other > 0), "row 7 was counted before");
        (0..200).for_each(|_| space.count(ChosenBy::Other, 7, 0));
        space.collect();
        assert_eq!(space.pairs, [NegativePair { row: 7, own: 0, other: 200, slot: 0 }]);
    }

    fn drained(mut sums: impl Sums) -> Vec<(u32, i32)> {
        [(130, -1), (3, 2), (130, -4), (64, 1)].into_iter().for_each(|(row, n)| sums.add(row, n));
        let mut seen = Vec::new();
        sums.drain(|row, n| seen.push((row, n)));
        seen
    }

    #[test]
    fn sums_are_drained_in_order_and_leave_zeros() {
        let mut space = RowBuffers::default();
        for _ in 0..2 {
            assert_eq!(drained(space.dense_sums(200)), [(3, 2), (64, 1), (130, -5)]);
            assert_eq!(drained(space.sorted_sums()), [(3, 2), (64, 1), (130, -5)]);
        }
    }
}
