//! The rows to train on and those to measure with.

use crate::io;
use anyhow::{Context, Result, ensure};
use flate2::read::GzDecoder;
use ndarray::{Array2, Axis};
use std::path::Path;

/// Features `[rows, columns]` and a label a row.
#[derive(Debug, Clone)]
pub(crate) struct Dataset {
    pub(crate) features: Array2<f32>,
    pub(crate) labels: Vec<i64>,
}

/// The UCI handwritten digits: 1797 images of 8 x 8 pixels from 0 to 16. Licence and
/// origin: data/README.md.
const DIGITS: &[u8] = include_bytes!("../../data/digits.csv.gz");

impl Dataset {
    /// The embedded digits, or a file.
    pub(crate) fn load(data: Option<&Path>, labels: Option<&Path>) -> Result<Self> {
        let (features, labels) = match data {
            Some(path) => io::dataset(path, labels)?,
            None => digits()?,
        };
        let dataset = Self { features, labels };
        let classes = dataset.classes();
        ensure!(classes >= 2, "the data has {classes} class(es): a triplet needs at least two");
        Ok(dataset)
    }

    /// Number of distinct labels.
    pub(crate) fn classes(&self) -> usize {
        let mut labels = self.labels.clone();
        labels.sort_unstable();
        labels.dedup();
        labels.len()
    }

    /// Splits off a share of every class, at random: training rows, held-out rows.
    pub(crate) fn split(&self, held_out: f64, rng: &mut fastrand::Rng) -> Result<(Self, Self)> {
        let mut rows: Vec<usize> = (0..self.labels.len()).collect();
        rng.shuffle(&mut rows);
        rows.sort_by_key(|&row| self.labels[row]);
        let (mut train, mut held) = (Vec::new(), Vec::new());
        for class in rows.chunk_by(|&a, &b| self.labels[a] == self.labels[b]) {
            let (out, kept) = class.split_at((class.len() as f64 * held_out).round() as usize);
            train.extend(kept);
            held.extend(out);
        }
        // In the order of the file, so that nothing later depends on the shuffle.
        train.sort_unstable();
        held.sort_unstable();
        ensure!(held.len() >= 2, "{} rows are held out: give more data, or a larger --held-out", held.len());
        Ok((self.take(&train), self.take(&held)))
    }

    fn take(&self, rows: &[usize]) -> Self {
        Self {
            features: self.features.select(Axis(0), rows),
            labels: rows.iter().map(|&row| self.labels[row]).collect(),
        }
    }

    /// Scales features by the training rows' mean and largest deviation.
    pub(crate) fn scale_like(&mut self, train: &Self) {
        let mean = train.features.mean().unwrap_or(0.0);
        let spread = train.features.iter().fold(0.0_f32, |most, x| most.max((x - mean).abs()));
        let scale = if spread > 0.0 { 1.0 / spread } else { 1.0 };
        self.features.mapv_inplace(|x| (x - mean) * scale);
    }
}

fn digits() -> Result<(Array2<f32>, Vec<i64>)> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(GzDecoder::new(DIGITS));
    let (mut pixels, mut labels) = (Vec::new(), Vec::new());
    for record in reader.deserialize() {
        let values: Vec<u8> = record.context("the embedded digits")?;
        let (label, image) = values.split_last().context("the embedded digits")?;
        pixels.extend(image.iter().map(|&pixel| f32::from(pixel)));
        labels.push(i64::from(*label));
    }
    Ok((Array2::from_shape_vec((labels.len(), 64), pixels)?, labels))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digits_are_all_there() {
        let digits = Dataset::load(None, None).unwrap();
        assert_eq!(digits.features.dim(), (1797, 64));
        assert_eq!(digits.classes(), 10);
        assert!(digits.features.iter().all(|&x| (0.0..=16.0).contains(&x)));
    }

    #[test]
    fn every_class_gives_its_share_and_no_row_is_on_both_sides() {
        let digits = Dataset::load(None, None).unwrap();
        let (train, held) = digits.split(0.25, &mut fastrand::Rng::with_seed(1)).unwrap();
        assert_eq!(train.labels.len() + held.labels.len(), 1797);
        for digit in 0..10 {
            let count = |set: &Dataset| set.labels.iter().filter(|&&label| label == digit).count() as f64;
            let share = count(&held) / (count(&held) + count(&train));
            assert!((share - 0.25).abs() < 0.01, "digit {digit}: {share}");
        }
        let total = |set: &Dataset| f64::from(set.features.sum());
        assert_eq!(total(&train) + total(&held), total(&digits));
    }
}
