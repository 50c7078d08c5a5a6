//! The tile one vector wide: chains of inner products.

use super::{Subject, Suite, data::components, guarded::Guarded, on_every_isa, rng, sampled};
use crate::{
    cpu::isa::Element,
    gram::narrow::inner_products,
    lanes::{Kernel, Lanes},
};
use triplet_core::Real;

const ROWS: usize = 4;

struct RunNarrow<'a, T: Real> {
    rows: &'a [T],
    columns: &'a [T],
    depth: usize,
}

impl<T: Real> Kernel<T> for RunNarrow<'_, T> {
    type Output = Vec<T>;
    #[inline(always)]
    fn run<L: Lanes<Real = T>>(self, lanes: L) -> Vec<T> {
        let mut out = vec![T::ZERO; ROWS * L::LEN];
        let products: [L::Float; ROWS] = inner_products(lanes, self.rows, self.columns, self.depth);
        for (product, out) in products.into_iter().zip(out.chunks_mut(L::LEN)) {
            lanes.store(out, product);
        }
        out
    }
}

struct Narrow;

impl Suite for Narrow {
    const KERNEL: &'static str = "narrow tile";
    fn run<T: Element>(on: Subject<T>) {
        let (panel, len) = (on.shape.panel, on.shape.len);
        let places = [[0, 0], [panel - ROWS, 0], [1, panel - len]];
        for (number, (depth, [row, column])) in
            sampled((1..40).flat_map(|depth| places.map(|place| (depth, place))).enumerate(), 7)
        {
            let _case = on.case(|| format!("depth {depth}, row {row}, column {column}"));
            let rng = &mut rng(number as u64);
            // Cut to what is read, so that any other element is out of bounds.
            let mut part = |first: usize, count: usize| -> Guarded<T> {
                components::<T>(rng, depth * panel)[first..][..(depth - 1) * panel + count].to_vec().into()
            };
            let (rows, columns) = (part(row, ROWS), part(column, len));
            let found = on.run(RunNarrow { rows: &rows, columns: &columns, depth });
            for (place, found) in found.into_iter().enumerate() {
                let chain = |side: usize, at: usize| [&rows, &columns][side][at..].iter().step_by(panel);
                let pairs = chain(0, place / len).zip(chain(1, place % len));
                let expected = pairs.fold(T::ZERO, |g, (x, y)| x.fma(*y, g));
                assert_eq!(found.key(), expected.key(), "row {}, column {}", place / len, place % len);
            }
            for (short_rows, short_columns, depth) in [(1, 0, depth), (0, 1, depth), (0, 0, 0)] {
                let (rows, columns) = (&rows[short_rows..], &columns[short_columns..]);
                assert!(on.refuses(RunNarrow { rows, columns, depth }), "too short, and not refused");
            }
        }
    }
}

/// The loads of the inner loop are unchecked: the lengths are checked before it.
#[test]
fn narrow_tiles_are_chains_within_their_operands() {
    on_every_isa::<Narrow>();
}
