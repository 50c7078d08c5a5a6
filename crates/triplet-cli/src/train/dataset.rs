//! The rows to train on and those to measure with.

use super::TrainArgs;
use crate::io::{self, Embeddings, LabelSummary, Labels, Understood};
use anyhow::{Context, Result, anyhow, bail, ensure};
use flate2::read::GzDecoder;
use ndarray::{Array2, ArrayD, Axis};
use std::path::Path;

/// Features `[rows, columns]` and a label a row.
#[derive(Debug, Clone)]
pub(crate) struct Dataset {
    pub(crate) features: Array2<f32>,
    pub(crate) labels: Labels,
}

/// The UCI handwritten digits: 1797 images of 8 x 8 pixels from 0 to 16. Licence and
/// origin: data/README.md.
const DIGITS: &[u8] = include_bytes!("../../data/digits.csv.gz");

impl Dataset {
    /// The embedded digits, or a file; with what was understood of each input.
    pub(crate) fn load(args: &TrainArgs) -> Result<(Self, Vec<Understood>)> {
        let (dataset, understood) = match &args.data {
            Some(path) => Self::read(path, args)?,
            None => digits()?,
        };
        let classes = dataset.classes();
        ensure!(classes >= 2, "the data has {classes} class(es): a triplet needs at least two");
        Ok((dataset, understood))
    }

    fn read(data: &Path, args: &TrainArgs) -> Result<(Self, Vec<Understood>)> {
        let labels = args.labels.as_deref();
        let request = io::Request { data, labels, weights: None, last_column: true, args: &args.read };
        let io::Inputs { embeddings, labels, mut understood, .. } = io::read(request)?;
        let shown = data.display();
        let features = match embeddings {
            Embeddings::Single(x) => x,
            // Networks are trained in f32.
            Embeddings::Double(x) => {
                if let Some(about) = understood.first_mut() {
                    refuse_merging(&x, &about.columns).with_context(|| shown.to_string())?;
                    about.dtype = "f64, trained in f32".into();
                }
                x.mapv(|value| value as f32)
            }
        };
        let dimensions = features.ndim();
        let features: Array2<f32> = features.into_dimensionality().map_err(|_| {
            anyhow!("{shown}: has {dimensions} dimension(s): expected a table of two, [rows, columns]")
        })?;
        ensure!(features.ncols() > 0, "{shown}: has no columns: a table needs at least one feature");
        if let Some(((row, column), value)) = features.indexed_iter().find(|(_, v)| !v.is_finite()) {
            bail!("{shown}: features[{row}, {column}] is {value}: every feature must be finite");
        }
        ensure!(
            labels.len() == features.nrows(),
            "{shown}: {} labels for {} rows: one label a row is needed",
            labels.len(),
            features.nrows()
        );
        Ok((Self { features, labels }, understood))
    }

    /// Number of distinct labels.
    pub(crate) fn classes(&self) -> usize {
        self.labels.counts().len()
    }

    /// Splits off a share of every class, at random: training rows, held-out rows.
    pub(crate) fn split(&self, held_out: f64, rng: &mut fastrand::Rng) -> Result<(Self, Self)> {
        let labels = &self.labels.classes;
        let mut rows: Vec<usize> = (0..labels.len()).collect();
        rng.shuffle(&mut rows);
        rows.sort_by_key(|&row| labels[row]);
        let (mut train, mut held) = (Vec::new(), Vec::new());
        for class in rows.chunk_by(|&a, &b| labels[a] == labels[b]) {
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
        Self { features: self.features.select(Axis(0), rows), labels: self.labels.take(rows) }
    }

    /// Scales features by the training rows' mean and largest deviation.
    pub(crate) fn scale_like(&mut self, train: &Self) {
        let mean = train.features.mean().unwrap_or(0.0);
        let spread = train.features.iter().fold(0.0_f32, |most, x| most.max((x - mean).abs()));
        let scale = if spread > 0.0 { 1.0 / spread } else { 1.0 };
        self.features.mapv_inplace(|x| (x - mean) * scale);
    }
}

/// Refuses a column of values that differ in f64 and no longer do in f32.
fn refuse_merging(features: &ArrayD<f64>, names: &[String]) -> Result<()> {
    if features.ndim() != 2 {
        return Ok(());
    }
    for (index, column) in features.axis_iter(Axis(1)).enumerate() {
        if let Some([low, high]) = io::merged(|| column.iter().copied()) {
            // One column of arrays has one name.
            let name = names.get(index).or(names.first()).cloned();
            bail!(
                "{} holds {} in row {} and {} in row {}, which are one number in f32, in \
                 which networks are trained: subtract what all values of the column have in common, or leave it out",
                name.unwrap_or_else(|| format!("column {index}")),
                low.1,
                low.0,
                high.1,
                high.0
            );
        }
    }
    Ok(())
}

fn digits() -> Result<(Dataset, Vec<Understood>)> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(GzDecoder::new(DIGITS));
    let (mut pixels, mut labels) = (Vec::new(), Vec::new());
    for record in reader.deserialize() {
        let values: Vec<u8> = record.context("the embedded digits")?;
        let (label, image) = values.split_last().context("the embedded digits")?;
        pixels.extend(image.iter().map(|&pixel| f32::from(pixel)));
        labels.push(i64::from(*label));
    }
    let labels = Labels::integers(labels);
    let about = Understood {
        file: "the digits that come with the program".into(),
        rows: labels.len(),
        features: Some(64),
        columns: Vec::new(),
        dtype: "f32".into(),
        header: None,
        separator: None,
        labels: Some(LabelSummary::of(&labels, None)),
        dropped: Vec::new(),
    };
    let features = Array2::from_shape_vec((labels.len(), 64), pixels)?;
    Ok((Dataset { features, labels }, vec![about]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digits_are_all_there() {
        let digits = digits().unwrap().0;
        assert_eq!(digits.features.dim(), (1797, 64));
        assert_eq!(digits.classes(), 10);
        assert!(digits.features.iter().all(|&x| (0.0..=16.0).contains(&x)));
    }

    #[test]
    fn every_class_gives_its_share_and_no_row_is_on_both_sides() {
        let digits = digits().unwrap().0;
        let (train, held) = digits.split(0.25, &mut fastrand::Rng::with_seed(1)).unwrap();
        assert_eq!(train.labels.len() + held.labels.len(), 1797);
        for digit in 0..10 {
            let count =
                |set: &Dataset| set.labels.classes.iter().filter(|&&label| label == digit).count() as f64;
            let share = count(&held) / (count(&held) + count(&train));
            assert!((share - 0.25).abs() < 0.01, "digit {digit}: {share}");
        }
        let total = |set: &Dataset| f64::from(set.features.sum());
        assert_eq!(total(&train) + total(&held), total(&digits));
    }
}
