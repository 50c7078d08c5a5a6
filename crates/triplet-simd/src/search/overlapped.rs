//! One block is searched while the distances of the next are computed.

use super::{BlockSearch, overlaps};
use crate::{
    gram::{
        block::{PackedRows, RowPanel},
        layout::Layout,
        tile::STEPS,
    },
    lanes::Lanes,
};
use triplet_core::Real;

/// Searches a block, if there is one, and writes the keys of the next, if there is one: of a row panel with a
/// column panel of `source`. At the same time where lanes have registers for both.
#[inline(always)]
pub(crate) fn search_and_compute<L: Lanes>(
    lanes: L,
    search: Option<BlockSearch<'_, L>>,
    next: Option<(RowPanel<'_, L::Real>, usize)>,
    source: PackedRows<'_, L::Real>,
    keys: &mut [<L::Real as Real>::Key],
    calls: usize,
) {
    match (search, next) {
        (Some(search), Some((rows, column))) if overlaps::<L>() && !search.keeps_several() => {
            let mut search = search.over(calls);
            let columns = column..column + 1;
            source.distances_over(lanes, rows, 0..L::PANEL, columns, keys, L::PANEL, &mut search);
            search.search.rest::<false>();
        }
        (search, next) => {
            if let Some(mut search) = search {
                search.finish();
            }
            if let Some((rows, column)) = next {
                source.distances_of(lanes, rows, 0..L::PANEL, column..column + 1, keys, L::PANEL);
            }
        }
    }
}

/// Calls of [`crate::gram::tile::Overlap::advance`] while the distances of a block are computed.
pub(crate) fn calls_a_block<L: Lanes>(layout: &Layout) -> usize {
    let tiles = L::PANEL / L::TILE_ROWS * (L::PANEL / (L::TILE_VECTORS * L::LEN));
    let parts = layout.width / layout.depth;
    tiles * (parts * layout.depth.div_ceil(STEPS) + (layout.width % layout.depth).div_ceil(STEPS))
}
