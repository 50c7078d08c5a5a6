//! A few rows of a strip, turned into columns.

/// Rows transposed together, so that what is stored is a vector and not a number.
pub(crate) const ROWS: usize = 4;
/// Columns transposed at a time: a cache line of each row.
pub(crate) const STRIP: usize = 16;

/// Writes the values of some rows of a whole strip to columns, `height` places apart.
#[inline(always)]
pub(crate) fn transpose<T: Copy>(rows: [&[T]; ROWS], columns: &mut [T], height: usize) {
    let rows: [&[T; STRIP]; ROWS] = rows.map(|row| row.first_chunk().expect("a whole strip"));
    let columns = &mut columns[..(STRIP - 1) * height + ROWS];
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    if size_of::<T>() == 4 {
        let rows = rows.map(|row| row.as_ptr().cast());
        // SAFETY: elements of four bytes, `STRIP` in each row; the slice above holds `ROWS` of them
        // in each of `STRIP` columns. Bits are moved as they are.
        return unsafe { sse::transpose(rows, columns.as_mut_ptr().cast(), height) };
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
    use super::{ROWS, STRIP};
    use core::arch::x86_64::{
        __m128, _mm_loadu_ps, _mm_movehl_ps, _mm_movelh_ps, _mm_storeu_ps, _mm_unpackhi_ps, _mm_unpacklo_ps,
    };

    /// # Safety
    /// `STRIP` elements can be read from each row, and `ROWS` written from each of `STRIP` columns on,
    /// `height` elements apart.
    #[inline(always)]
    pub(super) unsafe fn transpose(rows: [*const f32; ROWS], columns: *mut f32, height: usize) {
        for k in (0..STRIP).step_by(4) {
            // SAFETY: as above; `k + 4 <= STRIP`.
            unsafe {
                let [a, b, c, d] = rows.map(|row| _mm_loadu_ps(row.add(k)));
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
