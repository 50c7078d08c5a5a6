//! Single stages, for benchmarks. Not part of the interface.

use crate::{
    cpu::isa::{Element, Selected},
    executor::Inline,
    gram::{block::PackedRows, layout::Layout, pack::Packed, pack_batch},
    lanes::{Kernel, Lanes},
    scratch::Scratch,
};
use triplet_core::Problem;

/// What the stages leave behind.
pub struct StageBench<T: Element> {
    selected: Selected,
    layout: Layout,
    packed: Packed<T>,
    scratch: Scratch<T>,
}

impl<T: Element> StageBench<T> {
    /// On one instruction set.
    #[must_use]
    pub fn new(selected: Selected) -> Self {
        Self { selected, layout: Layout::default(), packed: Packed::default(), scratch: Scratch::default() }
    }

    /// Lays the batch out and packs it.
    pub fn pack(&mut self, problem: &Problem<'_, T>) {
        self.layout.rebuild(problem, self.selected);
        let Self { selected, layout, packed, scratch } = self;
        scratch.keys.resize(layout.panel * layout.stride());
        let rows = (problem.anchors(), problem.classes().order());
        let scratch = core::slice::from_mut(scratch);
        pack_batch::run(&Inline, scratch, *selected, rows, problem.distance(), layout, packed);
    }

    /// Distance keys of the triangle's blocks of a packed batch, which are not searched;
    /// the number of inner products.
    pub fn tiles(&mut self, problem: &Problem<'_, T>) -> usize {
        let Self { selected, layout, packed, scratch } = self;
        let source = PackedRows { layout, packed, distance: problem.distance() };
        let mut products = 0;
        for rows in 0..layout.panels {
            for first in (rows..layout.panels).step_by(layout.block) {
                let columns = first..(first + layout.block).min(layout.panels);
                products += layout.panel * layout.panel * columns.len();
                T::dispatch(*selected, Tiles { source, rows, columns, keys: &mut scratch.keys });
            }
        }
        products
    }
}

struct Tiles<'a, T: Element> {
    source: PackedRows<'a, T>,
    rows: usize,
    columns: core::ops::Range<usize>,
    keys: &'a mut [T::Key],
}

impl<T: Element> Kernel<T> for Tiles<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes<Real = T>>(self, lanes: L) {
        self.source.distances(lanes, self.rows, self.columns, self.keys);
    }
}
