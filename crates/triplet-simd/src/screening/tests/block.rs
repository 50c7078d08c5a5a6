//! The kernels of a block against plain loops.

use super::selected;
use crate::{
    screening::{
        block::{BLOCK_WORDS, Compute, LISTED, Search, Step, WordPanel, row_and_column},
        windows::Windows,
        words::{PANEL, SelectedWords, WordKernel, Words},
    },
    tests::{guarded::Guarded, rng},
};
use fastrand::Rng;

/// A panel of words whose products and sums take all values.
fn panel(rng: &mut Rng, steps: usize) -> [Guarded<u32>; 2] {
    [steps * PANEL, PANEL].map(|count| (0..count).map(|_| rng.u32(..)).collect::<Vec<_>>().into())
}

fn model([rows, row_constants]: &[Guarded<u32>; 2], [columns, constants]: &[Guarded<u32>; 2]) -> Vec<u16> {
    let parts = |number: u32| [number as i16, (number >> 16) as i16].map(i32::from);
    let distance = |r: usize, c: usize| {
        let steps = rows.chunks(PANEL).zip(columns.chunks(PANEL));
        let product = steps.fold(0_i32, |sum, (x, y)| {
            let [[a, b], [c, d]] = [parts(x[r]), parts(y[c])];
            sum.wrapping_add(a.wrapping_mul(c)).wrapping_add(b.wrapping_mul(d))
        });
        let number = row_constants[r].wrapping_add(constants[c]).wrapping_sub(product.cast_unsigned());
        (number >> 16) as u16
    };
    (0..PANEL * PANEL).map(|i| distance(i / PANEL, i % PANEL)).collect()
}

/// Windows of some widths: none, one word, many, all.
fn windows(rng: &mut Rng, slots: usize, copies: usize) -> Windows {
    let mut words = vec![0; 2 * slots * PANEL];
    for slot in words.chunks_exact_mut(2 * PANEL) {
        let (low, width) = slot.split_at_mut(PANEL);
        for (low, width) in low.iter_mut().zip(width) {
            *low = rng.u16(..);
            *width = match rng.u32(..8) {
                0 => 0,
                1 => {
                    *low = u16::MAX;
                    0
                }
                2 => u16::MAX - *low,
                // Past the last word windows go on with the first.
                3 => u16::MAX,
                _ => rng.u16(..200),
            };
        }
    }
    Windows::of(&words, copies)
}

/// The two panels of a block, and where its words go.
type Computed<'a> = (&'a [Guarded<u32>; 2], &'a [Guarded<u32>; 2], &'a mut [u16]);

fn step(
    words: SelectedWords,
    compute: Option<Computed<'_>>,
    search: Option<(&[u16], [&Windows; 2])>,
) -> Vec<(usize, usize)> {
    let mut listed = vec![0; LISTED];
    let compute = compute.map(|(rows, columns, words)| Compute {
        rows: WordPanel { rows: &rows[0], constants: &rows[1] },
        columns: WordPanel { rows: &columns[0], constants: &columns[1] },
        words,
    });
    let search = search.map(|(words, [rows, columns])| Search {
        words,
        rows,
        columns: Some(columns),
        listed: &mut listed,
    });
    let count = words.dispatch(Step { compute, search });
    let mut pairs: Vec<_> = listed[..count].iter().map(|&pair| row_and_column(pair)).collect();
    pairs.sort_unstable();
    pairs
}

/// Gives the rows of a vector.
struct Rows;

impl WordKernel for Rows {
    type Output = usize;
    fn run<W: Words>(self, _: W) -> usize {
        W::ROWS
    }
}

#[test]
fn a_step_computes_one_block_and_searches_another_as_plain_loops_do() {
    let plain = selected().into_iter().filter_map(|(selected, _)| SelectedWords::plain(selected));
    for words in selected().into_iter().map(|(_, words)| words).chain(plain) {
        // The place of a pair in a block of words: pairs of all rows and columns, found by their own word.
        let (mut rng, copies) = (rng(7), words.dispatch(Rows));
        for steps in [1, 2, 3, 4, 5, 9, 64] {
            let (rows, columns) = (panel(&mut rng, steps), panel(&mut rng, steps));
            let expected = model(&rows, &columns);
            for slots in [0, 1, 2, 7, 9] {
                let mut block = vec![0; BLOCK_WORDS];
                let found = step(words, Some((&rows, &columns, &mut block)), None);
                assert!(found.is_empty(), "nothing was searched");
                let both = [(); 2].map(|()| windows(&mut rng, slots, copies));
                let wanted: Vec<_> = (0..BLOCK_WORDS)
                    .map(|i| (i / PANEL, i % PANEL))
                    .filter(|&(r, c)| {
                        let word = expected[r * PANEL + c];
                        both[0].contains(r, word) || both[1].contains(c, word)
                    })
                    .collect();
                let mut next = vec![0; BLOCK_WORDS];
                for compute in [None, Some((&columns, &rows, &mut next[..]))] {
                    let found = step(words, compute, Some((&block, [&both[0], &both[1]])));
                    assert_eq!(found, wanted, "{words:?}, {steps} steps, {slots} slots");
                }
                let all = Windows::of(&[[0; PANEL], [u16::MAX; PANEL]].concat(), copies);
                let found = step(words, None, Some((&next, [&all, &all])));
                assert_eq!(found.len(), BLOCK_WORDS);
            }
        }
    }
}
