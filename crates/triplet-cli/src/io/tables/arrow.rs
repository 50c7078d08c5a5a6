//! Parquet and Arrow files, and columns of Arrow's types.

use super::{Cells, Column, Origin, Table, Values};
use crate::io::{arrays::Kind, contain::contained, limits::Budget, source::shorten};
use anyhow::{Context, Result, anyhow, bail, ensure};
use arrow_array::{
    Array, ArrayRef, RecordBatch,
    cast::AsArray,
    types::{Float16Type, Float32Type, Float64Type, Int64Type, UInt64Type},
};
use arrow_cast::{CastOptions, cast_with_options};
use arrow_ipc::reader::{FileReader, StreamReader};
use arrow_schema::{ArrowError, DataType, Schema};
use bytes::Bytes;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use std::io::Cursor;

/// Values of a batch of rows.
const BATCH: usize = 1 << 18;
/// Bytes that the smallest value takes once it is read.
const LEAST: u64 = 4;

/// What an Arrow stream ends with; before version 0.15, with its second half.
const END: &[u8] = b"\xff\xff\xff\xff\0\0\0\0";

/// Reads a Parquet file.
pub(crate) fn read_parquet(bytes: Vec<u8>, budget: &Budget) -> Result<Table> {
    contained("Parquet", || {
        let builder = ParquetRecordBatchReaderBuilder::try_new(Bytes::from(bytes))
            .map_err(|e| broken("Parquet", &e))?;
        let schema = builder.schema().clone();
        let columns = schema.fields().len().max(1);
        let groups = builder.metadata().row_groups().iter();
        let rows: u64 = groups
            .map(|group| u64::try_from(group.num_rows()).unwrap_or(u64::MAX))
            .fold(0, u64::saturating_add);
        // A run of one value takes no space in the file, but does in memory.
        let least = rows.saturating_mul(columns as u64).saturating_mul(LEAST);
        budget.take(least)?;
        budget.give(least);
        let reader = builder.with_batch_size((BATCH / columns).clamp(1, 8192)).build();
        let reader = reader.map_err(|e| broken("Parquet", &e))?;
        let table = table(&schema, reader, "Parquet", budget)?;
        ensure!(
            table.rows as u64 == rows,
            "not a readable Parquet file: its footer promises {rows} rows, and it has {}",
            table.rows
        );
        Ok(table)
    })
}

/// Reads an Arrow file, which is Feather of version 2.
pub(crate) fn read_file(bytes: &[u8], budget: &Budget) -> Result<Table> {
    contained("Arrow", || {
        let reader = FileReader::try_new(Cursor::new(bytes), None).map_err(|e| broken("Arrow", &e))?;
        let (promised, mut read) = (reader.num_batches(), 0);
        let schema = reader.schema();
        let table = table(&schema, reader.inspect(|_| read += 1), "Arrow", budget)?;
        // The reader takes a message of no type for the end.
        ensure!(
            read == promised,
            "not a readable Arrow file: it has {read} of its {promised} batches of rows"
        );
        // The footer lists the batches, and they stand one after the other too: a list that
        // lost some has no checksum.
        let rows = rows_in_order(bytes).unwrap_or(table.rows);
        ensure!(
            table.rows == rows,
            "not a readable Arrow file: its footer leads to {} rows, and it holds {rows}",
            table.rows
        );
        Ok(table)
    })
}

/// Rows of the batches as they follow one another, if they can be read so.
fn rows_in_order(bytes: &[u8]) -> Option<usize> {
    let start = 8 + bytes.get(8..)?.iter().position(|&byte| byte == 0xff)?;
    let reader = StreamReader::try_new(Cursor::new(&bytes[start..]), None).ok()?;
    reader.map(|batch| batch.ok().map(|batch| batch.num_rows())).sum()
}

/// Reads an Arrow stream.
pub(crate) fn read_stream(bytes: &[u8], budget: &Budget) -> Result<Table> {
    ensure!(
        bytes.ends_with(END) || bytes.ends_with(&END[4..]),
        "not a readable Arrow stream: it is cut off, without the mark of its end"
    );
    contained("Arrow", || {
        let mut reader = StreamReader::try_new(Cursor::new(bytes), None).map_err(|e| broken("Arrow", &e))?;
        let table = table(&reader.schema(), reader.by_ref(), "Arrow", budget)?;
        // The reader takes a message of no type for the end.
        ensure!(
            reader.get_ref().position() == bytes.len() as u64,
            "not a readable Arrow stream: it goes on after {} rows with what is no batch of rows",
            table.rows
        );
        Ok(table)
    })
}

fn broken(format: &str, error: &dyn std::fmt::Display) -> anyhow::Error {
    let text = error.to_string();
    let codec = ["brotli", "lzo"].into_iter().find(|codec| text.to_lowercase().contains(codec));
    match codec {
        Some(codec) => anyhow!("is compressed with {codec}, which is not read: write it with snappy or zstd"),
        None => anyhow!("not a readable {format} file: {}", shorten(&text, 160)),
    }
}

