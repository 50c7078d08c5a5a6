//! The rows of earlier batches as candidates.

use crate::{Candidates, Error, Result};
use core::ops::Range;
use triplet_core::{Batch, Error as CoreError, Identity};
use triplet_simd::Element;

/// The last rows that were put in, up to a number: what a batch is compared with beside its own rows (Wang et al.,
/// 2020, *Cross-batch memory*).
///
/// A place is the id of its row, so that an anchor that is in the bank is not compared with itself. Ties between
/// candidates go to the lower place.
///
/// ```
/// use triplet_api::{Batch, Inputs, Loss, MemoryBank, TripletSemiHardLoss, Workspace};
/// let mut bank = MemoryBank::new(1, 5)?;
/// let (loss, mut workspace) = (TripletSemiHardLoss::default(), Workspace::default());
/// for (rows, labels) in [([0.0_f32, 1.0], [7, 8]), ([3.0, 4.0], [8, 7]), ([2.0, 6.0], [7, 9])] {
///     let batch = Batch::new(&rows, 1, &labels)?;
///     bank.push(&batch)?;
///     let known = bank.batch()?;
///     let result = loss.evaluate_against(&batch, bank.candidates(&known), Inputs::default(), &mut workspace)?;
///     assert_eq!(result.gradient().len(), 2);
/// }
/// assert_eq!((bank.len(), bank.labels()), (5, &[9, 8, 8, 7, 7][..])); // the sixth row is in the first place
/// # Ok::<(), triplet_api::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct MemoryBank<T> {
    width: usize,
    size: usize,
    rows: Vec<T>,
    labels: Vec<i64>,
    /// The number of each place.
    places: Vec<i64>,
    /// The places of the last batch, in its order.
    last: Vec<i64>,
    next: usize,
}

impl<T: Element> MemoryBank<T> {
    /// Room for so many rows of some width.
    ///
    /// # Errors
    /// A width or a size of 0.
    pub fn new(width: usize, size: usize) -> Result<Self> {
        if width == 0 || size == 0 {
            return Err(Error::MemoryBank { width, size });
        }
        Ok(Self {
            width,
            size,
            rows: Vec::new(),
            labels: Vec::new(),
            places: Vec::new(),
            last: Vec::new(),
            next: 0,
        })
    }

    /// Puts the rows of a batch in place of the oldest; on an error nothing has changed.
    ///
    /// # Errors
    /// Another width; more rows than there is room for.
    pub fn push(&mut self, batch: &Batch<'_, T>) -> Result<()> {
        let (rows, width) = (batch.rows(), batch.width());
        if width != self.width {
            return Err(CoreError::WidthMismatch { anchors: width, candidates: self.width }.into());
        }
        if rows > self.size {
            return Err(Error::MemoryBankTooSmall { rows, size: self.size });
        }
        self.last.clear();
        for (row, &label) in batch.embeddings().chunks_exact(width).zip(batch.labels()) {
            let place = self.next;
            self.last.push(place as i64);
            self.next = (place + 1) % self.size;
            if place == self.labels.len() {
                self.rows.extend_from_slice(row);
                self.labels.push(label);
                self.places.push(place as i64);
            } else {
                let values: Range<usize> = place * width..(place + 1) * width;
                self.rows[values].copy_from_slice(row);
                self.labels[place] = label;
            }
        }
        Ok(())
    }

    /// All rows, place by place.
    ///
    /// # Errors
    /// None for rows of batches, which are valid; as [`Batch::new`].
    pub fn batch(&self) -> Result<Batch<'_, T>> {
        Ok(Batch::new(&self.rows, self.width, &self.labels)?)
    }

    /// [`MemoryBank::batch`] as the candidates of the last batch that was put in.
    #[must_use]
    pub fn candidates<'a>(&'a self, batch: &'a Batch<'a, T>) -> Candidates<'a, T> {
        Candidates::new(batch, Identity::Ids { anchors: &self.last, candidates: &self.places })
    }

    /// The labels, place by place.
    #[must_use]
    pub fn labels(&self) -> &[i64] {
        &self.labels
    }

    /// How many rows it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether it has none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// Forgets all rows.
    pub fn clear(&mut self) {
        (self.next, self.rows, self.labels, self.places, self.last) = Default::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_rows_make_room_and_mistakes_change_nothing() {
        let mut bank = MemoryBank::<f32>::new(2, 3).unwrap();
        let rows: Vec<f32> = (0..8).map(|x| x as f32).collect();
        let batch =
            |from: usize, to: usize| Batch::new(&rows[2 * from..2 * to], 2, &[5, 6, 7, 8][from..to]).unwrap();
        bank.push(&batch(0, 2)).unwrap();
        bank.push(&batch(2, 4)).unwrap();
        assert_eq!(
            (bank.labels(), &bank.rows[..2], &bank.last[..]),
            (&[8, 6, 7][..], &rows[6..], &[2, 0][..])
        );
        let before = format!("{bank:?}");
        assert!(matches!(bank.push(&batch(0, 4)), Err(Error::MemoryBankTooSmall { rows: 4, size: 3 })));
        let narrow = Batch::new(&rows[..1], 1, &[1]).unwrap();
        assert!(matches!(bank.push(&narrow), Err(Error::Core(CoreError::WidthMismatch { .. }))));
        assert_eq!(format!("{bank:?}"), before);
        assert!(matches!(MemoryBank::<f32>::new(2, 0), Err(Error::MemoryBank { width: 2, size: 0 })));
        bank.clear();
        assert!(bank.is_empty() && bank.batch().unwrap().rows() == 0);
    }
}
