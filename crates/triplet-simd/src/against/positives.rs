//! Distances of the positives of some anchors.

use super::Sides;
use crate::{
    cpu::isa::Element,
    gram::{aligned::Aligned, narrow::inner_products, transpose::transpose},
    lanes::{Lanes, MAX_LEN},
};
use core::ops::Range;

/// A positive of an anchor.
pub(super) struct Positive<T> {
    /// The row of the panel.
    pub(super) row: usize,
    /// How many positives of the anchor come before it.
    pub(super) rank: usize,
    /// The candidate, by original row.
    pub(super) candidate: u32,
    pub(super) value: T,
}

/// Gives every positive of some rows of a panel, those of a row ascending. Candidates of a label are
/// packed side by side, once for all rows of that label.
#[inline(always)]
pub(super) fn each<L: Lanes>(
    lanes: L,
    sides: Sides<'_, L::Real>,
    (panel, rows): (usize, Range<usize>),
    packed: &mut Aligned<L::Real>,
    mut take: impl FnMut(Positive<L::Real>),
) where
    L::Real: Element,
{
    let Sides { problem, matches, anchors, candidates, .. } = sides;
    let (width, first) = (candidates.layout.width, anchors.layout.positions(panel).start);
    packed.resize(L::PANEL * width);
    let panel = anchors.panel(panel);
    // Rows by label, since that is where their candidates start; ranks.
    let mut order = [(0, 0); L_MAX];
    let mut ranks = [0; L_MAX];
    let order = &mut order[..rows.len()];
    for (place, row) in order.iter_mut().zip(rows) {
        *place = (matches.span(first + row).start, row);
    }
    order.sort_unstable();
    for group in order.chunk_by(|a, b| a.0 == b.0) {
        // Rows whose label no candidate has start where the first label does.
        let longest = group.iter().max_by_key(|(_, row)| matches.span(first + row).len());
        let Some(&(_, any)) = longest else { continue };
        for members in matches.of_label(first + any, problem.classes()).chunks(L::PANEL) {
            transpose(|r| problem.candidates().row(members[r]), members.len(), packed, L::PANEL);
            for &(_, row) in group {
                if matches.span(first + row).is_empty() {
                    continue;
                }
                let own = matches.own(first + row);
                for start in (0..members.len()).step_by(L::LEN) {
                    let [products] =
                        inner_products::<L, 1>(lanes, &panel.rows[row..], &packed[start..], width);
                    let mut values = [<L::Real as triplet_core::Real>::ZERO; MAX_LEN];
                    lanes.store(&mut values, products);
                    for (&candidate, &g) in members[start..].iter().zip(&values[..L::LEN]) {
                        if own.binary_search(&candidate).is_err() {
                            let norms = (panel.norms[row], candidates.packed.norms[candidate as usize]);
                            let value = candidates.distance.ranking_value(g, norms.0, norms.1);
                            take(Positive { row, rank: ranks[row], candidate, value });
                            ranks[row] += 1;
                        }
                    }
                }
            }
        }
    }
}

/// No panel has more rows.
const L_MAX: usize = 64;
