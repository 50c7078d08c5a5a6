//! Arrays as what they are for: embeddings, labels, weights, a data set.

use super::{number::Number, read};
use anyhow::{Context, Result, bail, ensure};
use ndarray::{Array2, ArrayD, Axis, Slice};
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
    let numbers = read::array(path, "embeddings")?;
    if numbers.iter().any(|n| matches!(n, Number::Double(_))) {
        return Ok(Embeddings::Double(numbers.mapv(to_f64)));
    }
    for (index, number) in numbers.indexed_iter() {
        if let Number::Integer(value) = *number {
            let exact = (value as f32) as i128 == value;
            ensure!(exact, "{}: element {index:?} is {value}, which f32 cannot hold", path.display());
        }
    }
    Ok(Embeddings::Single(numbers.mapv(|n| to_f64(n) as f32)))
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
    let labels = numbers.iter().enumerate().map(|(row, &number)| label(number, row));
    labels.collect::<Result<_>>().with_context(|| format!("{}", path.display()))
}

fn label(number: Number, row: usize) -> Result<i64> {
    let value = match number {
        Number::Integer(value) => {
            return i64::try_from(value)
                .with_context(|| format!("label {value} of row {row} does not fit i64"));
        }
        Number::Single(value) => f64::from(value),
        Number::Double(value) => value,
    };
    // Whole floats below 2^63 convert exactly.
    if value.fract() == 0.0 && value.abs() < 2f64.powi(63) {
        Ok(value as i64)
    } else {
        bail!("the label of row {row} is {value}: labels must be integers")
    }
}

/// Reads weights and their shape, which the loss checks.
pub(crate) fn weights(path: &Path) -> Result<(Vec<f64>, Vec<usize>)> {
    let numbers = read::array(path, "weights")?;
    Ok((numbers.iter().map(|&n| to_f64(n)).collect(), numbers.shape().to_vec()))
}

/// Reads a data set to train on: features `[rows, columns]` and a label a row. A csv
/// or a single array has the label in its last column, unless `labels` names a file;
/// an npz has arrays `embeddings` (or `features`, `x`) and `labels` (or `y`).
pub(crate) fn dataset(path: &Path, labels: Option<&Path>) -> Result<(Array2<f32>, Vec<i64>)> {
    let shown = path.display();
    let numbers = features(path)?;
    let table = numbers.into_dimensionality::<ndarray::Ix2>().map_err(|_| ()).ok();
    let Some(table) = table else { bail!("{shown}: expected a table of two dimensions, [rows, columns]") };
    let (features, labels) = if let Some(path) = labels {
        (table.view(), self::labels(path)?)
    } else if path.extension().is_some_and(|e| e.eq_ignore_ascii_case("npz")) {
        (table.view(), named(path, &["labels", "y"]).and_then(|spec| self::labels(Path::new(&spec)))?)
    } else {
        ensure!(table.ncols() >= 2, "{shown}: a table needs at least one feature and, last, the label");
        let last = table.index_axis(Axis(1), table.ncols() - 1);
        let found = last.iter().enumerate().map(|(row, &number)| label(number, row));
        let found = found.collect::<Result<_>>().with_context(|| format!("{shown}, last column"))?;
        (table.slice_axis(Axis(1), Slice::from(..-1)), found)
    };
    let features = features.mapv(|n| to_f64(n) as f32);
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

fn features(path: &Path) -> Result<ArrayD<Number>> {
    if path.extension().is_some_and(|e| e.eq_ignore_ascii_case("npz")) {
        return read::array(Path::new(&named(path, &["embeddings", "features", "x"])?), "");
    }
    read::array(path, "embeddings")
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

/// The value, widened.
fn to_f64(number: Number) -> f64 {
    match number {
        Number::Single(value) => f64::from(value),
        Number::Double(value) => value,
        Number::Integer(value) => value as f64,
    }
}
