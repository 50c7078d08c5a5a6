//! The ranking values of what several ranks found for an anchor.

use crate::{
    cpu::isa::{Element, Selected},
    gram::transpose::transpose,
    lanes::{Kernel, Lanes, MAX_PANEL_VECTORS},
};
use triplet_core::{
    NO_ROW, Problem, Real, Triplets,
    shares::{self, Merging},
};

/// Merges what was found: see [`shares::merge()`].
pub(crate) fn merge<T: Element>(
    selected: Selected,
    problem: &Problem<'_, T>,
    merging: &Merging<'_, T>,
    out: &mut Triplets<T>,
) {
    let (mut panel, mut packed) = (Vec::new(), Vec::new());
    let values = |anchor: u32, rows: &[u32], out: &mut Vec<T>| {
        out.clear();
        let (panel, packed) = (&mut panel, &mut packed);
        // The caller is not compiled for the instruction set: each anchor is a kernel.
        T::dispatch(selected, RankingValues { problem, anchor, rows, panel, packed, out });
    };
    shares::merge(problem, merging, values, out);
}

/// Appends the ranking values of an anchor and some rows, a panel of them at a time.
struct RankingValues<'a, T: Real> {
    problem: &'a Problem<'a, T>,
    anchor: u32,
    /// [`NO_ROW`] for none, whose value is not read.
    rows: &'a [u32],
    /// The anchor, then the rows of a panel.
    panel: &'a mut Vec<u32>,
    packed: &'a mut Vec<T>,
    out: &'a mut Vec<T>,
}

impl<T: Real> Kernel<T> for RankingValues<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes<Real = T>>(self, lanes: L) {
        let Self { problem, anchor, rows, panel, packed, out } = self;
        let points = problem.candidates();
        packed.resize(L::PANEL * points.width(), T::ZERO);
        for rows in rows.chunks(L::PANEL - 1) {
            panel.clear();
            panel.push(anchor);
            panel.extend(rows.iter().map(|&row| if row == NO_ROW { anchor } else { row }));
            transpose(|r| points.row(panel[r]), panel.len(), packed, L::PANEL);
            let (products, norms) = with_first(lanes, packed, panel.len());
            for other in 1..panel.len() {
                out.push(problem.distance().ranking_value(products[other], norms[0], norms[other]));
            }
        }
    }
}

/// Values of the rows of a panel.
type OfPanel<T> = [T; MAX_ROWS];
/// Rows of the highest panel there is.
const MAX_ROWS: usize = shares::UNIT;

/// The inner products of the first of some packed rows with each, and of each with itself. What stands behind the rows is
/// computed and means nothing.
#[inline(always)]
fn with_first<L: Lanes>(lanes: L, packed: &[L::Real], rows: usize) -> (OfPanel<L::Real>, OfPanel<L::Real>) {
    let zero = lanes.splat(Real::ZERO);
    let (mut products, mut norms) = ([zero; MAX_PANEL_VECTORS], [zero; MAX_PANEL_VECTORS]);
    let vectors = rows.div_ceil(L::LEN).min(MAX_PANEL_VECTORS);
    for step in packed.chunks_exact(L::PANEL) {
        let x = lanes.splat(step[0]);
        for v in 0..vectors {
            let y = lanes.load(&step[v * L::LEN..]);
            products[v] = lanes.fma(x, y, products[v]);
            norms[v] = lanes.fma(y, y, norms[v]);
        }
    }
    let mut values = ([Real::ZERO; MAX_ROWS], [Real::ZERO; MAX_ROWS]);
    for v in 0..vectors {
        lanes.store(&mut values.0[v * L::LEN..], products[v]);
        lanes.store(&mut values.1[v * L::LEN..], norms[v]);
    }
    values
}
