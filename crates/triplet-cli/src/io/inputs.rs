//! Arrays as what they are for: embeddings, labels, weights, a data set.

use super::{number::Numbers, read};
use anyhow::{Context, Result, bail, ensure};
use ndarray::{Array2, ArrayD, Axis};
use std::path::Path;

/// Embeddings `[B, D]`, row-major, in the type they are computed in.
pub(crate) enum Embeddings {
    /// f32; halves and exact integers are widened to it.
    Single(ArrayD<f32>),
    /// f64.
    Double(ArrayD<f64>),
}

/// Reads embeddings. Their shape is checked by the batch.
pub(crate) fn embeddings(path: &Path) -> Result<Embeddings> {
    match read::array(path, "embeddings")? {
        Numbers::Single(x) => Ok(Embeddings::Single(x)),
        Numbers::Double(x) => Ok(Embeddings::Double(x)),
        Numbers::Integer(x) => {
            if let Some((index, value)) = x.indexed_iter().find(|&(_, &v)| (v as f32) as i64 != v) {
                bail!("{}: element {index:?} is {value}, which f32 cannot hold", path.display());
            }
            Ok(Embeddings::Single(x.mapv(|v| v as f32)))
        }
    }
}

/// Reads labels of shape `[B]` or `[B, 1]`: integers, or floats that are integers.
pub(crate) fn labels(path: &Path) -> Result<Vec<i64>> {
    let numbers = read::array(path, "labels")?;
    ensure!(
        matches!(numbers.shape(), [_] | [_, 1]),
        "{}: labels have shape {:?}: expected [batch_size] or [batch_size, 1]",
        path.display(),
        numbers.shape()
    );
    as_labels(&numbers).with_context(|| format!("{}", path.display()))
}

fn as_labels(numbers: &Numbers) -> Result<Vec<i64>> {
    let whole = |(row, value): (usize, f64)| {
        // Whole floats below 2^63 convert exactly.
        if value.fract() == 0.0 && value.abs() < 2f64.powi(63) {
            Ok(value as i64)
        } else {
            bail!("the label of row {row} is {value}: labels must be integers")
        }
    };
    match numbers {
        Numbers::Integer(x) => Ok(x.iter().copied().collect()),
        Numbers::Single(x) => x.iter().map(|&v| f64::from(v)).enumerate().map(whole).collect(),
        Numbers::Double(x) => x.iter().copied().enumerate().map(whole).collect(),
    }
}

/// Reads weights and their shape, which the loss checks.
pub(crate) fn weights(path: &Path) -> Result<(Vec<f64>, Vec<usize>)> {
    let numbers = read::array(path, "weights")?;
    let shape = numbers.shape().to_vec();
    let values = match numbers {
        Numbers::Single(x) => x.iter().map(|&v| f64::from(v)).collect(),
        Numbers::Double(x) => x.iter().copied().collect(),
        Numbers::Integer(x) => x.iter().map(|&v| v as f64).collect(),
    };
    Ok((values, shape))
}

/// Reads a data set to train on: features `[rows, columns]` and a label a row. A csv
/// or a single array has the label in its last column, unless `labels` names a file;
/// an npz has arrays `embeddings` (or `features`, `x`) and `labels` (or `y`).
pub(crate) fn dataset(path: &Path, labels: Option<&Path>) -> Result<(Array2<f32>, Vec<i64>)> {
    let shown = path.display();
    let numbers = features(path)?;
    ensure!(
        numbers.shape().len() == 2,
        "{shown}: has shape {:?}: expected a table of two dimensions, [rows, columns]",
        numbers.shape()
    );
    let (features, labels) = if let Some(path) = labels {
        (as_features(&numbers)?, self::labels(path)?)
    } else if is_npz(path) {
        (
            as_features(&numbers)?,
            named(path, &["labels", "y"]).and_then(|spec| self::labels(Path::new(&spec)))?,
        )
    } else {
        let columns = numbers.shape()[1];
        ensure!(columns >= 2, "{shown}: a table needs at least one feature and, last, the label");
        let (features, last) = split_last(&numbers);
        (as_features(&features)?, as_labels(&last).with_context(|| format!("{shown}, last column"))?)
    };
    if let Some(((row, column), value)) = features.indexed_iter().find(|(_, v)| !v.is_finite()) {
        bail!("{shown}: features[{row}, {column}] is {value}: every feature must be finite");
    }
    ensure!(
        labels.len() == features.nrows(),
        "{shown}: {} labels for {} rows: one label a row is needed",
        labels.len(),
        features.nrows()
    );
    Ok((features, labels))
}

fn is_npz(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("npz"))
}

fn features(path: &Path) -> Result<Numbers> {
    if is_npz(path) {
        return read::array(Path::new(&named(path, &["embeddings", "features", "x"])?), "");
    }
    read::array(path, "embeddings")
}

fn as_features(numbers: &Numbers) -> Result<Array2<f32>> {
    let features = match numbers {
        Numbers::Single(x) => x.clone(),
        Numbers::Double(x) => x.mapv(|v| v as f32),
        Numbers::Integer(x) => x.mapv(|v| v as f32),
    };
    Ok(features.into_dimensionality()?)
}

/// All columns but the last, and the last.
fn split_last(numbers: &Numbers) -> (Numbers, Numbers) {
    fn parts<T: Copy>(x: &ArrayD<T>) -> (ArrayD<T>, ArrayD<T>) {
        let (left, right) = x.view().split_at(Axis(1), x.shape()[1] - 1);
        (left.to_owned(), right.to_owned())
    }
    match numbers {
        Numbers::Single(x) => {
            let (left, right) = parts(x);
            (Numbers::Single(left), Numbers::Single(right))
        }
        Numbers::Double(x) => {
            let (left, right) = parts(x);
            (Numbers::Double(left), Numbers::Double(right))
        }
        Numbers::Integer(x) => {
            let (left, right) = parts(x);
            (Numbers::Integer(left), Numbers::Integer(right))
        }
    }
}

/// The first of some names that an npz holds, as `path:name`.
fn named(path: &Path, names: &[&str]) -> Result<String> {
    let specs = names.iter().map(|name| format!("{}:{name}", path.display()));
    let mut failed = None;
    for spec in specs {
        match read::array(Path::new(&spec), "") {
            Ok(_) => return Ok(spec),
            Err(error) => failed = Some(error),
        }
    }
    failed.map_or_else(|| bail!("no names"), Err)
}
