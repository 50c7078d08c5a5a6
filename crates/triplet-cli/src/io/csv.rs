//! Numbers separated by commas, one row a line; a first line of names is skipped.

use super::number::Numbers;
use anyhow::{Context, Result, bail};
use ndarray::ArrayD;
use std::io::Read;

/// Reads `[rows, columns]`: integers if all of them are, else f32, which is what a
/// text file of embeddings means.
pub(crate) fn read(input: impl Read) -> Result<Numbers> {
    let mut reader =
        csv::ReaderBuilder::new().has_headers(false).trim(csv::Trim::All).flexible(true).from_reader(input);
    let (mut singles, mut integers) = (Vec::new(), Vec::new());
    let (mut rows, mut columns) = (0, 0);
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
            let Ok(single) = field.parse::<f32>() else {
                bail!("line {line}, field {}: {field:?} is not a number", column + 1);
            };
            singles.push(single);
            integers.extend(field.parse::<i64>());
        }
        rows += 1;
    }
    let shape = vec![rows, columns];
    if integers.len() == singles.len() {
        return Ok(Numbers::Integer(ArrayD::from_shape_vec(shape, integers)?));
    }
    Ok(Numbers::Single(ArrayD::from_shape_vec(shape, singles)?))
}
