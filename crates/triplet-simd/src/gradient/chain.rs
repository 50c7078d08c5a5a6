//! One row of the gradient, lanes across components.

use crate::{
    inlined::{from_fn, zip},
    lanes::Lanes,
};
use triplet_core::{Problem, Real, distance::GradientStep};

/// The chain of `docs/numerics.md`, "gradient row" and "angular gradient", a vector at a time.
#[derive(Clone, Copy)]
pub(crate) struct Chain<'a, L: Lanes> {
    pub(crate) lanes: L,
    pub(crate) problem: &'a Problem<'a, L::Real>,
    /// By original index.
    pub(crate) row: u32,
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

impl<L: Lanes> Chain<'_, L> {
    #[inline(always)]
    fn step(self) -> GradientStep {
        self.problem.distance().gradient_step()
    }

    /// Runs a segment of the chain; with the last one the row is the gradient's, of unit rows before
    /// [`project`].
    #[inline(always)]
    pub(crate) fn run(self, segment: Segment<'_, L::Real>, out: &mut [L::Real]) {
        // As many vectors of sums, and of the row's own components, fit the registers.
        let mut start = 0;
        if L::REGISTERS >= 32 {
            start = self.vectors::<8>(segment, start, out);
        } else {
            start = self.vectors::<6>(segment, start, out);
        }
        start = self.vectors::<4>(segment, start, out);
        start = self.vectors::<1>(segment, start, out);
        if start < out.len() {
            self.tail(segment, start, &mut out[start..]);
        }
    }

    /// `N` vectors of components at a time, from `start` on; where the rest starts.
    #[inline(always)]
    fn vectors<const N: usize>(
        self,
        segment: Segment<'_, L::Real>,
        mut start: usize,
        out: &mut [L::Real],
    ) -> usize {
        while out.len() - start >= N * L::LEN {
            self.components::<N>(segment, start, &mut out[start..]);
            start += N * L::LEN;
        }
        start
    }

    /// `N` vectors of components from `start` on.
    #[inline(always)]
    fn components<const N: usize>(self, segment: Segment<'_, L::Real>, start: usize, out: &mut [L::Real]) {
        let lanes = self.lanes;
        let own = &self.problem.candidates().row(self.row)[start..][..N * L::LEN];
        let own: [L::Float; N] = from_fn(|n| lanes.load(&own[n * L::LEN..]));
        let mut sums = [lanes.splat(L::Real::ZERO); N];
        if segment.resume {
            sums = from_fn(|n| lanes.load(&out[n * L::LEN..]));
        }
        // One loop for each step: the choice is not left to the compiler to take out of it.
        match self.step() {
            GradientStep::Difference => self.add::<N, false>(segment, start, &own, &mut sums),
            GradientStep::UnitRow => self.add::<N, true>(segment, start, &own, &mut sums),
        }
        for (n, &sum) in sums.iter().enumerate() {
            lanes.store(&mut out[n * L::LEN..], self.scaled(segment, sum));
        }
    }

    /// Adds entries to `N` vectors of sums, in order.
    #[inline(always)]
    fn add<const N: usize, const UNIT_ROW: bool>(
        self,
        segment: Segment<'_, L::Real>,
        start: usize,
        own: &[L::Float; N],
        sums: &mut [L::Float; N],
    ) {
        let lanes = self.lanes;
        let points = self.problem.candidates();
        for (&row, &coefficient) in zip(segment.rows, segment.coefficients) {
            if coefficient == L::Real::ZERO {
                continue;
            }
            let c = lanes.splat(coefficient);
            let other = &points.row(row)[start..][..N * L::LEN];
            for n in 0..N {
                let other = lanes.load(&other[n * L::LEN..]);
                let step = if UNIT_ROW { other } else { lanes.sub(own[n], other) };
                sums[n] = lanes.fma(c, step, sums[n]);
            }
        }
    }

    /// The components after the last whole vector.
    #[inline(always)]
    fn tail(self, segment: Segment<'_, L::Real>, start: usize, out: &mut [L::Real]) {
        let lanes = self.lanes;
        let step = self.step();
        let points = self.problem.candidates();
        let components = |row: u32| lanes.load_partial(&points.row(row)[start..]);
        let own = components(self.row);
        let mut sum = if segment.resume { lanes.load_partial(out) } else { lanes.splat(L::Real::ZERO) };
        for (&row, &coefficient) in zip(segment.rows, segment.coefficients) {
            if coefficient == L::Real::ZERO {
                continue;
            }
            let other = components(row);
            let other = match step {
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
        let scale = match self.step() {
            GradientStep::Difference => scale,
            GradientStep::UnitRow => -scale,
        };
        self.lanes.mul(sum, self.lanes.splat(scale))
    }
}
