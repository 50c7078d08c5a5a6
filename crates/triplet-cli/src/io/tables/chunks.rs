//! Columns of Arrow's types.

use super::{
    Cells, Values,
    vectors::{self, Numbers, Vectors},
};
use crate::io::{arrays::Kind, limits::Budget, source::shorten};
use anyhow::{Result, anyhow};
use arrow_array::{
    Array, ArrayRef,
    cast::AsArray,
    types::{Float16Type, Float32Type, Float64Type, Int64Type, UInt64Type},
};
use arrow_cast::{CastOptions, cast_with_options};
use arrow_schema::DataType;

/// The values of a column, of which a file gives one array a batch of rows.
pub(super) fn cells(kind: &DataType, chunks: &[ArrayRef], budget: &Budget) -> Result<Cells> {
    use DataType::{
        Boolean, Date32, Date64, Decimal32, Decimal64, Decimal128, Decimal256, Dictionary, Float16, Float32,
        Float64, Int8, Int16, Int32, Int64, LargeUtf8, Null, Time32, Time64, Timestamp, UInt8, UInt16,
        UInt32, UInt64, Utf8, Utf8View,
    };
    let rows: usize = chunks.iter().map(Array::len).sum();
    let missing = first_missing(chunks);
    budget.take_elements(rows, 8)?;
    let values = match kind {
        Int8 | Int16 | Int32 | Int64 | UInt8 | UInt16 | UInt32 => Values::I64(integers(chunks)?),
        UInt64 => {
            if let Some(problem) = beyond_i64(chunks) {
                return Ok(Cells::Other(problem));
            }
            Values::I64(integers(chunks)?)
        }
        Decimal32(_, 0) | Decimal64(_, 0) | Decimal128(_, 0) | Decimal256(_, 0) => match integers(chunks) {
            Ok(values) => Values::I64(values),
            Err(error) => return Ok(Cells::Other(format!("holds integers beyond 2^63 ({error})"))),
        },
        Float64 | Decimal32(..) | Decimal64(..) | Decimal128(..) | Decimal256(..) => {
            let mut values = Vec::with_capacity(rows);
            for chunk in cast_all(chunks, &Float64)? {
                values.extend_from_slice(chunk.as_primitive::<Float64Type>().values());
            }
            Values::F64(values)
        }
        Float32 => {
            let slices = chunks.iter().flat_map(|chunk| chunk.as_primitive::<Float32Type>().values().iter());
            Values::F32(slices.copied().collect(), Kind::F32)
        }
        Float16 => {
            let slices = chunks.iter().flat_map(|chunk| chunk.as_primitive::<Float16Type>().values().iter());
            Values::F32(slices.map(|half| half.to_f32()).collect(), Kind::F16)
        }
        Boolean => {
            let bits = chunks.iter().flat_map(|chunk| chunk.as_boolean().values().iter());
            Values::Bool(bits.collect())
        }
        Utf8 | LargeUtf8 | Utf8View => Values::Text(texts(chunks, budget)?),
        // As UTC: names of time zones are not known here.
        Timestamp(unit, Some(_)) => {
            let plain = cast_all(chunks, &Timestamp(*unit, None))?;
            return cells(&Timestamp(*unit, None), &plain, budget);
        }
        // A time beyond what can be written as text is no reason not to read the other columns.
        Date32 | Date64 | Time32(_) | Time64(_) | Timestamp(..) => match cast_all(chunks, &LargeUtf8) {
            Ok(written) => Values::Times(texts(&written, budget)?),
            Err(error) => return Ok(Cells::Other(format!("holds times that cannot be read ({error})"))),
        },
        // pandas' category
        Dictionary(_, values) => return cells(values, &cast_all(chunks, values)?, budget),
        of if vectors::are(of) => return arrays(of, chunks, budget),
        Null => {
            budget.take_elements(rows, size_of::<String>())?;
            return Ok(Cells::Typed {
                values: Values::Text(vec![String::new(); rows]),
                missing: (rows > 0).then_some(0),
            });
        }
        other => {
            let kind = shorten(&other.to_string(), 60);
            return Ok(Cells::Other(format!("has type {kind}, which is neither feature nor label")));
        }
    };
    Ok(Cells::Typed { values, missing })
}

