//! Rows, turned into columns.

use crate::inlined::from_fn;

/// Rows transposed together, so that what is stored is a vector and not a number.
const ROWS: usize = 4;
/// Components transposed at a time: a cache line of each row.
const STRIP: usize = 16;

/// Writes component `k` of so many rows to `columns`, from `k * height` on.
#[inline(always)]
pub(crate) fn transpose<'a, T: Copy + 'a>(
    row: impl Fn(usize) -> &'a [T],
    rows: usize,
    columns: &mut [T],
    height: usize,
) {
    for (strip, start) in columns.chunks_mut(STRIP * height).zip((0..).step_by(STRIP)) {
        let depth = strip.len() / height;
        let values = |r: usize| &row(r)[start..][..depth];
        let mut first = 0;
        while depth == STRIP && first + ROWS <= rows {
            few(from_fn(|n| values(first + n)), &mut strip[first..], height);
            first += ROWS;
        }
        for r in first..rows {
            for (k, &x) in values(r).iter().enumerate() {
                strip[k * height + r] = x;
            }
        }
    }
}

/// The same for a few rows of a whole strip.
#[inline(always)]
fn few<T: Copy>(rows: [&[T]; ROWS], columns: &mut [T], height: usize) {
    let rows: [&[T]; ROWS] = from_fn(|r| &rows[r][..STRIP]);
    let columns = &mut columns[..(STRIP - 1) * height + ROWS];
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    if size_of::<T>() == 4 {
        let rows = from_fn(|r| rows[r].as_ptr().cast());
        // SAFETY: elements of four bytes, `STRIP` in each row; the slice above holds `ROWS` of them
        // in each of `STRIP` columns. Bits are moved as they are.
        return unsafe { sse::few(rows, columns.as_mut_ptr().cast(), height) };
    }
    for k in 0..STRIP {
        for r in 0..ROWS {
            columns[k * height + r] = rows[r][k];
        }
    }
}

/// Shuffles of SSE2, which every x86-64 CPU has: the compiler finds none in the loop above.
#[cfg(all(target_arch = "x86_64", not(miri)))]
mod sse {
    use super::{ROWS, STRIP, from_fn};
    use core::arch::x86_64::{
        __m128, _mm_loadu_ps, _mm_movehl_ps, _mm_movelh_ps, _mm_storeu_ps, _mm_unpackhi_ps, _mm_unpacklo_ps,
    };

    /// # Safety
    /// `STRIP` elements can be read from each row, and `ROWS` written from each of `STRIP` columns on,
    /// `height` elements apart.
    #[inline(always)]
    pub(super) unsafe fn few(rows: [*const f32; ROWS], columns: *mut f32, height: usize) {
        for k in (0..STRIP).step_by(4) {
            // SAFETY: as above; `k + 4 <= STRIP`.
            unsafe {
                let [a, b, c, d] = from_fn(|r| _mm_loadu_ps(rows[r].add(k)));
                let (ab, cd) = (_mm_unpacklo_ps(a, b), _mm_unpacklo_ps(c, d));
                let (ab_high, cd_high) = (_mm_unpackhi_ps(a, b), _mm_unpackhi_ps(c, d));
                let store = |k: usize, column: __m128| _mm_storeu_ps(columns.add(k * height), column);
                store(k, _mm_movelh_ps(ab, cd));
                store(k + 1, _mm_movehl_ps(cd, ab));
                store(k + 2, _mm_movelh_ps(ab_high, cd_high));
                store(k + 3, _mm_movehl_ps(cd_high, ab_high));
            }
        }
    }
}
