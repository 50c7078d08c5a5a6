//! A digest over every bit of an answer.

use sha2::{Digest as _, Sha256};
use std::{fmt, str::FromStr};
use triplet_api::{Evaluation, Real};

/// In place of a row where a triplet has none.
const NO_ROW: u32 = u32::MAX;
/// Triplets that are turned into bytes at a time.
const CHUNK: usize = 4096;

/// The SHA-256 of an answer's bits: loss, losses of the rows where they are kept apart, triplets by
/// ascending anchor and positive (three row numbers each, of 32 bits), gradient. Little-endian.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of an evaluation.
    #[must_use]
    pub fn of<T: Real>(evaluation: &Evaluation<'_, T>) -> Self {
        let mut hasher = Sha256::new();
        let mut bytes = Vec::new();
        add_bits(&mut bytes, &[evaluation.loss()]);
        add_bits(&mut bytes, evaluation.losses().unwrap_or_default());
        hasher.update(&bytes);
        bytes.clear();
        for triplet in evaluation.triplets().expect("benchmarks have no budget") {
            let rows = [Some(triplet.anchor), triplet.positive, triplet.negative];
            bytes.extend(rows.into_iter().flat_map(|row| row.unwrap_or(NO_ROW).to_le_bytes()));
            if bytes.len() >= 12 * CHUNK {
                hasher.update(&bytes);
                bytes.clear();
            }
        }
        hasher.update(&bytes);
        bytes.clear();
        add_bits(&mut bytes, evaluation.gradient());
        hasher.update(&bytes);
        Self(hasher.finalize().into())
    }
}

/// The bits of some values, in their own width.
fn add_bits<T: Real>(bytes: &mut Vec<u8>, values: &[T]) {
    // Widening and narrowing back gives the same bits: values are finite.
    if size_of::<T>() == size_of::<f32>() {
        bytes.extend(values.iter().flat_map(|x| (x.to_f64() as f32).to_le_bytes()));
    } else {
        bytes.extend(values.iter().flat_map(|x| x.to_f64().to_le_bytes()));
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl FromStr for Digest {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("\"{text}\" is no SHA-256: expected 64 hexadecimal digits");
        if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(wrong());
        }
        let mut digest = [0; 32];
        for (byte, pair) in digest.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            let pair = std::str::from_utf8(pair).map_err(|_| wrong())?;
            *byte = u8::from_str_radix(pair, 16).map_err(|_| wrong())?;
        }
        Ok(Self(digest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use triplet_api::{Batch, Loss, Reduction, TripletSemiHardLoss, Workspace};

    #[test]
    fn the_bytes_are_those_that_the_page_describes() {
        // Four rows of width 1: loss 0.25 in mean (see the example of `triplet_api`), in L2.
        let loss = TripletSemiHardLoss {
            distance: triplet_api::Distance::L2,
            reduction: Reduction::None,
            ..Default::default()
        };
        let batch = Batch::new(&[0.0_f32, 1.0, 1.5, 3.0], 1, &[0, 0, 1, 2]).unwrap();
        let mut workspace = Workspace::default();
        let result = loss.evaluate(&batch, &mut workspace).unwrap();
        let mut bytes = Vec::new();
        for value in [0.25_f32, 1.0, 0.0, 0.0, 0.0] {
            bytes.extend(value.to_le_bytes());
        }
        for row in [0_u32, 1, 2, 1, 0, 3] {
            bytes.extend(row.to_le_bytes());
        }
        assert_eq!(result.losses().unwrap(), [1.0, 0.0, 0.0, 0.0]);
        bytes.extend(result.gradient().iter().flat_map(|x| x.to_le_bytes()));
        assert_eq!(bytes.len(), 4 + 16 + 24 + 16);
        assert_eq!(Digest::of(&result).0, <[u8; 32]>::from(Sha256::digest(&bytes)));
    }

    #[test]
    fn digests_are_read_as_they_are_written() {
        let text = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(text.parse::<Digest>().unwrap().to_string(), text);
        for wrong in ["", "ba78", &text[1..], &format!("{text}0"), &text.replace('b', "+"), "\u{e9}"] {
            let error = wrong.parse::<Digest>().unwrap_err();
            assert!(error.contains("64 hexadecimal digits"), "{error}");
        }
    }
}
