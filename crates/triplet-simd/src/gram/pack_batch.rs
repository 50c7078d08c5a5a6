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
    let panels = packed.panels.chunks_exact_mut(layout.packed_panel());
    let rows = packed.norms.chunks_exact_mut(layout.panel).zip(packed.ids.chunks_exact_mut(layout.panel));
    let pieces = panels.zip(rows).enumerate();
    run_tasks(executor, scratches, pieces, |_, (index, (panel, (norms, ids)))| {
        let rows = &order[layout.positions(index)];
        T::dispatch(selected, PackPanel { points, rows, out: PanelOut { panel, norms, ids } });
    });
    PackedRows { layout, packed, distance }
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
