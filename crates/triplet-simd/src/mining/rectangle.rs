//! The pieces of the triangle: rectangles of blocks, cut at the diagonal.

use crate::gram::layout::Layout;
use core::ops::Range;
use triplet_core::shares::Share;

/// Row panels of a piece, and what it needs of the cache: its column panels are used again for every row panel.
const ROWS: usize = 8;
/// Column panels of a piece.
const COLUMNS: usize = 32;
/// Panels of a side of the squares that the blocks of a piece are walked in, so that panels are used again while
/// they are in the L2 cache.
const SQUARE: usize = 16;
/// Pieces that there should be for each worker, so that none waits long for the last of another.
const PIECES_A_WORKER: usize = 8;
/// Blocks of the smallest piece: its last one is searched without a next.
const LEAST_BLOCKS: usize = 4;

/// Some row panels against some column panels, where these are at or right of the diagonal.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Rectangle {
    pub(crate) rows: Range<usize>,
    pub(crate) columns: Range<usize>,
}

impl Rectangle {
    /// Its panels: those of the rows, then those of the columns that are not among them.
    pub(super) fn panels(&self) -> impl Iterator<Item = usize> + use<> {
        self.rows.clone().chain(self.columns.start.max(self.rows.end)..self.columns.end)
    }

    /// The blocks, square by square: the panel of their rows, and that of their columns. Left out are those of two panels
    /// without thresholds: of large classes, whose anchors find their candidates themselves, or of single rows.
    pub(crate) fn blocks<'a>(&self, layout: &'a Layout) -> impl Iterator<Item = [usize; 2]> + use<'a> {
        let Self { rows, columns } = self.clone();
        let squares = rows.clone().step_by(SQUARE).flat_map(move |top| {
            let rows = top..rows.end.min(top + SQUARE);
            let lefts = (columns.start.max(top)..columns.end).step_by(SQUARE);
            lefts.map(move |left| (rows.clone(), left..columns.end.min(left + SQUARE)))
        });
        let blocks = squares.flat_map(|(rows, columns)| {
            rows.flat_map(move |row| (columns.start.max(row)..columns.end).map(move |column| [row, column]))
        });
        blocks.filter(|block| block.iter().any(|&panel| layout.slots(panel) > 0))
    }
}

/// All pieces of a triangle of so many panels. Those of the first rows come first: what they find for the columns
/// is a bound for all that follow.
pub(super) fn pieces(panels: usize, workers: usize) -> impl Iterator<Item = Rectangle> + Send {
    let [rows, columns] = size(panels, workers);
    (0..panels).step_by(rows).flat_map(move |top| {
        let starts = (top..panels).step_by(columns);
        starts.map(move |left| Rectangle {
            rows: top..(top + rows).min(panels),
            columns: left..(left + columns).min(panels),
        })
    })
}

/// The pieces of a share of the triangle.
pub(super) fn share_pieces<'a>(
    layout: &'a Layout,
    share: &Share,
) -> impl Iterator<Item = Rectangle> + Send + use<'a> {
    let pieces = share.pieces(layout.rows);
    pieces.map(|(rows, columns)| Rectangle { rows: layout.of_units(rows), columns: layout.of_units(columns) })
}

/// Row and column panels of each piece.
fn size(panels: usize, workers: usize) -> [usize; 2] {
    if workers == 1 {
        return [panels; 2];
    }
    let blocks = panels * (panels + 1) / 2;
    let wanted = (blocks / (PIECES_A_WORKER * workers)).clamp(LEAST_BLOCKS, ROWS * COLUMNS);
    // Four times as wide as high, and no wider than wanted.
    let rows = (wanted / 4).isqrt().clamp(1, ROWS);
    [rows, wanted / rows]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_block_at_or_right_of_the_diagonal_is_in_one_piece() {
        for (panels, workers) in [(1, 1), (5, 1), (22, 1), (22, 2), (22, 16), (86, 16), (86, 64), (171, 1000)]
        {
            let threshold_starts = (0..=panels).collect();
            let layout = Layout { panels, threshold_starts, ..Layout::default() };
            let mut blocks: Vec<[usize; 2]> =
                pieces(panels, workers).flat_map(|piece| piece.blocks(&layout)).collect();
            blocks.sort_unstable();
            let all = (0..panels).flat_map(|row| (row..panels).map(move |column| [row, column]));
            assert_eq!(blocks, all.collect::<Vec<_>>(), "{panels} panels, {workers} workers");
        }
    }

    #[test]
    fn pieces_are_smaller_for_more_workers() {
        // 171 panels have 14706 blocks, 919 a worker of 16, 229 a worker of 64.
        assert_eq!(
            [1, 16, 64, 128].map(|workers| size(171, workers)),
            [[171, 171], [5, 22], [2, 14], [1, 14]]
        );
        // 22 panels have 253.
        assert_eq!([1, 2, 16].map(|workers| size(22, workers)), [[22, 22], [1, 15], [1, 4]]);
    }

    #[test]
    fn two_panels_without_thresholds_are_not_compared() {
        let layout = Layout { panels: 3, threshold_starts: vec![0, 0, 7, 7], ..Layout::default() };
        let piece = Rectangle { rows: 0..2, columns: 0..3 };
        assert_eq!(piece.blocks(&layout).collect::<Vec<_>>(), [[0, 1], [1, 1], [1, 2]]);
    }
}
