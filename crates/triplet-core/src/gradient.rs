//! Coefficients to gradient: one chain a component.

use crate::{
    Coefficients, Distance, Problem, Real, choices::ChoiceSpace, coefficients::Entry, crew::Alone,
    pull::Pull, tally::RowSpace,
};

/// The factor that every gradient component is multiplied by at the end.
///
/// `divisor` is what the reduction divides the summed terms by, `upstream` the
/// derivative of the caller's objective with respect to the reduced loss.
#[must_use]
pub fn scale<T: Real>(distance: Distance, divisor: f64, upstream: f64) -> T {
    if divisor == 0.0 {
        return T::ZERO;
    }
    T::from_f64(distance.slope_scale() / divisor * upstream)
}

/// Adds one row's entries up, in their order: `acc = fma(c, x_r - x_m, acc)` per
/// component (for angular `fma(c, u_m, acc)`), from zero.
pub fn accumulate<T: Real>(problem: &Problem<'_, T>, row: u32, entries: &[Entry<T>], acc: &mut [T]) {
    let x_r = problem.row(row);
    acc.fill(T::ZERO);
    let angular = problem.distance() == Distance::Angular;
    for entry in entries {
        let others = problem.row(entry.row);
        for ((a, &x), &m) in acc.iter_mut().zip(x_r).zip(others) {
            let step = if angular { m } else { x - m };
            *a = entry.coefficient.fma(step, *a);
        }
    }
}

/// Turns a row's sum into its gradient, in place: scales it, and for angular takes
/// it back through the normalisation, `(v - u (u.v)) / norm`.
pub fn finish<T: Real>(problem: &Problem<'_, T>, row: u32, scale: T, acc: &mut [T]) {
    let Some(scaling) = problem.scaling(row) else {
        for a in acc.iter_mut() {
            *a = *a * scale;
        }
        return;
    };
    // The distance is 1 - u.u', so the derivative is the other unit row, negated.
    for a in acc.iter_mut() {
        *a = -*a * scale;
    }
    let unit = problem.row(row);
    let inverse_norm = T::from_f64(scaling.inverse_norm);
    let along = if scaling.own_norm { crate::distance::inner(unit, acc) } else { T::ZERO };
    for (a, &u) in acc.iter_mut().zip(unit) {
        *a = (-along).fma(u, *a) * inverse_norm;
    }
}

/// The whole gradient `[B, D]` in original row order, one row after the other.
pub fn reference<T: Real>(pull: Pull<'_, T>, space: &mut ChoiceSpace, out: &mut [T]) {
    let (problem, scale) = (pull.problem, pull.factors.scale);
    let (mut row_space, mut entries) = (RowSpace::default(), Vec::new());
    space.windows(pull, &Alone, |window, choices| {
        let coefficients = Coefficients::new(pull, choices);
        let rows = &mut out[window.start * problem.width()..window.end * problem.width()];
        for (acc, row) in rows.chunks_exact_mut(problem.width()).zip(window.start as u32..) {
            entries.clear();
            coefficients.row(row, None, &mut row_space, &mut entries);
            accumulate(problem, row, &entries, acc);
            finish(problem, row, scale, acc);
        }
    });
}
