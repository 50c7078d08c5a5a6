//! Stage 1: rows to panels.

use crate::{
    executor::{Executor, share},
    isa::{Element, Selected},
    lanes::{Kernel, Lanes},
    layout::Layout,
    pack::{self, Packed, PanelOut},
};
use triplet_core::{Problem, Real};

/// Packs every panel.
pub(crate) fn run<T: Element, S: Send>(
    executor: &dyn Executor,
    scratches: &mut [S],
    selected: Selected,
    problem: &Problem<'_, T>,
    layout: &Layout,
    packed: &mut Packed<T>,
) {
    packed.resize(layout);
    let panels = packed.panels.chunks_exact_mut(layout.packed_panel());
    let rows = packed.norms.chunks_exact_mut(layout.panel).zip(packed.ids.chunks_exact_mut(layout.panel));
    let pieces = panels.zip(rows).enumerate();
    share(executor, scratches, pieces, |_, (index, (panel, (norms, ids)))| {
        let rows = &problem.classes().order()[layout.positions(index)];
        T::dispatch(selected, PackPanel { problem, rows, out: PanelOut { panel, norms, ids } });
    });
}

struct PackPanel<'a, T: Real> {
    problem: &'a Problem<'a, T>,
    rows: &'a [u32],
    out: PanelOut<'a, T>,
}

impl<T: Real> Kernel<T> for PackPanel<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes<Real = T>>(self, lanes: L) {
        pack::pack(lanes, self.problem, self.rows, self.out);
    }
}
