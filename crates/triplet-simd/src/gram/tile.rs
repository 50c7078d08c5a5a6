//! The micro-kernel: a register tile of inner products, one chain a lane.

use crate::{inlined::from_fn, lanes::Lanes};
use triplet_core::{Distance, Real};

/// What turns finished inner products into distances.
#[derive(Clone, Copy)]
pub struct Epilogue<'a, T> {
    /// The distance in use.
    pub distance: Distance,
    /// Squared norms of the tile's rows.
    pub row_norms: &'a [T],
    /// Squared norms of the tile's columns.
    pub column_norms: &'a [T],
}

/// Work that is done between the steps of a register tile, on the ports that the multiply-adds
/// leave free; see [`crate::search::BlockSearch`].
pub trait Overlap {
    /// Does the next part of it: [`STEPS`] steps of the chain are done between two calls.
    fn advance(&mut self);
}

/// No work besides the tile.
pub(crate) struct TileAlone;

impl Overlap for TileAlone {
    #[inline(always)]
    fn advance(&mut self) {}
}

/// Steps of the chain between two calls of [`Overlap::advance`]: few enough for the reorder buffer to hold
/// their multiply-adds together with what comes between them.
pub(crate) const STEPS: usize = 4;

/// One register tile: `TILE_ROWS` rows of a panel against `TILE_VECTORS` vectors of
/// columns of another.
pub struct Tile<'a, T: Real> {
    /// The row panel from the tile's first row on, `depth` steps of a panel each.
    pub rows: &'a [T],
    /// The column panel from the tile's first column on, likewise.
    pub columns: &'a [T],
    /// Steps of this part of the chain.
    pub depth: usize,
    /// Whether the chain goes on from what `out` holds, instead of from zero.
    pub resume: bool,
    /// With the last part of the chain: how it ends.
    pub epilogue: Option<Epilogue<'a, T>>,
    /// Where the tile's first row goes; `stride` apart, the others.
    pub out: &'a mut [T::Key],
    /// Distance between rows of `out`.
    pub stride: usize,
}

impl<T: Real> Tile<'_, T> {
    /// Runs the tile in registers: `R` rows by `V` vectors.
    ///
    /// Partial results of a chain that is cut by the cache blocking go through `out` as
    /// bits and are resumed, never added, so that the cut changes no bit of the result.
    #[inline(always)]
    pub fn run<L: Lanes<Real = T>, W: Overlap, const R: usize, const V: usize>(self, lanes: L, work: &mut W) {
        const { assert!(R == L::TILE_ROWS && V == L::TILE_VECTORS) };
        const { assert!(L::PANEL.is_multiple_of(R) && L::PANEL.is_multiple_of(V * L::LEN)) };
        let mut acc = [[lanes.splat(T::ZERO); V]; R];
        if self.resume {
            for (r, row) in acc.iter_mut().enumerate() {
                for (v, g) in row.iter_mut().enumerate() {
                    *g = lanes.floats(lanes.load_keys(&self.out[r * self.stride + v * L::LEN..]));
                }
            }
        }
        accumulate(lanes, self.rows, self.columns, self.depth, &mut acc, work);
        for (r, row) in acc.iter().enumerate() {
            for (v, &g) in row.iter().enumerate() {
                let value = match self.epilogue {
                    None => g,
                    Some(Epilogue { distance, row_norms, column_norms }) => {
                        let columns = lanes.load(&column_norms[v * L::LEN..]);
                        ranking_value(lanes, distance, g, lanes.splat(row_norms[r]), columns)
                    }
                };
                lanes.store_keys(&mut self.out[r * self.stride + v * L::LEN..], lanes.keys(value));
            }
        }
    }
}

/// [`Distance::ranking_value`], a vector at a time: from inner products and both sides' squared norms.
#[inline(always)]
pub(crate) fn ranking_value<L: Lanes>(
    lanes: L,
    distance: Distance,
    g: L::Float,
    row_norms: L::Float,
    column_norms: L::Float,
) -> L::Float {
    let value = match distance {
        Distance::SquaredL2 | Distance::L2 => lanes.sub(lanes.add(row_norms, column_norms), lanes.add(g, g)),
        Distance::Angular => lanes.sub(lanes.splat(L::Real::ONE), g),
    };
    lanes.max0(value)
}

/// The chain itself: `acc[r][v] = fma(rows[k][r], columns[k][v], acc[r][v])`, `k` ascending.
#[inline(always)]
fn accumulate<L: Lanes, W: Overlap, const R: usize, const V: usize>(
    lanes: L,
    rows: &[L::Real],
    columns: &[L::Real],
    depth: usize,
    acc: &mut [[L::Float; V]; R],
    work: &mut W,
) {
    let panel = L::PANEL;
    let last = depth.wrapping_sub(1) * panel;
    assert!(depth > 0 && rows.len() >= last + R && columns.len() >= last + V * L::LEN);
    let (mut row, mut column) = (rows.as_ptr(), columns.as_ptr());
    let mut sums = *acc;
    let mut left = depth;
    while left > 0 {
        let steps = left.min(STEPS);
        for _ in 0..steps {
            // SAFETY: the assertion above covers `depth` steps, `panel` elements apart, up
            // to the last row and the last column of the tile. `wrapping_add` may leave
            // the slices after the last step, where nothing is read.
            unsafe {
                let vectors: [L::Float; V] = from_fn(|v| lanes.load_at(column.wrapping_add(v * L::LEN)));
                lanes.add_outer_product(row, &vectors, &mut sums);
            }
            row = row.wrapping_add(panel);
            column = column.wrapping_add(panel);
        }
        work.advance();
        left -= steps;
    }
    *acc = sums;
}
