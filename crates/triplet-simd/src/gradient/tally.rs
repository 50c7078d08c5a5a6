//! What is summed up for the pairs of one row: a table over the other rows, and a bit for each row
//! in it, so that the pairs come out ascending.

use core::ops::Neg;
use triplet_core::Real;

/// Memory of one worker that computes rows of coefficients. Sums and bits are zero between rows.
#[derive(Debug, Clone, Default)]
pub(crate) struct TallyBuffers<T> {
    counts: Vec<i32>,
    sides: Vec<[f64; 2]>,
    values: Vec<T>,
    touched: Vec<u64>,
}

/// A sum for each pair of a row, by the other row.
pub(crate) trait Sums {
    /// The derivative of a triplet's term.
    type Derivative: Copy + Neg<Output = Self::Derivative> + From<bool>;
    /// The derivative of a term that has one, given what computes it.
    fn derivative(computed: impl FnOnce() -> f64) -> Self::Derivative;
    /// Adds the derivatives of a triplet of the row itself, and of one of the other row.
    fn add(&mut self, row: u32, own_and_other: [Self::Derivative; 2]);
    /// The sum over both rows' triplets, times the weights of their anchors; zeros are left behind.
    fn take(&mut self, row: u32) -> f64;
}

/// Sums of derivatives that are all one, without weights: whole numbers.
pub(crate) struct Counts<'a>(&'a mut [i32]);

impl Sums for Counts<'_> {
    type Derivative = i32;

    #[inline(always)]
    fn derivative(_: impl FnOnce() -> f64) -> i32 {
        1
    }

    #[inline(always)]
    fn add(&mut self, row: u32, [own, other]: [i32; 2]) {
        self.0[row as usize] += own + other;
    }

    #[inline(always)]
    fn take(&mut self, row: u32) -> f64 {
        f64::from(core::mem::take(&mut self.0[row as usize]))
    }
}

/// Sums of any derivatives, with the weights of anchors.
pub(crate) struct Weighted<'a> {
    row: u32,
    /// Those of the row's own triplets, and of the other row's.
    sums: &'a mut [[f64; 2]],
    weights: Option<&'a [f64]>,
}

impl Sums for Weighted<'_> {
    type Derivative = f64;

    #[inline(always)]
    fn derivative(computed: impl FnOnce() -> f64) -> f64 {
        computed()
    }

    #[inline(always)]
    fn add(&mut self, row: u32, [own, other]: [f64; 2]) {
        let sums = &mut self.sums[row as usize];
        sums[0] += own;
        sums[1] += other;
    }

    #[inline(always)]
    fn take(&mut self, row: u32) -> f64 {
        both_sides(core::mem::take(&mut self.sums[row as usize]), self.weights, [self.row, row])
    }
}

/// The sum of what the triplets of each row of a pair put on it, times the weights of these rows.
#[inline(always)]
pub(crate) fn both_sides([own, other]: [f64; 2], weights: Option<&[f64]>, rows: [u32; 2]) -> f64 {
    // The product is an exact zero for a row that has no triplet with the pair.
    match weights {
        Some(weights) => own * weights[rows[0] as usize] + other * weights[rows[1] as usize],
        None => own + other,
    }
}

/// The pairs of one row.
pub(crate) struct Tally<'a, S, T> {
    sums: S,
    values: &'a mut [T],
    touched: &'a mut [u64],
}

impl<T: Real> TallyBuffers<T> {
    /// Makes room for a batch of so many rows.
    pub(crate) fn resize(&mut self, rows: usize) {
        self.counts.resize(rows, 0);
        self.sides.resize(rows, [0.0; 2]);
        self.values.resize(rows, T::ZERO);
        self.touched.resize(rows.div_ceil(64), 0);
    }

    /// For a row without weights and with derivatives of one.
    pub(crate) fn counts(&mut self) -> Tally<'_, Counts<'_>, T> {
        let Self { counts, values, touched, .. } = self;
        Tally { sums: Counts(counts), values, touched }
    }

    /// For an original row, with weights by row.
    pub(crate) fn weighted<'a>(
        &'a mut self,
        row: u32,
        weights: Option<&'a [f64]>,
    ) -> Tally<'a, Weighted<'a>, T> {
        let Self { sides, values, touched, .. } = self;
        Tally { sums: Weighted { row, sums: sides, weights }, values, touched }
    }
}

impl<S: Sums, T: Real> Tally<'_, S, T> {
    /// Adds derivatives to the pair with another row.
    #[inline(always)]
    pub(crate) fn add(&mut self, row: u32, own_and_other: [S::Derivative; 2]) {
        self.sums.add(row, own_and_other);
        self.touched[row as usize / 64] |= 1 << (row % 64);
    }

    /// Notes the ranking value of the pair with another row.
    #[inline(always)]
    pub(crate) fn note(&mut self, row: u32, value: T) {
        self.values[row as usize] = value;
    }

    /// How many other rows there are.
    #[inline(always)]
    pub(crate) fn len(&self) -> usize {
        self.touched.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// Calls `take` with each other row, ascending, its sum, and the value that was noted last.
    #[inline(always)]
    pub(crate) fn drain(mut self, mut take: impl FnMut(u32, f64, T)) {
        for (word, first) in self.touched.iter_mut().zip((0..).step_by(64)) {
            let mut left = core::mem::take(word);
            while left != 0 {
                let row = first + left.trailing_zeros();
                left &= left - 1;
                take(row, self.sums.take(row), self.values[row as usize]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drained<S: Sums>(mut tally: Tally<'_, S, f32>, times: usize) -> Vec<(u32, f64, f32)> {
        let one = S::Derivative::from(true);
        let none = S::Derivative::from(false);
        for _ in 0..times {
            for (row, sides) in [(130, [one, none]), (3, [-one, -one]), (130, [one, one]), (64, [none, -one])]
            {
                tally.add(row, sides);
                tally.note(row, row as f32);
            }
        }
        assert_eq!(tally.len(), 3);
        let mut seen = Vec::new();
        tally.drain(|row, sum, value| seen.push((row, sum, value)));
        seen
    }

    #[test]
    fn pairs_come_out_ascending_and_leave_zeros() {
        let mut buffers = TallyBuffers::default();
        let expected = |n: f64| [(3, -2.0 * n, 3.0), (64, -n, 64.0), (130, 3.0 * n, 130.0)];
        for _ in 0..2 {
            buffers.resize(200);
            assert_eq!(drained(buffers.counts(), 2), expected(2.0));
            assert_eq!(drained(buffers.weighted(7, None), 2), expected(2.0));
            // A smaller batch, of just enough rows.
            buffers.resize(131);
            assert_eq!(drained(buffers.counts(), 1), expected(1.0));
            assert_eq!(drained(buffers.weighted(7, None), 1), expected(1.0));
        }
    }

    #[test]
    fn each_side_has_the_weight_of_its_anchor() {
        let mut weights = [0.0; 131];
        (weights[7], weights[3], weights[64], weights[130]) = (0.5, 2.0, 4.0, 8.0);
        let mut buffers = TallyBuffers::default();
        buffers.resize(131);
        let found = drained(buffers.weighted(7, Some(&weights)), 1);
        assert_eq!(found, [(3, -2.5, 3.0), (64, -4.0, 64.0), (130, 0.5 * 2.0 + 8.0, 130.0)]);
    }

    #[test]
    fn counts_need_no_derivative_and_sums_compute_it() {
        assert_eq!(Counts::derivative(|| unreachable!("counted")), 1);
        assert_eq!(Weighted::derivative(|| 0.25), 0.25);
    }
}
