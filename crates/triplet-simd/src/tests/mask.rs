//! Which keys of a block are masked.

use super::{Subject, Suite, on_every_isa, rng, sampled};
use crate::{cpu::isa::Element, gram::block::mask, gram::layout::Layout};
use triplet_core::{Classes, real::Key};

/// Labels of a batch, by how its classes lie in panels.
fn labels(kind: usize, rows: usize, panel: usize) -> (&'static str, Vec<i64>) {
    let sized = |size: usize| (0..rows).map(|row| (row / size) as i64).collect();
    match kind {
        0 => ("one class", vec![7; rows]),
        1 => ("all different", (0..rows as i64).collect()),
        2 => ("classes of a panel less one", sized(panel - 1)),
        3 => ("classes of a panel", sized(panel)),
        4 => ("classes of a panel and one more", sized(panel + 1)),
        5 => ("pairs", sized(2)),
        _ => {
            let mut rng = rng(rows as u64);
            ("random", (0..rows).map(|_| rng.i64(..5)).collect())
        }
    }
}

struct Masks;

impl Suite for Masks {
    const KERNEL: &'static str = "block, mask";
    fn run<T: Element>(on: Subject<T>) {
        let panel = on.shape.panel;
        let sizes = [1, 2, panel - 1, panel, panel + 1, 2 * panel + 1, 3 * panel];
        for (rows, kind) in
            sampled(sizes.into_iter().flat_map(|rows| (0..7).map(move |kind| (rows, kind))), 5)
        {
            let (name, labels) = labels(kind, rows, panel);
            let mut classes = Classes::default();
            classes.rebuild(&labels);
            let panels = rows.div_ceil(panel);
            let layout = Layout { rows, panel, panels, ..Layout::default() };
            let label = |position: usize| labels[classes.order()[position] as usize];
            let blocks = (0..panels).flat_map(|row| (0..panels).map(move |column| (row, column)));
            for ((row, column), end) in blocks.flat_map(|at| (at.1 + 1..=panels).map(move |end| (at, end))) {
                let positions = layout.positions(row);
                let height = positions.len();
                for some in [0..height, 0..1, height - 1..height, height / 2..height] {
                    let _case = on.case(|| {
                        format!(
                            "{rows} rows, {name}, rows {some:?} of panel {row}, column panels {column}..{end}"
                        )
                    });
                    let (wide, first) = ((end - column) * panel, column * panel);
                    let stride = wide + 2;
                    let mut keys = vec![T::Key::ZERO; some.len() * stride];
                    mask(&layout, &classes, row, some.clone(), column..end, &mut keys, stride);
                    for (place, &key) in keys.iter().enumerate() {
                        let anchor = positions.start + some.start + place / stride;
                        let (c, candidate) = (place % stride, first + place % stride);
                        let padding = candidate >= rows;
                        let masked = c < wide && (padding || label(anchor) == label(candidate));
                        let expected = if masked { T::Key::MASKED } else { T::Key::ZERO };
                        assert_eq!(key, expected, "anchor {anchor}, candidate {candidate}");
                    }
                }
            }
        }
    }
}

#[test]
fn pairs_of_one_class_and_padding_are_masked_and_nothing_else_is() {
    on_every_isa::<Masks>();
}
