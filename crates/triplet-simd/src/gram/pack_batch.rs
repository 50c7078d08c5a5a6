//! The first pass: rows to panels.

use super::{
    block::PackedRows,
    layout::Layout,
    pack::{self, Packed, PanelOut},
};
use crate::{
    cpu::isa::{Element, Selected},
    executor::{Executor, run_tasks},
    lanes::{Kernel, Lanes},
    scratch::Scratch,
};
use triplet_core::{Distance, Points, Real};

/// Packs every panel of some rows, in the order given; what blocks of their distances are computed
/// from.
pub(crate) fn run<'a, T: Element, S: Send>(
    executor: &dyn Executor,
    scratches: &mut [S],
    selected: Selected,
    (points, order): (Points<'_, T>, &[u32]),
    distance: Distance,
    layout: &'a Layout,
    packed: &'a mut Packed<T>,
) -> PackedRows<'a, T> {
    packed.resize(layout);
    packed.versions.fill(packed.version);
    let panels = packed.panels.chunks_exact_mut(layout.packed_panel());
    let rows = packed.norms.chunks_exact_mut(layout.panel).zip(packed.ids.chunks_exact_mut(layout.panel));
    let pieces = panels.zip(rows).enumerate();
    run_tasks(executor, scratches, pieces, |_, (index, (panel, (norms, ids)))| {
        let rows = &order[layout.positions(index)];
        T::dispatch(selected, PackPanel { points, rows, out: PanelOut { panel, norms, ids } });
    });
    PackedRows { layout, packed, distance }
}

/// The same for rows that may be those of the last call: panels whose rows have not changed are left as they are, and
/// keep their version.
pub(crate) fn run_again<'a, T: Element>(
    executor: &dyn Executor,
    scratches: &mut [Scratch<T>],
    selected: Selected,
    (points, order): (Points<'_, T>, &[u32]),
    distance: Distance,
    layout: &'a Layout,
    packed: &'a mut Packed<T>,
) -> PackedRows<'a, T> {
    let comparable = packed.resize(layout);
    if !comparable {
        // Nothing there is to be compared with.
        packed.versions.fill(0);
    }
    let version = packed.version;
    let panels = packed.panels.chunks_exact_mut(layout.packed_panel()).zip(&mut packed.versions);
    let rows = packed.norms.chunks_exact_mut(layout.panel).zip(packed.ids.chunks_exact_mut(layout.panel));
    let pieces = panels.zip(rows).enumerate();
    run_tasks(executor, scratches, pieces, |scratch, (index, ((panel, made), (norms, ids)))| {
        let (rows, next) = (&order[layout.positions(index)], &mut scratch.packed);
        next.resize(layout.packed_panel());
        let out = PanelOut { panel: next, norms, ids };
        T::dispatch(selected, PackAgain { points, rows, out, kept: panel, made, version });
    });
    PackedRows { layout, packed, distance }
}

/// Packs one panel aside, and keeps it if it is another than the last.
struct PackAgain<'a, T: Real> {
    points: Points<'a, T>,
    rows: &'a [u32],
    out: PanelOut<'a, T>,
    kept: &'a mut [T],
    /// The version of what is kept.
    made: &'a mut u64,
    version: u64,
}

impl<T: Real> Kernel<T> for PackAgain<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes<Real = T>>(self, lanes: L) {
        let Self { points, rows, out, kept, made, version } = self;
        let PanelOut { panel, norms, ids } = out;
        pack::transpose_rows(points, rows, panel, L::PANEL);
        // Padding is not told from rows of zeros by its components.
        if *made != 0 && pack::are_rows(rows, ids) && pack::same_bits(panel, kept) {
            return;
        }
        *made = version;
        kept.copy_from_slice(panel);
        pack::complete(lanes, rows, PanelOut { panel: kept, norms, ids });
    }
}

/// Packs one panel.
pub(crate) struct PackPanel<'a, T: Real> {
    pub(crate) points: Points<'a, T>,
    pub(crate) rows: &'a [u32],
    pub(crate) out: PanelOut<'a, T>,
}

impl<T: Real> Kernel<T> for PackPanel<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes<Real = T>>(self, lanes: L) {
        pack::pack(lanes, self.points, self.rows, self.out);
    }
}
