//! Numbers separated by commas, one row a line; a first line of names is skipped.

use super::number::Number;
use anyhow::{Context, Result, bail};
use ndarray::ArrayD;
use std::io::Read;

/// Reads `[rows, columns]`.
pub(crate) fn read(input: impl Read) -> Result<ArrayD<Number>> {
    let mut reader =
        csv::ReaderBuilder::new().has_headers(false).trim(csv::Trim::All).flexible(true).from_reader(input);
    let (mut numbers, mut rows, mut columns) = (Vec::new(), 0, 0);
    for (index, record) in reader.records().enumerate() {
        let record = record.with_context(|| format!("line {}", index + 1))?;
        let line = record.position().map_or(index as u64 + 1, csv::Position::line);
        if index == 0 {
            columns = record.len();
            if record.iter().all(|field| field.parse::<f64>().is_err()) {
                continue;
            }
        }
        if record.len() != columns {
            bail!(
                "line {line} has {} fields where the first has {columns}: every row needs as many",
                record.len()
            );
        }
        for (column, field) in record.iter().enumerate() {
            numbers.push(parse(field).with_context(|| format!("line {line}, field {}", column + 1))?);
        }
        rows += 1;
    }
    Ok(ArrayD::from_shape_vec(vec![rows, columns], numbers)?)
}

/// An integer if it reads as one, else f32: what a text file of embeddings means.
fn parse(field: &str) -> Result<Number> {
    if let Ok(integer) = field.parse::<i64>() {
        return Ok(Number::Integer(integer.into()));
    }
    match field.parse::<f32>() {
        Ok(value) => Ok(Number::Single(value)),
        Err(_) => bail!("{field:?} is not a number"),
    }
}
