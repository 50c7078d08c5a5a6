//! One negative of an anchor and a positive.

use triplet_core::{NO_ROW, Real};

/// A triplet of rows of the whole set, with the distances of its two pairs.
///
/// ```
/// use triplet_dataset::Record;
/// let record = Record { anchor: 3, positive: 7, negative: 9, rank: 1, reaches: true, near: 0.5_f32, far: 0.75 };
/// let mut bytes = Vec::new();
/// record.write(&mut bytes);
/// assert_eq!(bytes.len(), Record::<f32>::BYTES);
/// assert_eq!(Record::read(&bytes), Some(record));
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Record<T> {
    /// The anchor.
    pub anchor: u32,
    /// The positive.
    pub positive: u32,
    /// The negative.
    pub negative: u32,
    /// How many of this anchor's and positive's negatives are nearer.
    pub rank: u32,
    /// Whether the negative is beyond the threshold; if not, none is, and it is the farthest of all, as the semi-hard rules
    /// have it.
    pub reaches: bool,
    /// The distance of anchor and positive.
    pub near: T,
    /// The distance of anchor and negative.
    pub far: T,
}

/// Set in a rank of a negative that does not reach the threshold.
const FARTHEST: u32 = 1 << 31;

impl<T: Real> Record<T> {
    /// Bytes of [`Record::write`].
    pub const BYTES: usize = 16 + 2 * size_of::<T>();

    /// Appends it as bytes, numbers from their lowest byte on.
    pub fn write(&self, out: &mut Vec<u8>) {
        let rank = self.rank | if self.reaches { 0 } else { FARTHEST };
        for number in [self.anchor, self.positive, self.negative, rank] {
            out.extend(number.to_le_bytes());
        }
        T::write_le(&[self.near, self.far], out);
    }

    /// Reads it back; `None` of another number of bytes, or of what is no record.
    #[must_use]
    pub fn read(bytes: &[u8]) -> Option<Self> {
        if bytes.len() != Self::BYTES {
            return None;
        }
        let (numbers, distances) = bytes.split_at(16);
        let number = |at: usize| Some(u32::from_le_bytes(*numbers[4 * at..].first_chunk()?));
        let [anchor, positive, negative, rank] = [number(0)?, number(1)?, number(2)?, number(3)?];
        let mut values = Vec::with_capacity(2);
        T::read_le(distances, &mut values);
        let &[near, far] = &values[..] else { return None };
        let (reaches, rank) = (rank & FARTHEST == 0, rank & !FARTHEST);
        let valid = anchor != NO_ROW && negative != NO_ROW && near.is_finite() && far.is_finite();
        valid.then_some(Self { anchor, positive, negative, rank, reaches, near, far })
    }
}
