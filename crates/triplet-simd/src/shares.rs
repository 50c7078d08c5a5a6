//! The ranking values of what several ranks found for an anchor.

use crate::{
    gram::{
        narrow::inner_products,
        pack::{PanelOut, pack},
    },
    lanes::{Kernel, Lanes, MAX_LEN},
};
use triplet_core::{
    NO_ROW, Problem, Real, Triplets,
    real::Key,
    shares::{self, Merging},
};

/// Merges what was found: see [`shares::merge()`].
pub(crate) struct Merge<'a, T: Real> {
    pub(crate) problem: &'a Problem<'a, T>,
    pub(crate) merging: &'a Merging<'a>,
    pub(crate) out: &'a mut Triplets<T>,
}

impl<T: Real> Kernel<T> for Merge<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes<Real = T>>(self, lanes: L) {
        let Self { problem, merging, out } = self;
        let mut panel = Panel::new::<L>(problem.candidates().width());
        let values = |anchor: u32, rows: &[u32], values: &mut Vec<T>| {
            values.clear();
            panel.rows.clear();
            panel.rows.push(anchor);
            for &row in rows {
                // What stands for no row is not read.
                panel.rows.push(if row == NO_ROW { anchor } else { row });
                if panel.rows.len() == L::PANEL {
                    panel.values(lanes, problem, values);
                    panel.rows.truncate(1);
                }
            }
            if panel.rows.len() > 1 {
                panel.values(lanes, problem, values);
            }
        };
        shares::merge(problem, merging, values, out);
    }
}

/// An anchor, and the rows it is compared with, packed.
struct Panel<T: Real> {
    /// The anchor, then the others.
    rows: Vec<u32>,
    width: usize,
    panel: Vec<T>,
    norms: Vec<T>,
    ids: Vec<T::Key>,
}

impl<T: Real> Panel<T> {
    fn new<L: Lanes<Real = T>>(width: usize) -> Self {
        Self {
            rows: Vec::with_capacity(L::PANEL),
            width,
            panel: vec![T::ZERO; L::PANEL * width],
            norms: vec![T::ZERO; L::PANEL],
            ids: vec![Key::ZERO; L::PANEL],
        }
    }

    /// Appends the ranking values of the anchor and each of the others.
    #[inline(always)]
    fn values<L: Lanes<Real = T>>(&mut self, lanes: L, problem: &Problem<'_, T>, out: &mut Vec<T>) {
        let Self { rows, width, panel, norms, ids } = self;
        pack(lanes, problem.candidates(), rows, PanelOut { panel, norms, ids });
        for column in (0..rows.len()).step_by(L::LEN) {
            let [products] = inner_products::<L, 1>(lanes, panel, &panel[column..], *width);
            let mut values = [T::ZERO; MAX_LEN];
            lanes.store(&mut values, products);
            for other in column.max(1)..rows.len().min(column + L::LEN) {
                let value = problem.distance().ranking_value(values[other - column], norms[0], norms[other]);
                out.push(value);
            }
        }
    }
}
