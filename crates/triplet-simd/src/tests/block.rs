//! Distance keys of a row panel against column panels, with the chain cut for the cache.

use super::{Subject, Suite, data::components, on_every_isa, pack, rng, sampled};
use crate::{
    cpu::isa::Element,
    gram::block::{PackedRows, RowPanel},
    gram::layout::Layout,
    gram::pack::Packed,
    lanes::{Kernel, Lanes},
};
use core::ops::Range;
use triplet_core::{Distance, Real, real::Key};

/// Runs [`PackedRows::distances_of`], or for the whole panel of a batch [`PackedRows::distances`].
struct Distances<'a, T: Real> {
    source: PackedRows<'a, T>,
    panel: usize,
    some: Option<Range<usize>>,
    columns: Range<usize>,
    keys: &'a mut [T::Key],
    stride: usize,
}

impl<T: Real> Kernel<T> for Distances<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes<Real = T>>(self, lanes: L) {
        let Self { source, panel, some, columns, keys, stride } = self;
        match some {
            None => source.distances(lanes, panel, columns, keys),
            Some(some) => {
                let panel = source.panel(panel);
                let rows = RowPanel { rows: panel.rows, norms: panel.norms };
                source.distances_of(lanes, rows, some, columns, keys, stride);
            }
        }
    }
}

/// A batch of so many rows, packed by the model, and the rows themselves in packed order.
fn packed<T: Element>(
    on: &Subject<T>,
    rows: usize,
    width: usize,
    depth: usize,
) -> (Layout, Packed<T>, Vec<Vec<T>>) {
    let panel = on.shape.panel;
    let panels = rows.div_ceil(panel);
    let layout = Layout {
        rows,
        width,
        panel,
        tile_rows: on.shape.tile_rows,
        panels,
        block: panels,
        depth,
        ..Layout::default()
    };
    let values = components::<T>(&mut rng((rows * 64 + width) as u64), rows * width);
    let mut all: Vec<Vec<T>> = values.chunks(width).map(<[T]>::to_vec).collect();
    // Equal rows, whose distance is exactly zero, and nearly equal ones.
    if rows > 2 {
        all[rows - 1] = all[0].clone();
        all[1] = all[0].clone();
        all[1][width - 1] = all[1][width - 1] + T::from_f64(T::EPSILON);
    }
    let mut packed = Packed::default();
    packed.resize(&layout);
    for index in 0..panels {
        let members: Vec<u32> = layout.positions(index).map(|position| position as u32).collect();
        let (values, norms, ids) = pack::model(|row| all[row as usize].clone(), &members, width, panel);
        packed.panels[index * layout.packed_panel()..][..values.len()].copy_from_slice(&values);
        packed.norms[index * panel..][..panel].copy_from_slice(&norms);
        packed.ids[index * panel..][..panel].copy_from_slice(&ids);
    }
    all.resize(panels * panel, vec![T::ZERO; width]);
    (layout, packed, all)
}

/// The searched distance of two rows: three chains and the last step.
fn model<T: Real>(x: &[T], y: &[T], distance: Distance) -> T::Key {
    let inner = |x: &[T], y: &[T]| {
        let mut g = T::ZERO;
        for (&a, &b) in x.iter().zip(y) {
            g = a.fma(b, g);
        }
        g
    };
    distance.ranking_value(inner(x, y), inner(x, x), inner(y, y)).key()
}

struct Blocks;

impl Suite for Blocks {
    const KERNEL: &'static str = "block, distances";
    fn run<T: Element>(on: Subject<T>) {
        let (panel, tile_rows) = (on.shape.panel, on.shape.tile_rows);
        let sizes = [1, panel - 1, panel, panel + 1, 2 * panel, 2 * panel + 1];
        // Widths against the depth after which the chain is map: shorter, equal, one more, several, a rest of one.
        let chains = [(1, 4), (4, 4), (5, 4), (8, 4), (9, 4), (3, 1), (7, 3), (17, 5)];
        let somes = [
            None,
            Some(0..panel),
            Some(0..1),
            Some(0..tile_rows),
            Some(0..panel.min(tile_rows + 1)),
            Some(panel - tile_rows..panel),
            Some(panel - tile_rows..panel - tile_rows + 1),
        ];
        let cases = sizes.into_iter().flat_map(|rows| chains.into_iter().map(move |chain| (rows, chain)));
        for (number, (rows, (width, depth))) in sampled(cases.enumerate(), 9) {
            let (layout, packed, all) = packed(&on, rows, width, depth);
            for (distance, some) in
                Distance::ALL.into_iter().flat_map(|d| somes.clone().map(|some| (d, some)))
            {
                let rows_panel = number % layout.panels;
                for columns in [0..layout.panels, layout.panels - 1..layout.panels, 0..1] {
                    let _case = on.case(|| {
                        format!(
                            "{rows} rows of width {width}, chains of {depth}, {distance:?}, \
                             rows {some:?} of panel {rows_panel}, column panels {columns:?}"
                        )
                    });
                    let wide = columns.len() * panel;
                    let stride = if some.is_some() { wide + 3 } else { layout.stride() };
                    let chosen = some.clone().unwrap_or(0..panel);
                    let written = chosen.len().next_multiple_of(tile_rows);
                    let sentinel = T::Key::SIGNED_MAX;
                    let mut keys = vec![sentinel; written * stride + stride];
                    let source = PackedRows { layout: &layout, packed: &packed, distance };
                    let panel_columns = columns.clone();
                    let first = columns.start * panel;
                    let some = some.clone();
                    on.run(Distances {
                        source,
                        panel: rows_panel,
                        some,
                        columns: panel_columns,
                        keys: &mut keys,
                        stride,
                    });
                    for (place, &found) in keys.iter().enumerate() {
                        let (r, c) = (place / stride, place % stride);
                        if r < chosen.len() && c < wide {
                            let row = &all[rows_panel * panel + chosen.start + r];
                            assert_eq!(found, model(row, &all[first + c], distance), "row {r}, column {c}");
                        } else if r >= written || c >= wide {
                            assert_eq!(found, sentinel, "written outside the block: row {r}, column {c}");
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn blocks_hold_the_distances_of_all_pairs_wherever_the_chain_is_cut() {
    on_every_isa::<Blocks>();
}
