//! Rows of the gradient, back through the normalisation.

use super::{Subject, Suite, data::components, on_every_isa, rng, sampled};
use crate::{
    cpu::isa::Element,
    gradient::{
        ROWS,
        projection::{Columns, project},
    },
    lanes::{Kernel, Lanes},
};
use triplet_core::{Batch, Distance, Objective, Problem, ProblemBuffers, Real, Rule};

struct Project<'a, T: Element> {
    problem: &'a Problem<'a, T>,
    ids: &'a [u32],
    rows: &'a mut [T],
    columns: &'a mut Columns<T>,
}

impl<T: Element> Kernel<T> for Project<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes<Real = T>>(self, lanes: L) {
        project(lanes, self.problem.anchors(), self.ids, self.rows, self.columns);
    }
}

/// `(v - u (u.v)) / norm`, where the norm is the row's own.
fn model<T: Real>(problem: &Problem<'_, T>, row: u32, values: &[T]) -> Vec<T> {
    let (unit, scaling) = (problem.anchors().row(row), problem.anchors().scaling(row).expect("a unit row"));
    let mut along = T::ZERO;
    for (u, &v) in unit.iter().zip(values).filter(|_| scaling.own_norm) {
        along = u.fma(v, along);
    }
    let inverse_norm = T::from_f64(scaling.inverse_norm);
    unit.iter().zip(values).map(|(&u, &v)| (-along).fma(u, v) * inverse_norm).collect()
}

struct Projection;

impl Suite for Projection {
    const KERNEL: &'static str = "gradient, projection";
    fn run<T: Element>(on: Subject<T>) {
        // Kept from case to case: what is left in it must not be seen.
        let mut columns = Columns::default();
        let cases =
            [33, 1, 15, 16, 17].into_iter().flat_map(|width| [16, 1, 3, 4, 7, 15].map(|n| (width, n)));
        for (number, (width, count)) in sampled(cases.enumerate(), 5) {
            let _case = on.case(|| format!("{count} rows of width {width}"));
            let rng = &mut rng(number as u64);
            // Rows that are zero, and shorter than the norm which is not divided by.
            let mut embeddings = components::<T>(rng, (ROWS + 3) * width);
            embeddings[3 * width..4 * width].fill(T::ZERO);
            embeddings[4 * width..5 * width].fill(T::from_f64(1e-9));
            let batch = Batch::new(&embeddings, width, &[0; ROWS + 3]).expect("finite");
            let objective = Objective { distance: Distance::Angular, rule: Rule::SemiHard, margin: 1.0 };
            let mut space = ProblemBuffers::default();
            let problem = &Problem::new(&batch, objective, &mut space).expect("a finite margin");
            let before = components::<T>(rng, count * width);
            let mut rows = before.clone();
            let ids: Vec<u32> = (3..).take(count).collect();
            on.run(Project { problem, ids: &ids, rows: &mut rows, columns: &mut columns });
            for ((row, found), before) in (3..).zip(rows.chunks(width)).zip(before.chunks(width)) {
                let bits = |values: &[T]| values.iter().map(|value| value.key()).collect::<Vec<_>>();
                assert_eq!(bits(found), bits(&model(problem, row, before)), "row {row}");
            }
        }
    }
}

#[test]
fn rows_go_back_through_their_own_normalisation() {
    on_every_isa::<Projection>();
}
