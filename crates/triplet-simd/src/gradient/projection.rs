//! Rows of the gradient, back through the normalisation of unit rows.

use super::ROWS;
use crate::{
    gram::{aligned::Aligned, transpose::transpose},
    inlined::zip,
    lanes::Lanes,
};
use triplet_core::{Points, Real};

/// No vector has fewer lanes.
const MIN_LEN: usize = 2;

/// Some rows of the gradient and their unit rows, by component.
#[derive(Debug, Default)]
pub(crate) struct Columns<T> {
    units: Aligned<T>,
    values: Aligned<T>,
}

/// `(v - u (u.v)) / norm` for up to [`ROWS`] rows of the gradient, given their original rows.
#[inline(always)]
pub(crate) fn project<L: Lanes>(
    lanes: L,
    points: Points<'_, L::Real>,
    ids: &[u32],
    rows: &mut [L::Real],
    columns: &mut Columns<L::Real>,
) {
    const { assert!(ROWS.is_multiple_of(L::LEN) && L::LEN >= MIN_LEN) };
    let width = points.width();
    let unit = |r: usize| points.row(ids[r]);
    let count = ids.len();
    let Columns { units, values } = columns;
    units.resize(ROWS * width);
    values.resize(ROWS * width);
    transpose(unit, count, units, ROWS);
    transpose(|r| &rows[r * width..][..width], count, values, ROWS);
    // Every row is one chain, so rows are lanes; vectors of them hide each other's latency.
    let mut sums = [lanes.splat(L::Real::ZERO); ROWS / MIN_LEN];
    for (units, values) in zip(units.chunks_exact(ROWS), values.chunks_exact(ROWS)) {
        for n in 0..ROWS / L::LEN {
            sums[n] = lanes.fma(lanes.load(&units[n * L::LEN..]), lanes.load(&values[n * L::LEN..]), sums[n]);
        }
    }
    let mut along = [L::Real::ZERO; ROWS];
    for n in 0..ROWS / L::LEN {
        lanes.store(&mut along[n * L::LEN..], sums[n]);
    }
    for (r, out) in rows.chunks_exact_mut(width).enumerate() {
        let Some(scaling) = points.scaling(ids[r]) else { continue };
        let along = lanes.splat(if scaling.own_norm { -along[r] } else { -L::Real::ZERO });
        let inverse_norm = lanes.splat(L::Real::from_f64(scaling.inverse_norm));
        let projected = |u, v| lanes.mul(lanes.fma(along, u, v), inverse_norm);
        for (out, unit) in zip(out.chunks_mut(L::LEN), unit(r).chunks(L::LEN)) {
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