/// A table of batches of rows.
pub(super) fn table(
    schema: &Schema,
    batches: impl Iterator<Item = Result<RecordBatch, ArrowError>>,
    format: &str,
    budget: &Budget,
) -> Result<Table> {
    let mut all = Vec::new();
    for batch in batches {
        let batch = batch.map_err(|error| broken(format, &error))?;
        budget.take(batch.get_array_memory_size() as u64)?;
        all.push(batch);
    }
    let rows: usize = all.iter().map(RecordBatch::num_rows).sum();
    let mut columns: Vec<Column> = Vec::new();
    for (index, field) in schema.fields().iter().enumerate() {
        let name = field.name();
        if !name.is_empty() && columns.iter().any(|column| &column.name == name) {
            bail!("two columns are called {:?}: rename one", shorten(name, 40));
        }
        let chunks: Vec<ArrayRef> = all.iter().map(|batch| batch.column(index).clone()).collect();
        let cells = cells(field.data_type(), &chunks, budget)
            .with_context(|| format!("column {:?}", shorten(name, 40)))?;
        columns.push(Column {
            unnamed: name.is_empty(),
            name: if name.is_empty() { format!("column {index}") } else { name.clone() },
            cells,
        });
    }
    ensure!(!columns.is_empty(), "holds no columns");
    Ok(Table { columns, rows, named: true, origin: Origin::Typed, index: pandas_index(schema) })
}

/// Columns that pandas kept an index in.
fn pandas_index(schema: &Schema) -> Vec<String> {
    let text = schema.metadata().get("pandas").map_or("", String::as_str);
    let json: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
    let columns = json["index_columns"].as_array().cloned().unwrap_or_default();
    columns.iter().filter_map(|column| column.as_str().map(str::to_owned)).collect()
}

fn cells(kind: &DataType, chunks: &[ArrayRef], budget: &Budget) -> Result<Cells> {
    use DataType::{
        Boolean, Date32, Date64, Decimal32, Decimal64, Decimal128, Decimal256, Dictionary, FixedSizeList,
        Float16, Float32, Float64, Int8, Int16, Int32, Int64, LargeList, LargeUtf8, List, Null, Time32,
        Time64, Timestamp, UInt8, UInt16, UInt32, UInt64, Utf8, Utf8View,
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
        Date32 | Date64 | Time32(_) | Time64(_) | Timestamp(..) => Values::Times(texts(chunks, budget)?),
        // pandas' category
        Dictionary(_, values) => return cells(values, &cast_all(chunks, values)?, budget),
        List(field) | LargeList(field) | FixedSizeList(field, _) if field.data_type().is_numeric() => {
            return vectors(field.data_type(), chunks, missing, budget);
        }
        Null => {
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

fn cast_all(chunks: &[ArrayRef], to: &DataType) -> Result<Vec<ArrayRef>> {
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
fn vectors(kind: &DataType, chunks: &[ArrayRef], missing: Option<usize>, budget: &Budget) -> Result<Cells> {
    let single = matches!(kind, DataType::Float16 | DataType::Float32);
    let target = if single { DataType::Float32 } else { DataType::Float64 };
    let (mut singles, mut doubles) = (Vec::new(), Vec::new());
    let (mut width, mut row) = (None, 0);
    let mut first_null = missing;
    for chunk in chunks {
        for index in 0..chunk.len() {
            let list = if chunk.is_null(index) {
                None
            } else {
                Some(match chunk.data_type() {
                    DataType::List(_) => chunk.as_list::<i32>().value(index),
                    DataType::LargeList(_) => chunk.as_list::<i64>().value(index),
                    _ => chunk.as_fixed_size_list().value(index),
                })
            };
            let Some(list) = list else {
                row += 1;
                continue;
            };
            let expected = *width.get_or_insert(list.len());
            if list.len() != expected {
                let count = list.len();
                let problem = format!(
                    "has {count} numbers in row {row} and {expected} before: every row needs as many"
                );
                return Ok(Cells::Other(problem));
            }
            if list.null_count() > 0 {
                first_null = Some(first_null.map_or(row, |before| before.min(row)));
            }
            budget.take_elements(list.len(), if single { 4 } else { 8 })?;
            let list = cast_all(&[list], &target)?.remove(0);
            if single {
                singles.extend_from_slice(list.as_primitive::<Float32Type>().values());
            } else {
                doubles.extend_from_slice(list.as_primitive::<Float64Type>().values());
            }
            row += 1;
        }
    }
    let width = width.unwrap_or(0);
    let values = if single {
        Values::Singles { width, values: singles }
    } else {
        Values::Doubles { width, values: doubles }
    };
    Ok(Cells::Typed { values, missing: first_null })
}
