//! A row panel against a run of column panels: distance keys, same class masked.

use crate::{
    gram::{
        layout::Layout,
        pack::Packed,
        tile::{Epilogue, Overlap, Tile, TileAlone},
    },
    lanes::Lanes,
};
use core::ops::Range;
use triplet_core::{Classes, Distance, Real, real::Key};

/// What a block is computed from.
#[derive(Clone, Copy)]
pub(crate) struct PackedRows<'a, T: Real> {
    pub(crate) layout: &'a Layout,
    pub(crate) packed: &'a Packed<T>,
    pub(crate) distance: Distance,
}

/// Rows laid out as a panel, and their squared norms.
#[derive(Clone, Copy)]
pub(crate) struct RowPanel<'a, T> {
    pub(crate) rows: &'a [T],
    pub(crate) norms: &'a [T],
}

impl<T: Real> PackedRows<'_, T> {
    /// One of the batch's panels.
    #[inline(always)]
    pub(crate) fn panel(&self, panel: usize) -> RowPanel<'_, T> {
        let (len, height) = (self.layout.packed_panel(), self.layout.panel);
        RowPanel {
            rows: &self.packed.panels[panel * len..][..len],
            norms: &self.packed.norms[panel * height..][..height],
        }
    }

    /// Writes the keys of the ranking values between a row panel and column
    /// panels: `keys[r * stride + c]`, where `c` counts from the first column panel.
    #[inline(always)]
    pub(crate) fn distances<L: Lanes<Real = T>>(
        &self,
        lanes: L,
        rows: usize,
        columns: Range<usize>,
        keys: &mut [T::Key],
    ) {
        self.distances_of(lanes, self.panel(rows), 0..L::PANEL, columns, keys, self.layout.stride());
    }

    /// The same for some rows of any panel, from a multiple of the tile's height on;
    /// the first of them is written first.
    #[inline(always)]
    pub(crate) fn distances_of<L: Lanes<Real = T>>(
        &self,
        lanes: L,
        rows: RowPanel<'_, T>,
        some: Range<usize>,
        columns: Range<usize>,
        keys: &mut [T::Key],
        stride: usize,
    ) {
        self.distances_over(lanes, rows, some, columns, keys, stride, &mut TileAlone);
    }

    /// The same, and `work` in between.
    #[inline(always)]
    pub(crate) fn distances_over<L: Lanes<Real = T>, W: Overlap>(
        &self,
        lanes: L,
        rows: RowPanel<'_, T>,
        some: Range<usize>,
        columns: Range<usize>,
        keys: &mut [T::Key],
        stride: usize,
        work: &mut W,
    ) {
        debug_assert!(some.start.is_multiple_of(L::TILE_ROWS));
        let layout = self.layout;
        let height = L::PANEL;
        let mut start = 0;
        while start < layout.width {
            let depth = layout.depth.min(layout.width - start);
            let last = start + depth == layout.width;
            for (offset, column) in columns.clone().enumerate() {
                let column = self.panel(column);
                for first_row in some.clone().step_by(L::TILE_ROWS) {
                    for first_column in (0..height).step_by(L::TILE_VECTORS * L::LEN) {
                        let tile = Tile {
                            rows: &rows.rows[start * height + first_row..],
                            columns: &column.rows[start * height + first_column..],
                            depth,
                            resume: start > 0,
                            epilogue: last.then(|| Epilogue {
                                distance: self.distance,
                                row_norms: &rows.norms[first_row..],
                                column_norms: &column.norms[first_column..],
                            }),
                            out: &mut keys
                                [(first_row - some.start) * stride + offset * height + first_column..],
                            stride,
                        };
                        lanes.tile(tile, work);
                    }
                }
            }
            start += depth;
        }
    }
}

/// Masks, in a block of some rows of a panel and column panels, the pairs that share a class
/// (a row with itself among them) and the padding columns.
#[inline(always)]
pub(crate) fn mask<K: Key>(
    layout: &Layout,
    classes: &Classes,
    rows: usize,
    some: Range<usize>,
    columns: Range<usize>,
    keys: &mut [K],
    stride: usize,
) {
    let first = layout.positions(rows).start;
    let positions = first + some.start..first + some.end;
    let (start, end) = (columns.start * layout.panel, columns.end * layout.panel);
    let padding = layout.rows.clamp(start, end);
    let reach = classes.span(positions.end - 1).end;
    if reach <= start && padding == end {
        return;
    }
    for (position, row) in positions.zip(keys.chunks_mut(stride)) {
        let span = classes.span(position);
        for masked in [span.start.max(start)..span.end.min(end), padding..end] {
            if masked.start < masked.end {
                row[masked.start - start..masked.end - start].fill(K::MASKED);
            }
        }
    }
}
