//! Counting how often each row is chosen with another: by sorting a few choices, or in
//! a table when there are many.

/// Choices from which on a table over all rows beats sorting them.
const TABLE_FROM: usize = 128;

/// How often the two rows of a negative pair chose each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NegativePair {
    /// The other row.
    pub(crate) row: u32,
    /// Triplets of the row itself with the other as negative.
    pub(crate) own: u32,
    /// Triplets of the other row with the row as negative.
    pub(crate) other: u32,
}

/// Memory of one worker that asks for rows of coefficients.
#[derive(Debug, Clone, Default)]
pub struct RowSpace {
    /// The pairs of one row, ascending.
    pub(crate) pairs: Vec<NegativePair>,
    /// Choices to sort: the other row, and in the last bit whose choice it was.
    choices: Vec<u64>,
    /// Counts by row, zero between calls.
    counts: Vec<[u32; 2]>,
    /// A bit for each row that was counted, zero between calls.
    touched: Vec<u64>,
}

impl RowSpace {
    /// Lists the negative pairs of a row, from the negatives it chose and the anchors
    /// that chose it.
    pub(crate) fn tally(&mut self, own: impl Iterator<Item = u32>, others: &[u32], rows: usize) {
        self.choices.clear();
        self.choices.extend(own.map(|row| u64::from(row) << 1));
        self.pairs.clear();
        if self.choices.len() + others.len() < TABLE_FROM {
            self.choices.extend(others.iter().map(|&row| u64::from(row) << 1 | 1));
            self.by_sorting();
        } else {
            self.in_a_table(others, rows);
        }
    }

    fn by_sorting(&mut self) {
        self.choices.sort_unstable();
        let mut last = None;
        for &choice in &self.choices {
            let row = (choice >> 1) as u32;
            if last != Some(row) {
                self.pairs.push(NegativePair { row, own: 0, other: 0 });
                last = Some(row);
            }
            if let Some(pair) = self.pairs.last_mut() {
                let other = (choice & 1) as u32;
                pair.other += other;
                pair.own += 1 - other;
            }
        }
    }

    fn in_a_table(&mut self, others: &[u32], rows: usize) {
        let Self { pairs, choices, counts, touched } = self;
        if counts.len() < rows {
            counts.resize(rows, [0; 2]);
            touched.resize(rows.div_ceil(64), 0);
        }
        let mut count = |row: usize, whose: usize| {
            counts[row][whose] += 1;
            touched[row / 64] |= 1 << (row % 64);
        };
        choices.iter().for_each(|&choice| count((choice >> 1) as usize, 0));
        others.iter().for_each(|&row| count(row as usize, 1));
        for (index, word) in touched.iter_mut().enumerate() {
            while *word != 0 {
                let row = index * 64 + word.trailing_zeros() as usize;
                *word &= *word - 1;
                let [own, other] = core::mem::take(&mut counts[row]);
                pairs.push(NegativePair { row: row as u32, own, other });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_counts_as_sorting_does() {
        let own: Vec<u32> = (0..90).map(|i| i * i % 83).collect();
        let others: Vec<u32> = (0..70).map(|i| i * 7 % 97).collect();
        let mut space = RowSpace::default();
        space.tally(own.iter().copied(), &others, 100);
        let table = space.pairs.clone();
        space.choices.extend(others.iter().map(|&row| u64::from(row) << 1 | 1));
        space.pairs.clear();
        space.by_sorting();
        assert_eq!(table, space.pairs);
        assert_eq!(table.iter().map(|pair| pair.own + pair.other).sum::<u32>(), 160);
        // And leaves nothing behind.
        space.tally(core::iter::empty(), &[5; 200], 100);
        assert_eq!(space.pairs, [NegativePair { row: 5, own: 0, other: 200 }]);
    }
}
