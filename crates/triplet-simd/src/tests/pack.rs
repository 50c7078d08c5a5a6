//! Rows to panels, squared norms and row numbers.

use super::{Subject, Suite, data::components, guarded::Guarded, on_every_isa, rng, sampled};
use crate::{
    cpu::isa::Element,
    gram::{pack::PanelOut, pack_batch::PackPanel},
};
use triplet_core::{Batch, Distance, Points, Real, points::PointsBuffers, real::Key};

/// One panel: component `k` of row `r` at `[k * panel + r]`, zeros past the last row; the squared norm of each by
/// one chain; its original row, and no row's number for padding.
pub(super) fn model<T: Real>(
    row: impl Fn(u32) -> Vec<T>,
    rows: &[u32],
    width: usize,
    panel: usize,
) -> (Vec<T>, Vec<T>, Vec<T::Key>) {
    let mut packed = vec![T::ZERO; width * panel];
    let mut norms = vec![T::ZERO; panel];
    let mut ids = vec![T::Key::SIGNED_MAX; panel];
    for (r, &original) in rows.iter().enumerate() {
        for (k, x) in row(original).into_iter().enumerate() {
            packed[k * panel + r] = x;
            norms[r] = x.fma(x, norms[r]);
        }
        ids[r] = Key::from_row(original);
    }
    (packed, norms, ids)
}

struct Panels;

impl Suite for Panels {
    const KERNEL: &'static str = "pack";
    fn run<T: Element>(on: Subject<T>) {
        let panel = on.shape.panel;
        let (widths, heights) = ([1, 2, 7, 15, 16, 17, 31, 32, 33, 48], 0..=panel);
        for (width, height) in sampled(
            widths.into_iter().flat_map(|width| heights.clone().map(move |height| (width, height))),
            11,
        ) {
            let _case = on.case(|| format!("{height} rows of width {width}"));
            let rng = &mut rng((width * 100 + height) as u64);
            let batch_rows = panel + 3;
            let (values, labels) =
                (Guarded::from(components::<T>(rng, batch_rows * width)), vec![0; batch_rows]);
            let batch = Batch::new(&values, width, &labels).expect("finite");
            let mut buffers = PointsBuffers::default();
            let points = Points::new(&batch, Distance::SquaredL2, &mut buffers);
            let mut rows: Vec<u32> = (0..batch_rows as u32).collect();
            rng.shuffle(&mut rows);
            rows.truncate(height);
            // Left from another batch.
            let mut packed = Guarded::from(vec![T::ONE; width * panel]);
            let (mut norms, mut ids) = (vec![T::ONE; panel], vec![T::Key::ZERO; panel]);
            let out = PanelOut { panel: &mut packed, norms: &mut norms, ids: &mut ids };
            on.run(PackPanel { points, rows: &rows, out });
            let expected = model(|row| points.row(row).to_vec(), &rows, width, panel);
            let bits = |values: &[T]| values.iter().map(|value| value.key()).collect::<Vec<_>>();
            assert_eq!(bits(&packed), bits(&expected.0), "components");
            assert_eq!(bits(&norms), bits(&expected.1), "norms");
            assert_eq!(ids, expected.2, "rows");
        }
    }
}

#[test]
fn rows_are_transposed_into_panels_and_padded_with_zeros() {
    on_every_isa::<Panels>();
}
