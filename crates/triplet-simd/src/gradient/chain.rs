//! One row of the gradient, lanes across components.

use crate::{
    inlined::{from_fn, zip},
    lanes::Lanes,
};
use triplet_core::{Points, Real, distance::GradientStep};

/// The chain of `docs/numerics.md`, "gradient row" and "angular gradient", a vector at a time.
#[derive(Clone, Copy)]
pub(crate) struct Chain<'a, L: Lanes> {
    pub(crate) lanes: L,
    pub(crate) step: GradientStep,
    /// The row's own components.
    pub(crate) own: &'a [L::Real],
    pub(crate) others: Others<'a, L::Real>,
}

/// Where the other rows are.
#[derive(Clone, Copy)]
pub(crate) struct Others<'a, T> {
    /// Row by row.
    pub(crate) values: &'a [T],
    /// Values from row to row, at least as many as a row has.
    pub(crate) stride: usize,
}

impl<'a, T: Real> Others<'a, T> {
    /// All rows of a side.
    pub(crate) fn all(points: Points<'a, T>) -> Self {
        Self { values: points.rows(), stride: points.width() }
    }

    /// How many there are.
    pub(crate) fn len(self) -> usize {
        self.values.len() / self.stride
    }

    /// A row by original index, and what fills its place.
    #[inline(always)]
    fn row(self, row: u32) -> &'a [T] {
        let start = row as usize * self.stride;
        &self.values[start..start + self.stride]
    }
}

/// A segment of the chain of every component.
#[derive(Clone, Copy)]
pub(crate) struct Segment<'a, T> {
    /// The other rows, in order.
    pub(crate) rows: &'a [u32],
    /// The coefficient of each; what has none adds nothing.
    pub(crate) coefficients: &'a [T],
    /// Whether to go on from what the row holds, instead of from zero.
    pub(crate) resume: bool,
    /// With the last segment: what to multiply by.
    pub(crate) scale: Option<T>,
}

/// Where `N` vectors of components start: one after the other, but for the last.
#[derive(Clone, Copy)]
struct Places<const N: usize> {
    start: usize,
    last: usize,
}

impl<const N: usize> Places<N> {
    #[inline(always)]
    fn of(self, n: usize, len: usize) -> usize {
        if n + 1 == N { self.last } else { self.start + n * len }
    }

    /// Those of the row whose components start at an index.
    #[inline(always)]
    fn load<L: Lanes>(self, lanes: L, values: &[L::Real], row: usize) -> [L::Float; N] {
        let (start, last) = (row + self.start, row + self.last);
        let (before, last) = (&values[start..start + (N - 1) * L::LEN], &values[last..last + L::LEN]);
        from_fn(|n| lanes.load(if n + 1 == N { last } else { &before[n * L::LEN..] }))
    }
}

impl<L: Lanes> Chain<'_, L> {
    /// Runs a segment of the chain; with the last one the row is the gradient's, of unit rows before
    /// [`project`].
    #[inline(always)]
    pub(crate) fn run(self, segment: Segment<'_, L::Real>, out: &mut [L::Real]) {
        if out.len() < L::LEN {
            return self.partial(segment, out);
        }
        // As many vectors of sums, and of the row's own components, fit the registers. The last one of all
        // ends with the row: what it shares with the one before is computed twice, to the same bits.
        let most = if L::REGISTERS >= 32 { 8 } else { 6 };
        let vectors = out.len().div_ceil(L::LEN);
        let passes = vectors.div_ceil(most);
        let mut first = 0;
        for pass in 0..passes {
            // About as many in each: one alone would share components with an earlier pass, already stored.
            let end = first + (vectors - first).div_ceil(passes - pass);
            let start = first * L::LEN;
            match end - first {
                1 => self.components::<1>(segment, start, out),
                2 => self.components::<2>(segment, start, out),
                3 => self.components::<3>(segment, start, out),
                4 => self.components::<4>(segment, start, out),
                5 => self.components::<5>(segment, start, out),
                6 => self.components::<6>(segment, start, out),
                7 => self.components::<7>(segment, start, out),
                _ => self.components::<8>(segment, start, out),
            }
            first = end;
        }
    }

    /// `N` vectors of components from `start` on, or from as much before as the row ends too early.
    #[inline(always)]
    fn components<const N: usize>(self, segment: Segment<'_, L::Real>, start: usize, out: &mut [L::Real]) {
        let lanes = self.lanes;
        let places = Places::<N> { start, last: (start + (N - 1) * L::LEN).min(out.len() - L::LEN) };
        let own = places.load(lanes, self.own, 0);
        let mut sums = [lanes.splat(L::Real::ZERO); N];
        if segment.resume {
            sums = places.load(lanes, out, 0);
        }
        // One loop for each step: the choice is not left to the compiler to take out of it.
        match self.step {
            GradientStep::Difference => self.add::<N, false>(segment, places, &own, &mut sums),
            GradientStep::UnitRow => self.add::<N, true>(segment, places, &own, &mut sums),
        }
        for (n, &sum) in sums.iter().enumerate() {
            lanes.store(&mut out[places.of(n, L::LEN)..], self.scaled(segment, sum));
        }
    }

    /// Adds entries to `N` vectors of sums, in order.
    #[inline(always)]
    fn add<const N: usize, const UNIT_ROW: bool>(
        self,
        segment: Segment<'_, L::Real>,
        places: Places<N>,
        own: &[L::Float; N],
        sums: &mut [L::Float; N],
    ) {
        let (lanes, others) = (self.lanes, self.others);
        for (&row, &coefficient) in zip(segment.rows, segment.coefficients) {
            if coefficient == L::Real::ZERO {
                continue;
            }
            let c = lanes.splat(coefficient);
            let other = places.load(lanes, others.values, row as usize * others.stride);
            for n in 0..N {
                let step = if UNIT_ROW { other[n] } else { lanes.sub(own[n], other[n]) };
                sums[n] = lanes.fma(c, step, sums[n]);
            }
        }
    }

    /// The components of rows shorter than a vector.
    #[inline(always)]
    fn partial(self, segment: Segment<'_, L::Real>, out: &mut [L::Real]) {
        let lanes = self.lanes;
        let own = lanes.load_partial(self.own);
        let mut sum = if segment.resume { lanes.load_partial(out) } else { lanes.splat(L::Real::ZERO) };
        for (&row, &coefficient) in zip(segment.rows, segment.coefficients) {
            if coefficient == L::Real::ZERO {
                continue;
            }
            let other = lanes.load_partial(&self.others.row(row)[..out.len()]);
            let other = match self.step {
                GradientStep::Difference => lanes.sub(own, other),
                GradientStep::UnitRow => other,
            };
            sum = lanes.fma(lanes.splat(coefficient), other, sum);
        }
        lanes.store_partial(out, self.scaled(segment, sum));
    }

    /// Times the scale, if this is the last segment; of unit rows also negated, which
    /// is exact in either order.
    #[inline(always)]
    fn scaled(self, segment: Segment<'_, L::Real>, sum: L::Float) -> L::Float {
        let Some(scale) = segment.scale else { return sum };
        let scale = match self.step {
            GradientStep::Difference => scale,
            GradientStep::UnitRow => -scale,
        };
        self.lanes.mul(sum, self.lanes.splat(scale))
    }
}