fn first_missing(chunks: &[ArrayRef]) -> Option<usize> {
    let mut before = 0;
    for chunk in chunks {
        if chunk.logical_null_count() > 0
            && let Some(nulls) = chunk.logical_nulls()
            && let Some(row) = nulls.iter().position(|valid| !valid)
        {
            return Some(before + row);
        }
        before += chunk.len();
    }
    None
}

pub(super) fn cast_all(chunks: &[ArrayRef], to: &DataType) -> Result<Vec<ArrayRef>> {
    let options = CastOptions { safe: false, ..CastOptions::default() };
    let cast = |chunk: &ArrayRef| cast_with_options(chunk, to, &options);
    chunks
        .iter()
        .map(cast)
        .collect::<Result<_, _>>()
        .map_err(|error| anyhow!("{}", shorten(&error.to_string(), 160)))
}

fn integers(chunks: &[ArrayRef]) -> Result<Vec<i64>> {
    let chunks = cast_all(chunks, &DataType::Int64)?;
    Ok(chunks.iter().flat_map(|chunk| chunk.as_primitive::<Int64Type>().values().iter().copied()).collect())
}

/// The first integer that i64 does not hold.
fn beyond_i64(chunks: &[ArrayRef]) -> Option<String> {
    let mut values = chunks.iter().flat_map(|chunk| chunk.as_primitive::<UInt64Type>().iter()).enumerate();
    let beyond =
        |(row, value): (usize, Option<u64>)| Some((row, value.filter(|&v| i64::try_from(v).is_err())?));
    let (row, value) = values.find_map(beyond)?;
    Some(format!("holds {value} in row {row}: integers must be below 2^63 (9223372036854775808)"))
}

fn texts(chunks: &[ArrayRef], budget: &Budget) -> Result<Vec<String>> {
    let mut texts = Vec::new();
    for chunk in cast_all(chunks, &DataType::LargeUtf8)? {
        let strings = chunk.as_string::<i64>();
        budget.take_elements(strings.len(), size_of::<String>())?;
        budget.take(strings.values().len() as u64)?;
        texts.extend(
            (0..strings.len())
                .map(|row| if strings.is_null(row) { String::new() } else { strings.value(row).to_owned() }),
        );
    }
    Ok(texts)
}

/// Arrays of one width, one after the other.
fn arrays(kind: &DataType, chunks: &[ArrayRef], budget: &Budget) -> Result<Cells> {
    let (mut singles, mut doubles) = (Vec::new(), Vec::new());
    let mut vectors = Vectors::of(kind);
    for chunk in chunks {
        vectors.read(chunk, &mut |row| match row {
            Numbers::Single(row) => {
                budget.take_elements(row.len(), 4)?;
                singles.extend_from_slice(row);
                Ok(())
            }
            Numbers::Double(row) => {
                budget.take_elements(row.len(), 8)?;
                doubles.extend_from_slice(row);
                Ok(())
            }
        })?;
    }
    let (double, width) = (vectors.double, vectors.width.unwrap_or(0));
    Ok(vectors.cells(if double {
        Values::Doubles { width, values: doubles }
    } else {
        Values::Singles { width, values: singles }
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::NullArray;
    use std::sync::Arc;

    #[test]
    fn rows_without_any_value_take_the_memory_of_their_text() {
        let rows: ArrayRef = Arc::new(NullArray::new(1 << 20));
        let read = |limit| cells(&DataType::Null, &[Arc::clone(&rows)], &Budget::new(Some(limit)));
        assert!(read(16 << 20).is_err());
        assert!(read(64 << 20).is_ok());
    }
}
