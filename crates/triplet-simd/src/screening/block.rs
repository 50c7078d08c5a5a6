//! A block of pairs in words: distances to 16 bits, and the pairs that these do not decide.

use super::{
    windows::Windows,
    words::{COLUMNS, MAX_WORDS, PANEL, WordKernel, Words},
};
use crate::{
    gram::tile::{Overlap, STEPS, TileAlone},
    inlined::from_fn,
};

/// Words of a block: [`Words::ROWS`] rows by [`COLUMNS`] columns after each other, row by row.
pub(crate) const BLOCK_WORDS: usize = PANEL * PANEL;
/// Room for the pairs of a block, and for what is written past the last of them.
pub(crate) const LISTED: usize = BLOCK_WORDS + MAX_WORDS;
/// Vectors of words across a panel.
const ACROSS: usize = PANEL / COLUMNS;

/// One side of a block: a panel of words.
#[derive(Clone, Copy)]
pub(crate) struct WordPanel<'a> {
    /// `[step][row]`: two components each.
    pub(crate) rows: &'a [u32],
    /// What each row adds to the distances of all its pairs.
    pub(crate) constants: &'a [u32],
}

/// The number of a pair of a block: its row and its column.
const fn pair(row: usize, column: usize) -> u16 {
    (row << 6 | column) as u16
}

/// The row and the column of a pair.
#[inline(always)]
pub(crate) fn row_and_column(pair: u16) -> (usize, usize) {
    (usize::from(pair >> 6), usize::from(pair & 63))
}

/// A block whose distances are computed.
pub(crate) struct Compute<'a> {
    pub(crate) rows: WordPanel<'a>,
    pub(crate) columns: WordPanel<'a>,
    /// Room for [`BLOCK_WORDS`].
    pub(crate) words: &'a mut [u16],
}

/// A block whose distances are there, and searched for the pairs that may be in a window of their row's anchor, or of
/// their column's where columns are anchors.
pub(crate) struct Search<'a> {
    pub(crate) words: &'a [u16],
    pub(crate) rows: &'a Windows,
    pub(crate) columns: Option<&'a Windows>,
    /// Room for [`LISTED`] pairs.
    pub(crate) listed: &'a mut [u16],
}

/// Computes one block and searches another, which is what the ports are for that multiply-adds leave free; how
/// many pairs are listed.
pub(crate) struct Step<'a> {
    pub(crate) compute: Option<Compute<'a>>,
    pub(crate) search: Option<Search<'a>>,
}

impl WordKernel for Step<'_> {
    type Output = usize;
    #[inline(always)]
    fn run<W: Words>(self, words: W) -> usize {
        let mut search = self.search.map(|search| Units::new(words, search));
        if let Some(compute) = self.compute {
            match &mut search {
                Some(search) if W::OVERLAPS => {
                    let calls = PANEL / W::TILE_ROWS * (PANEL / (W::TILE_VECTORS * W::LEN));
                    let steps = compute.columns.rows.len() / PANEL;
                    search.rate = (units_a_block::<W>() * ONE).div_ceil(calls * steps.div_ceil(STEPS));
                    distances(words, compute, search);
                }
                _ => distances(words, compute, &mut TileAlone),
            }
        }
        search.map_or(0, Units::finish)
    }
}

/// Writes the upper halves of the distances of all pairs, and does `work` in between.
#[inline(always)]
fn distances<W: Words>(words: W, block: Compute<'_>, work: &mut impl Overlap) {
    // Constant lengths, so that the compiler knows the register tile's shape.
    match (W::TILE_ROWS, W::TILE_VECTORS) {
        (8, 3) => tiles::<W, _, 8, 3>(words, block, work),
        (4, 2) => tiles::<W, _, 4, 2>(words, block, work),
        _ => unreachable!("a shape of {}", core::any::type_name::<W>()),
    }
}

#[inline(always)]
fn tiles<W: Words, O: Overlap, const R: usize, const V: usize>(words: W, block: Compute<'_>, work: &mut O) {
    let Compute { rows, columns, words: out } = block;
    for row in (0..PANEL).step_by(R) {
        for column in (0..PANEL).step_by(V * W::LEN) {
            let sums = tile::<W, O, R, V>(words, &rows.rows[row..], &columns.rows[column..], work);
            let constants: [W::Sums; V] =
                from_fn(|v| words.load_sums(&columns.constants[column + v * W::LEN..]));
            // distance = constant of the row + constant of the column - product.
            let distance = |r: usize, v: usize| {
                let constant = words.splat_sum(rows.constants[row + r]);
                words.sub_sums(words.add_sums(constant, constants[v]), sums[r][v])
            };
            for r in (0..R).step_by(W::ROWS) {
                for v in (0..V).step_by(COLUMNS / W::LEN) {
                    // The second half is the next row, or the next columns.
                    let second = if W::ROWS == 2 { distance(r + 1, v) } else { distance(r, v + 1) };
                    let place = (row + r) * PANEL + (column + v * W::LEN) * W::ROWS;
                    words.store(&mut out[place..], words.upper_halves(distance(r, v), second));
                }
            }
        }
    }
}

