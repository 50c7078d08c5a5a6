//! The micro-kernel: chains of inner products, resumed, and the distances they end in.

use super::{Subject, Suite, data::components, guarded::Guarded, on_every_isa, rng, sampled};
use crate::{
    cpu::isa::Element,
    gram::tile::{Epilogue, Overlap, STEPS, Tile},
    lanes::{Kernel, Lanes},
};
use triplet_core::{Distance, Real};

/// Runs a tile, and counts the calls of the work that is done meanwhile.
struct RunTile<'a, T: Real>(Tile<'a, T>);

struct Count(usize);

impl Overlap for Count {
    fn advance(&mut self) {
        self.0 += 1;
    }
}

impl<T: Real> Kernel<T> for RunTile<'_, T> {
    type Output = usize;
    #[inline(always)]
    fn run<L: Lanes<Real = T>>(self, lanes: L) -> usize {
        let mut count = Count(0);
        lanes.tile(self.0, &mut count);
        count.0
    }
}

/// Operands of a tile: two panels, cut to exactly the elements that the tile reads, so that any other is out of
/// bounds.
struct Operands<T> {
    rows: Guarded<T>,
    columns: Guarded<T>,
    row_norms: Vec<T>,
    column_norms: Vec<T>,
}

impl<T: Element> Operands<T> {
    /// The tile at a row and a column of two random panels.
    fn new(on: &Subject<T>, depth: usize, [row, column]: [usize; 2], stream: u64) -> Self {
        let (panel, rng) = (on.shape.panel, &mut rng(stream));
        let mut part = |first: usize, count: usize| {
            components(rng, depth * panel)[first..][..(depth - 1) * panel + count].to_vec().into()
        };
        let (rows, columns) = (part(row, on.shape.tile_rows), part(column, on.shape.tile_columns));
        // Norms that are not the rows' own: some distances are negative before they are map off at zero.
        let mut norms = |count| components::<T>(rng, count).into_iter().map(Real::abs).collect();
        let (row_norms, column_norms) = (norms(on.shape.tile_rows), norms(on.shape.tile_columns));
        Self { rows, columns, row_norms, column_norms }
    }

    /// The key at a row and column of the tile: one chain of fused multiply-adds from `start`, and the last step
    /// of a distance.
    fn model(&self, panel: usize, [r, c]: [usize; 2], start: T, distance: Option<Distance>) -> T::Key {
        let mut g = start;
        for (x, y) in self.rows[r..].iter().step_by(panel).zip(self.columns[c..].iter().step_by(panel)) {
            g = x.fma(*y, g);
        }
        distance
            .map_or(g, |distance| distance.ranking_value(g, self.row_norms[r], self.column_norms[c]))
            .key()
    }
}

struct Tiles;

impl Suite for Tiles {
    const KERNEL: &'static str = "tile";
    fn run<T: Element>(on: Subject<T>) {
        let shape = on.shape;
        let endings: Vec<Option<Distance>> = [None].into_iter().chain(Distance::ALL.map(Some)).collect();
        let depths = (1..=9).chain([31, 32, 33]);
        let rows = (0..shape.panel).step_by(shape.tile_rows);
        let columns = (0..shape.panel).step_by(shape.tile_columns);
        let strides = [shape.tile_columns, shape.tile_columns + 1, 2 * shape.panel];
        let at = rows.flat_map(|row| columns.clone().map(move |column| [row, column]));
        let cases = at.flat_map(|at| depths.clone().map(move |depth| (at, depth)));
        for (number, (at, depth)) in sampled(cases.enumerate(), 7) {
            let operands = Operands::<T>::new(&on, depth, at, number as u64);
            for (ending, resume) in endings.iter().flat_map(|&ending| [(ending, false), (ending, true)]) {
                let stride = strides[number % strides.len()];
                let _case = on.case(|| {
                    format!(
                        "depth {depth}, tile at {at:?}, stride {stride}, resume {resume}, ending {ending:?}"
                    )
                });
                // What a chain that is not resumed must not see, and a resumed one starts from.
                let before =
                    components::<T>(&mut rng(99), (shape.tile_rows - 1) * stride + shape.tile_columns);
                let mut out: Vec<T::Key> = before.iter().map(|value| value.key()).collect();
                let calls = on.run(RunTile(Tile {
                    rows: &operands.rows,
                    columns: &operands.columns,
                    depth,
                    resume,
                    epilogue: ending.map(|distance| Epilogue {
                        distance,
                        row_norms: &operands.row_norms,
                        column_norms: &operands.column_norms,
                    }),
                    out: &mut out,
                    stride,
                }));
                assert_eq!(calls, depth.div_ceil(STEPS), "calls of the work that is done meanwhile");
                for (place, (&found, &before)) in out.iter().zip(&before).enumerate() {
                    let (r, c) = (place / stride, place % stride);
                    let start = if resume { before } else { T::ZERO };
                    let inside = c < shape.tile_columns;
                    let expected = if inside {
                        operands.model(shape.panel, [r, c], start, ending)
                    } else {
                        before.key()
                    };
                    assert_eq!(found, expected, "row {r}, column {c}");
                }
            }
        }
    }
}

#[test]
fn tiles_are_chains_and_write_nothing_else() {
    on_every_isa::<Tiles>();
}

struct ShortOperands;

impl Suite for ShortOperands {
    const KERNEL: &'static str = "tile, short operands";
    fn run<T: Element>(on: Subject<T>) {
        let shape = on.shape;
        let mut out = vec![T::ZERO.key(); shape.tile_rows * shape.tile_columns];
        for (short, depth) in [("nothing", 3), ("rows", 3), ("columns", 3), ("depth", 0), ("out", 3)] {
            let _case = on.case(|| format!("too short: {short}"));
            let operands = Operands::<T>::new(&on, 3, [0, 0], 5);
            let map = |name: &str| usize::from(short == name);
            let len = out.len() - map("out");
            let refused = on.refuses(RunTile(Tile {
                rows: &operands.rows[map("rows")..],
                columns: &operands.columns[map("columns")..],
                depth,
                resume: false,
                epilogue: None,
                out: &mut out[..len],
                stride: shape.tile_columns,
            }));
            assert_eq!(refused, short != "nothing");
        }
    }
}

/// The loads of the inner loop are unchecked: the lengths are checked before it.
#[test]
fn operands_shorter_than_the_tile_are_refused() {
    on_every_isa::<ShortOperands>();
}
