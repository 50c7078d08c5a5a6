//! The pairs of a share, one by one: [`crate::shares`].

use super::{mining::mine_among, ranking_values, record_counting};
use crate::{
    Problem, Real, Triplets,
    shares::{Share, UNIT, WholeUnits},
};

/// What the pairs of a share give: see [`crate::Engine::mine_share`].
pub(super) fn mine<T: Real>(problem: &Problem<'_, T>, share: &Share, out: &mut Triplets<T>) {
    let rows = problem.anchors().len();
    let units = rows.div_ceil(UNIT);
    let mut own = vec![false; units * units];
    for (rows, columns) in share.pieces(rows) {
        for row in rows {
            columns
                .clone()
                .filter(|&column| column >= row)
                .for_each(|column| own[row * units + column] = true);
        }
    }
    let whole = WholeUnits::of(problem);
    let is_whole = |row| whole.contains(problem.position_of(row));
    let looks_at = |anchor, negative| {
        let [a, b] = [anchor, negative].map(|row| problem.position_of(row) / UNIT);
        let in_pieces = own[a.min(b) * units + a.max(b)];
        if is_whole(anchor) { share.owns(anchor) } else { in_pieces }
    };
    let chosen = mine_among(problem, ranking_values(problem), looks_at);
    record_counting(problem, &chosen, out, |anchor| is_whole(anchor) && share.owns(anchor));
}