/// Products of `R` rows with `V` vectors of columns.
#[inline(always)]
fn tile<W: Words, O: Overlap, const R: usize, const V: usize>(
    words: W,
    rows: &[u32],
    columns: &[u32],
    work: &mut O,
) -> [[W::Sums; V]; R] {
    let steps = columns.len().div_ceil(PANEL);
    let last = steps.wrapping_sub(1) * PANEL;
    assert!(steps > 0 && rows.len() >= last + R && columns.len() >= last + V * W::LEN);
    let (mut row, mut column) = (rows.as_ptr(), columns.as_ptr());
    let mut sums = [[words.splat_sum(0); V]; R];
    let mut left = steps;
    while left > 0 {
        let some = left.min(STEPS);
        for _ in 0..some {
            // SAFETY: the assertion above covers `steps` steps, a panel apart, up to the last row and the last column
            // of the tile. `wrapping_add` may leave the slices after the last step, where nothing is read.
            unsafe {
                let vectors: [W::Sums; V] = from_fn(|v| words.load_sums_at(column.wrapping_add(v * W::LEN)));
                for (r, sums) in sums.iter_mut().enumerate() {
                    let x = words.splat_sum(*row.wrapping_add(r));
                    for v in 0..V {
                        sums[v] = words.add_products(sums[v], x, vectors[v]);
                    }
                }
            }
            row = row.wrapping_add(PANEL);
            column = column.wrapping_add(PANEL);
        }
        work.advance();
        left -= some;
    }
    sums
}

/// Vectors of words in a block: a unit of its search each.
const fn units_a_block<W: Words>() -> usize {
    PANEL / W::ROWS * ACROSS
}

/// Units are counted in parts of this.
const ONE: usize = 1 << 16;

/// Numbers of the pairs in the first vector, of so many rows.
const fn first_pairs(rows: usize) -> [u16; MAX_WORDS] {
    let mut pairs = [0; MAX_WORDS];
    let mut i = 0;
    while i < rows * COLUMNS {
        pairs[i] = pair(i % rows, i / rows);
        i += 1;
    }
    pairs
}

/// The search of a block, a vector of words at a time.
struct Units<'a, W: Words> {
    words: W,
    search: Search<'a>,
    /// The next vector.
    row: usize,
    across: usize,
    listed: usize,
    /// Units, in parts of [`ONE`], that are done in a call of [`Overlap::advance`], and that are due.
    rate: usize,
    due: usize,
}

impl<'a, W: Words> Units<'a, W> {
    const FIRST_PAIRS: [u16; MAX_WORDS] = first_pairs(W::ROWS);

    #[inline(always)]
    fn new(words: W, search: Search<'a>) -> Self {
        Self { words, search, row: 0, across: 0, listed: 0, rate: 0, due: 0 }
    }

    /// Lists the pairs of the next vector whose words are in a window.
    #[inline(always)]
    fn unit(&mut self) {
        let Self { words, row, across, .. } = *self;
        let Search { words: distances, rows, columns, listed } = &mut self.search;
        let key = words.load(&distances[row * PANEL + across * W::ROWS * COLUMNS..]);
        let mut outside = words.splat(u16::MAX);
        for slot in rows.of_rows() {
            let (low, width) = (words.rows(&slot[row..]), words.rows(&slot[PANEL + row..]));
            outside = words.min(outside, words.outside(key, low, width));
        }
        if let Some(columns) = columns {
            let place = across * W::ROWS * COLUMNS;
            for slot in columns.of_columns::<W>() {
                let (low, width) = (words.load(&slot[place..]), words.load(&slot[W::ROWS * PANEL + place..]));
                outside = words.min(outside, words.outside(key, low, width));
            }
        }
        let pairs = words.add(words.load(&Self::FIRST_PAIRS), words.splat(pair(row, across * COLUMNS)));
        self.listed += words.list_zeros(outside, pairs, &mut listed[self.listed..]);
        self.across += 1;
        if self.across == ACROSS {
            (self.row, self.across) = (row + W::ROWS, 0);
        }
    }

    /// Does what is left; how many pairs are listed.
    #[inline(always)]
    fn finish(mut self) -> usize {
        while self.row < PANEL {
            self.unit();
        }
        self.listed
    }
}

impl<W: Words> Overlap for Units<'_, W> {
    #[inline(always)]
    fn advance(&mut self) {
        self.due += self.rate;
        while self.due >= ONE && self.row < PANEL {
            self.due -= ONE;
            self.unit();
        }
    }
}
