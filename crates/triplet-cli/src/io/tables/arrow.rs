//! Parquet and Arrow files.

use super::{Column, Origin, Table, chunks::cells, messages, spill::Spill, vectors};
use crate::io::{contain::contained, limits::Budget, source::shorten};
use anyhow::{Context, Result, anyhow, ensure};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_ipc::reader::{FileReader, StreamReader};
use arrow_schema::{ArrowError, FieldRef, Schema};
use bytes::Bytes;
use parquet::{arrow::arrow_reader::ParquetRecordBatchReaderBuilder, file::reader::ChunkReader};
use std::{collections::HashSet, fs::File, io::Cursor, path::Path};

/// Values of a batch of rows.
const BATCH: usize = 1 << 18;
/// Bytes that the smallest value takes once it is read.
const LEAST: u64 = 4;

/// What an Arrow stream ends with.
const END: &[u8] = b"\xff\xff\xff\xff\0\0\0\0";

/// Reads a Parquet file.
pub(crate) fn read_parquet(bytes: Vec<u8>, budget: &Budget) -> Result<Table> {
    contained("Parquet", || parquet(parquet_reader(Bytes::from(bytes))?, BATCH, None, budget))
}

/// Rows of arrays that are read at a time when they go to a file.
const SPILLED: usize = 1024;

/// Reads a Parquet file some rows at a time, whose columns of arrays go to files in a folder; none if it has no such
/// column.
pub(crate) fn spill_parquet(file: File, folder: &Path, budget: &Budget) -> Result<Option<Table>> {
    contained("Parquet", || {
        let reader = parquet_reader(file)?;
        if !reader.schema().fields().iter().any(|field| vectors::are(field.data_type())) {
            return Ok(None);
        }
        parquet(reader, SPILLED, Some(folder), budget).map(Some)
    })
}

fn parquet_reader<R: ChunkReader + 'static>(input: R) -> Result<ParquetRecordBatchReaderBuilder<R>> {
    ParquetRecordBatchReaderBuilder::try_new(input).map_err(|error| broken("Parquet", &error))
}

/// The table of a file, so many values at a time.
fn parquet<R: ChunkReader + 'static>(
    reader: ParquetRecordBatchReaderBuilder<R>,
    values: usize,
    spill: Option<&Path>,
    budget: &Budget,
) -> Result<Table> {
    let schema = reader.schema().clone();
    let columns = schema.fields().len().max(1);
    let kept = schema.fields().iter().filter(|field| spill.is_none() || !vectors::are(field.data_type()));
    let groups = reader.metadata().row_groups().iter();
    let rows: u64 =
        groups.map(|group| u64::try_from(group.num_rows()).unwrap_or(u64::MAX)).fold(0, u64::saturating_add);
    // A run of one value takes no space in the file, but does in memory.
    let least = rows.saturating_mul(kept.count() as u64).saturating_mul(LEAST);
    budget.take(least)?;
    budget.give(least);
    let reader = reader.with_batch_size((values / columns).clamp(1, 8192)).build();
    let reader = reader.map_err(|e| broken("Parquet", &e))?;
    let table = gather(&schema, reader, "Parquet", spill, budget)?;
    ensure!(
        table.rows as u64 == rows,
        "not a readable Parquet file: its footer promises {rows} rows, and it has {}",
        table.rows
    );
    Ok(table)
}

/// Reads an Arrow file, which is Feather of version 2.
pub(crate) fn read_file(bytes: &[u8], budget: &Budget) -> Result<Table> {
    contained("Arrow", || {
        messages::check_file(bytes, budget)?;
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
        let rows = rows_in_order(bytes, budget).unwrap_or(table.rows);
        ensure!(
            table.rows == rows,
            "not a readable Arrow file: its footer leads to {} rows, and it holds {rows}",
            table.rows
        );
        Ok(table)
    })
}

/// Rows of the batches as they follow one another, if they can be read so.
fn rows_in_order(bytes: &[u8], budget: &Budget) -> Option<usize> {
    let start = 8 + bytes.get(8..)?.iter().position(|&byte| byte == 0xff)?;
    messages::check_stream(&bytes[start..], budget).ok()?;
    let reader = StreamReader::try_new(Cursor::new(&bytes[start..]), None).ok()?;
    reader.map(|batch| batch.ok().map(|batch| batch.num_rows())).sum()
}

/// Reads an Arrow stream.
pub(crate) fn read_stream(bytes: &[u8], budget: &Budget) -> Result<Table> {
    ensure!(bytes.ends_with(END), "not a readable Arrow stream: it is cut off, without the mark of its end");
    contained("Arrow", || {
        messages::check_stream(bytes, budget)?;
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
    gather(schema, batches, format, None, budget)
}

/// Where a column goes.
enum Place {
    Memory(Vec<ArrayRef>),
    File(Spill),
}

/// The same, with columns of arrays in files if there is a folder for them.
fn gather(
    schema: &Schema,
    batches: impl Iterator<Item = Result<RecordBatch, ArrowError>>,
    format: &str,
    spill: Option<&Path>,
    budget: &Budget,
) -> Result<Table> {
    let mut names = HashSet::new();
    for name in schema.fields().iter().map(|field| field.name()) {
        ensure!(
            name.is_empty() || names.insert(name),
            "two columns are called {:?}: rename one",
            shorten(name, 40)
        );
    }
    let place = |field: &FieldRef| match spill {
        Some(folder) if vectors::are(field.data_type()) => {
            Spill::new(folder, field.data_type()).map(Place::File)
        }
        _ => Ok(Place::Memory(Vec::new())),
    };
    let mut places = schema.fields().iter().map(place).collect::<Result<Vec<_>>>()?;
    let mut rows = 0;
    for batch in batches {
        let batch = batch.map_err(|error| broken(format, &error))?;
        rows += batch.num_rows();
        for (place, column) in places.iter_mut().zip(batch.columns()) {
            match place {
                Place::Memory(chunks) => {
                    budget.take(column.get_array_memory_size() as u64)?;
                    chunks.push(column.clone());
                }
                Place::File(spill) => spill.write(column)?,
            }
        }
    }
    // A damaged length is 0 more often than anything else, and nobody keeps empty tables.
    ensure!(rows > 0, "holds no rows");
    let mut columns: Vec<Column> = Vec::new();
    for (index, (field, place)) in schema.fields().iter().zip(places).enumerate() {
        let name = field.name();
        let cells = match place {
            Place::Memory(chunks) => cells(field.data_type(), &chunks, budget),
            Place::File(spill) => spill.finish(),
        };
        columns.push(Column {
            unnamed: name.is_empty(),
            name: if name.is_empty() { format!("column {index}") } else { name.clone() },
            cells: cells.with_context(|| format!("column {:?}", shorten(name, 40)))?,
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
