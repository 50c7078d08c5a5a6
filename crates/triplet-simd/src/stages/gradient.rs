//! The last stage: coefficients to gradient rows, lanes across components.

use crate::{
    executor::{Executor, share},
    isa::{Element, Selected},
    lanes::{Kernel, Lanes},
    scratch::Scratch,
};
use triplet_core::{Coefficients, Distance, Problem, Real, coefficients::Entry};

/// Rows that a worker takes at a time.
const ROWS: usize = 16;

/// Writes the gradient `[B, D]`.
pub(crate) fn run<T: Element>(
    executor: &dyn Executor,
    scratches: &mut [Scratch<T>],
    selected: Selected,
    coefficients: &Coefficients<'_, T>,
    scale: T,
    out: &mut [T],
) {
    let problem = coefficients.problem();
    let pieces = out.chunks_mut(ROWS * problem.width()).zip((0u32..).step_by(ROWS));
    share(executor, scratches, pieces, |scratch, (out, first)| {
        T::dispatch(selected, Rows { coefficients, scale, first, scratch, out });
    });
}

struct Rows<'a, T: Element> {
    coefficients: &'a Coefficients<'a, T>,
    scale: T,
    first: u32,
    scratch: &'a mut Scratch<T>,
    out: &'a mut [T],
}

impl<T: Element> Kernel<T> for Rows<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes<Real = T>>(self, lanes: L) {
        let problem = self.coefficients.problem();
        let Scratch { row_space, entries, .. } = self.scratch;
        for (out, row) in self.out.chunks_exact_mut(problem.width()).zip(self.first..) {
            self.coefficients.row(row, row_space, entries);
            let chain = Chain { lanes, problem, row, entries, scale: self.scale };
            chain.run(out);
            if problem.distance() == Distance::Angular {
                chain.project(out);
            }
        }
    }
}

/// Vectors of components that stay in registers while the entries stream by.
const WIDE: usize = 8;

/// [`triplet_core::gradient::accumulate`] and `finish`, a vector at a time.
#[derive(Clone, Copy)]
struct Chain<'a, L: Lanes> {
    lanes: L,
    problem: &'a Problem<'a, L::Real>,
    row: u32,
    entries: &'a [Entry<L::Real>],
    scale: L::Real,
}

impl<L: Lanes> Chain<'_, L> {
    #[inline(always)]
    fn run(self, out: &mut [L::Real]) {
        let mut start = 0;
        while out.len() - start >= WIDE * L::LEN {
            self.components::<WIDE>(start, &mut out[start..]);
            start += WIDE * L::LEN;
        }
        while out.len() - start >= L::LEN {
            self.components::<1>(start, &mut out[start..]);
            start += L::LEN;
        }
        if start < out.len() {
            self.tail(start, &mut out[start..]);
        }
    }

    /// `N` vectors of components from `start` on.
    #[inline(always)]
    fn components<const N: usize>(self, start: usize, out: &mut [L::Real]) {
        let lanes = self.lanes;
        let angular = self.problem.distance() == Distance::Angular;
        let x = &self.problem.row(self.row)[start..][..N * L::LEN];
        let mut acc = [lanes.splat(L::Real::ZERO); N];
        for entry in self.entries {
            let c = lanes.splat(entry.coefficient);
            let m = &self.problem.row(entry.row)[start..][..N * L::LEN];
            for (n, acc) in acc.iter_mut().enumerate() {
                let m = lanes.load(&m[n * L::LEN..]);
                let step = if angular { m } else { lanes.sub(lanes.load(&x[n * L::LEN..]), m) };
                *acc = lanes.fma(c, step, *acc);
            }
        }
        for (n, &acc) in acc.iter().enumerate() {
            lanes.store(&mut out[n * L::LEN..], self.scaled(acc));
        }
    }

    /// The components after the last whole vector.
    #[inline(always)]
    fn tail(self, start: usize, out: &mut [L::Real]) {
        let lanes = self.lanes;
        let angular = self.problem.distance() == Distance::Angular;
        let x = lanes.load_partial(&self.problem.row(self.row)[start..]);
        let mut acc = lanes.splat(L::Real::ZERO);
        for entry in self.entries {
            let m = lanes.load_partial(&self.problem.row(entry.row)[start..]);
            let step = if angular { m } else { lanes.sub(x, m) };
            acc = lanes.fma(lanes.splat(entry.coefficient), step, acc);
        }
        lanes.store_partial(out, self.scaled(acc));
    }

    /// Times the scale; for angular also negated, which is exact in either order.
    #[inline(always)]
    fn scaled(self, acc: L::Float) -> L::Float {
        let negated = self.problem.distance() == Distance::Angular;
        self.lanes.mul(acc, self.lanes.splat(if negated { -self.scale } else { self.scale }))
    }

    /// Back through the normalisation: `(v - u (u.v)) / norm`.
    #[inline(always)]
    fn project(self, out: &mut [L::Real]) {
        let lanes = self.lanes;
        let Some(scaling) = self.problem.scaling(self.row) else { return };
        let unit = self.problem.row(self.row);
        let mut along = lanes.splat(L::Real::ZERO);
        if scaling.own_norm {
            // One chain, so one lane is all there is to use.
            for (&u, &v) in unit.iter().zip(out.iter()) {
                along = lanes.fma(lanes.splat(u), lanes.splat(v), along);
            }
        }
        let along = lanes.sub(lanes.splat(-L::Real::ZERO), along);
        let inverse_norm = lanes.splat(L::Real::from_f64(scaling.inverse_norm));
        let projected = |u, v| lanes.mul(lanes.fma(along, u, v), inverse_norm);
        for (out, unit) in out.chunks_mut(L::LEN).zip(unit.chunks(L::LEN)) {
            if out.len() == L::LEN {
                let value = projected(lanes.load(unit), lanes.load(out));
                lanes.store(out, value);
            } else {
                let value = projected(lanes.load_partial(unit), lanes.load_partial(out));
                lanes.store_partial(out, value);
            }
        }
    }
}
