//! Rows in words: centred, scaled and rounded, two components a number.

use super::{bound::RowSums, words::PANEL};
use crate::lanes::{Kernel, Lanes};
use triplet_core::Real;

/// Rows at a time: their sums fit registers.
const ROWS: usize = 16;
/// Added to a number below 2^51 and subtracted, rounds it to a whole one, which is in the lower bits of the sum.
const ROUNDER: f64 = 6_755_399_441_055_744.0;

/// The lower bits of a whole number that is not too large.
#[inline(always)]
pub(super) fn lower_bits(whole: f64) -> u32 {
    (whole + ROUNDER).to_bits() as u32
}

/// Panels of whose rows the centre is the mean, about: the calling thread alone reads them.
const MOST_PANELS: usize = 32;

/// The mean of some of the rows of packed panels; any point would do.
pub(super) fn centre<T: Real>(panels: &[T], width: usize, centre: &mut Vec<f64>) {
    centre.clear();
    centre.resize(width, 0.0);
    let rows = [0, PANEL / 4, PANEL / 2, 3 * PANEL / 4];
    let mut count = 0.0;
    let count_of_panels = panels.len() / (PANEL * width);
    let step = (count_of_panels / MOST_PANELS).max(1);
    // The last panel may have padding.
    for panel in panels.chunks_exact(PANEL * width).rev().skip(1).step_by(step) {
        for (sum, step) in centre.iter_mut().zip(panel.chunks_exact(PANEL)) {
            *sum += rows.iter().map(|&row| step[row].to_f64()).sum::<f64>();
        }
        count += rows.len() as f64;
    }
    centre.iter_mut().for_each(|sum| *sum /= f64::max(count, 1.0));
}

/// Adds up, for each row of a panel, what the choice of a factor needs.
pub(super) struct Measure<'a, T: Real> {
    pub(super) panel: &'a [T],
    pub(super) centre: &'a [f64],
    pub(super) sums: &'a mut [RowSums],
}

impl<T: Real> Kernel<T> for Measure<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes<Real = T>>(self, _: L) {
        for first in (0..PANEL).step_by(ROWS) {
            let (mut square, mut centred, mut largest) = ([0.0; ROWS], [0.0; ROWS], [0.0_f64; ROWS]);
            for (step, &centre) in self.panel.chunks_exact(PANEL).zip(self.centre) {
                let step: &[T; ROWS] = step[first..].first_chunk().expect("a panel");
                for r in 0..ROWS {
                    let x = step[r].to_f64();
                    let y = x - centre;
                    square[r] += x * x;
                    centred[r] += y * y;
                    largest[r] = if y.abs() > largest[r] { y.abs() } else { largest[r] };
                }
            }
            for r in 0..ROWS {
                let (square, centred, largest) = (square[r], centred[r], largest[r]);
                self.sums[first + r] = RowSums { square, centred, largest, ..RowSums::default() };
            }
        }
    }
}

/// Rounds the rows of a panel.
pub(super) struct Quantise<'a, T: Real> {
    pub(super) panel: &'a [T],
    pub(super) centre: &'a [f64],
    pub(super) factor: f64,
    pub(super) sums: &'a mut [RowSums],
    /// `[step][row]`: components `2 step` and `2 step + 1`, of which an odd width lacks the last.
    pub(super) words: &'a mut [u32],
}

impl<T: Real> Kernel<T> for Quantise<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes<Real = T>>(self, _: L) {
        for first in (0..PANEL).step_by(ROWS) {
            let (mut rounded, mut lost) = ([0.0; ROWS], [0.0; ROWS]);
            let steps = self.panel.chunks(2 * PANEL).zip(self.centre.chunks(2));
            for ((step, centre), words) in steps.zip(self.words.chunks_exact_mut(PANEL)) {
                let words = words[first..].first_chunk_mut().expect("a panel");
                round(step, first, centre[0], self.factor, [&mut rounded, &mut lost], words);
                for word in &mut *words {
                    *word &= 0xFFFF;
                }
                if let (Some(step), Some(&centre)) = (step.get(PANEL..), centre.get(1)) {
                    let mut odd = [0; ROWS];
                    round(step, first, centre, self.factor, [&mut rounded, &mut lost], &mut odd);
                    for r in 0..ROWS {
                        words[r] |= odd[r] << 16;
                    }
                }
            }
            for r in 0..ROWS {
                self.sums[first + r].rounded = rounded[r];
                self.sums[first + r].lost = lost[r];
            }
        }
    }
}

/// Rounds one component of some rows, whose lower bits go to `words`.
#[inline(always)]
fn round<T: Real>(
    step: &[T],
    first: usize,
    centre: f64,
    factor: f64,
    [rounded, lost]: [&mut [f64; ROWS]; 2],
    words: &mut [u32; ROWS],
) {
    let step: &[T; ROWS] = step[first..].first_chunk().expect("a panel");
    for r in 0..ROWS {
        let y = (step[r].to_f64() - centre) * factor;
        let sum = y + ROUNDER;
        let whole = sum - ROUNDER;
        rounded[r] += whole * whole;
        lost[r] += (y - whole) * (y - whole);
        words[r] = sum.to_bits() as u32;
    }
}
