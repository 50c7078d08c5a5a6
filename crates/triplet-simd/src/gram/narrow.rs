//! A register tile one vector wide, for where few inner products of a row are needed: a row and
//! those of its class, which stand side by side.

use crate::lanes::Lanes;

/// Inner products of `R` rows with a vector of columns, one chain a lane: from the first row and the
/// first column of two packed panels on.
#[inline(always)]
pub(crate) fn inner_products<L: Lanes, const R: usize>(
    lanes: L,
    rows: &[L::Real],
    columns: &[L::Real],
    depth: usize,
) -> [L::Float; R] {
    let last = depth.wrapping_sub(1) * L::PANEL;
    assert!(depth > 0 && rows.len() >= last + R && columns.len() >= last + L::LEN);
    let (mut row, mut column) = (rows.as_ptr(), columns.as_ptr());
    let mut sums = [[lanes.splat(triplet_core::Real::ZERO)]; R];
    for _ in 0..depth {
        // SAFETY: the assertion above covers `depth` steps, a panel's height apart, up to the last
        // row and the last column. `wrapping_add` may leave the slices after the last step, where
        // nothing is read.
        unsafe { lanes.add_outer_product(row, &[lanes.load_at(column)], &mut sums) };
        row = row.wrapping_add(L::PANEL);
        column = column.wrapping_add(L::PANEL);
    }
    crate::inlined::from_fn(|r| sums[r][0])
}
