//! Inputs and outputs of the real TensorFlow Addons 0.23.

use serde::Deserialize;
use std::{fs, io, path::PathBuf};
use triplet_api::{LossSpec, Reduction};
use triplet_core::{Distance, Objective, Rule};

use crate::Sample;

/// One golden file.
#[derive(Debug, Deserialize)]
pub struct Golden {
    /// File name without extension.
    #[serde(skip)]
    pub name: String,
    loss: String,
    #[serde(default)]
    soft: bool,
    margin: f64,
    distance_metric: String,
    embeddings: Vec<Vec<f32>>,
    labels: Vec<i64>,
    /// What TFA answered.
    pub expected: Expected,
}

/// What TFA answered; `null` where it gives NaN.
#[derive(Debug, Deserialize)]
pub struct Expected {
    /// The loss.
    pub loss: Option<f64>,
    /// The gradient, `[B][D]`.
    pub gradient: Option<Vec<Vec<f64>>>,
}

impl Golden {
    /// The batch.
    #[must_use]
    pub fn sample(&self) -> Sample {
        Sample {
            name: self.name.clone(),
            embeddings: self.embeddings.concat(),
            width: self.embeddings[0].len(),
            labels: self.labels.clone(),
        }
    }

    /// The loss asked for.
    ///
    /// # Panics
    /// If the file names a loss or a metric that is not known.
    #[must_use]
    pub fn asked(&self) -> LossSpec {
        let distance: Distance =
            self.distance_metric.parse().unwrap_or_else(|error| panic!("{}: {error}", self.name));
        let rule = match (self.loss.as_str(), self.soft) {
            ("hard", true) => Rule::HardSoft,
            ("hard", false) => Rule::Hard,
            ("semihard", false) => Rule::SemiHard,
            other => panic!("{}: no rule is known for {other:?}", self.name),
        };
        LossSpec {
            objective: Objective { distance, rule, margin: self.margin },
            reduction: Reduction::Mean,
            require_positives: false,
        }
    }

    /// Whether TFA splits the gradient among tied negatives here, where we take the
    /// lowest index: only the loss is comparable.
    #[must_use]
    pub fn has_ties(&self) -> bool {
        ["collapsed", "integers_equal_distance", "duplicate_positive"].contains(&self.name.as_str())
    }

    /// How far from TFA's an answer may be: its own arithmetic rounds
    /// `(d - max) + max`, so the loss is off by units in the last place of the
    /// largest distance, and the gradient in proportion to the embeddings.
    #[must_use]
    pub fn tolerances(&self) -> (f64, f64) {
        let sizes = self.embeddings.iter().flatten().map(|x| f64::from(x.abs()));
        let largest = sizes.fold(0.0, f64::max);
        let distance = |a: &[f32], b: &[f32]| -> f64 {
            a.iter().zip(b).map(|(x, y)| (f64::from(*x) - f64::from(*y)).powi(2)).sum()
        };
        let pairs = self.embeddings.iter().flat_map(|a| self.embeddings.iter().map(move |b| distance(a, b)));
        let squared = pairs.fold(0.0, f64::max);
        let farthest = if self.distance_metric == "squared-L2" { squared } else { squared.sqrt() };
        (2e-6 * farthest.max(1.0), 1e-5 * largest.max(1.0))
    }
}

/// All golden files, by name.
///
/// # Errors
/// A folder or file that cannot be read or parsed.
pub fn all() -> io::Result<Vec<Golden>> {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/golden"));
    let mut goldens = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "json") {
            let mut golden: Golden = serde_json::from_slice(&fs::read(&path)?)?;
            golden.name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            goldens.push(golden);
        }
    }
    goldens.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(goldens)
}
