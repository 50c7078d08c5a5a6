//! Distances of a few rows to all, for gradients whose distances were not kept.

use super::{Subject, Suite, data::components, on_every_isa, pack, rng, sampled};
use crate::{
    cpu::isa::Element,
    gradient::Distances,
    gram::block::PackedRows,
    gram::layout::Layout,
    gram::pack::Packed,
    lanes::{Kernel, Lanes},
};
use core::ops::Range;
use triplet_core::{Batch, Distance, Objective, Problem, ProblemBuffers, Rule};

struct Compute<'a, T: Element> {
    distances: &'a mut Distances<T>,
    problem: &'a Problem<'a, T>,
    source: PackedRows<'a, T>,
    rows: Range<u32>,
}

impl<T: Element> Kernel<T> for Compute<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes<Real = T>>(self, lanes: L) {
        self.distances.compute(lanes, self.problem.anchors(), self.source, &self.rows.collect::<Vec<_>>());
    }
}

struct FewToAll;

impl Suite for FewToAll {
    const KERNEL: &'static str = "gradient, distances";
    fn run<T: Element>(on: Subject<T>) {
        let (panel, tile_rows) = (on.shape.panel, on.shape.tile_rows as u32);
        let distances = &mut Distances::default();
        // The last width is more than one part of the chain.
        let sizes = [1, panel - 1, panel, panel + 1, 2 * panel + 1];
        let wide = 24 * 1024 / (panel * size_of::<T>()) + 1;
        let cases = sizes.into_iter().flat_map(|rows| [1, 3, 16].map(|width| (rows, width)));
        for (number, (rows, width)) in sampled(cases.chain([(panel + 1, wide)]).enumerate(), 5) {
            let values = components::<T>(&mut rng(number as u64), rows * width);
            let labels: Vec<i64> = (0..rows as i64).map(|row| row % 3).collect();
            let batch = Batch::new(&values, width, &labels).expect("finite");
            for distance in Distance::ALL {
                let objective = Objective { distance, rule: Rule::SemiHard, margin: 1.0 };
                let mut space = ProblemBuffers::default();
                let problem = &Problem::new(&batch, objective, &mut space).expect("a finite margin");
                let mut layout = Layout::default();
                layout.rebuild(problem, on.selected());
                assert!(width < wide || layout.depth < wide, "the chain is not cut");
                let packed = packed(problem, &layout);
                let source = PackedRows { layout: &layout, packed: &packed, distance };
                let order = problem.classes().order();
                for (first, count) in [(0, 1), (0, tile_rows), (1, tile_rows - 1), (rows as u32 - 1, 1)] {
                    let chosen = first..(first + count).min(rows as u32);
                    let _case =
                        on.case(|| format!("{rows} rows of width {width}, {distance:?}, rows {chosen:?}"));
                    on.run(Compute { distances, problem, source, rows: chosen.clone() });
                    for (index, row) in chosen.clone().enumerate() {
                        for (&key, &other) in distances.of(index).iter().zip(order) {
                            assert_eq!(
                                key,
                                problem.comparison().ranking_value(row, other).key(),
                                "rows {row} and {other}"
                            );
                        }
                        assert!(distances.of(index).len() >= rows);
                    }
                }
            }
        }
    }
}

/// The rows of a problem, packed by the model.
fn packed<T: Element>(problem: &Problem<'_, T>, layout: &Layout) -> Packed<T> {
    let mut packed = Packed::default();
    packed.resize(layout);
    for (index, positions) in layout.all_positions().enumerate() {
        let members = &problem.classes().order()[positions];
        let row = |row| problem.candidates().row(row).to_vec();
        let (values, norms, ids) = pack::model(row, members, layout.width, layout.panel);
        packed.panels[index * layout.packed_panel()..][..values.len()].copy_from_slice(&values);
        packed.norms[index * layout.panel..][..norms.len()].copy_from_slice(&norms);
        packed.ids[index * layout.panel..][..ids.len()].copy_from_slice(&ids);
    }
    packed
}

#[test]
fn distances_of_a_few_rows_are_those_of_their_pairs_by_position() {
    on_every_isa::<FewToAll>();
}
