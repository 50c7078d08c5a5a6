//! The triplets of a job as Parquet or npy, a run at a time: the same records give the same bytes.

use anyhow::{Result, anyhow, bail};
use arrow_array::{ArrayRef, BooleanArray, Float32Array, Float64Array, RecordBatch, UInt32Array};
use arrow_schema::{DataType, Field, Schema};
use ndarray_npy::npy::header::{Header, Layout};
use parquet::{
    arrow::ArrowWriter,
    basic::Compression,
    file::{metadata::KeyValue, properties::WriterProperties},
};
use py_literal::Value;
use std::{io::Write, path::Path, sync::Arc};
use triplet_core::Real;
use triplet_dataset::Record;

/// Rows of a batch that is written at a time, and of a row group.
const BATCH: usize = 1 << 16;
const GROUP: usize = 1 << 20;
/// The key of the settings in the footer.
pub(super) const SETTINGS: &str = "triplet mine";

/// What can be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Parquet,
    Npy,
}

impl Format {
    /// By the name of the file.
    pub(super) fn of(path: &Path) -> Result<Self> {
        let extension = path.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
        match extension.as_str() {
            "parquet" | "pq" => Ok(Self::Parquet),
            "npy" => Ok(Self::Npy),
            _ => bail!("--out {}: triplets are written as .parquet or .npy", path.display()),
        }
    }
}

/// An element type of distances.
pub(super) trait Distances: Real {
    const TYPE: DataType;
    fn column(values: Vec<Self>) -> ArrayRef;
}

impl Distances for f32 {
    const TYPE: DataType = DataType::Float32;
    fn column(values: Vec<Self>) -> ArrayRef {
        Arc::new(Float32Array::from(values))
    }
}

impl Distances for f64 {
    const TYPE: DataType = DataType::Float64;
    fn column(values: Vec<Self>) -> ArrayRef {
        Arc::new(Float64Array::from(values))
    }
}

/// Writes all records; how many there are is known before.
pub(super) fn write<T: Distances>(
    format: Format,
    count: u64,
    settings: &str,
    records: impl Iterator<Item = Result<Record<T>>>,
    out: &mut (dyn Write + Send),
) -> Result<()> {
    match format {
        Format::Parquet => parquet(settings, records, out),
        Format::Npy => npy(count, records, out),
    }
}

fn schema<T: Distances>() -> Arc<Schema> {
    let field = |name: &str, of: DataType| Field::new(name, of, false);
    Arc::new(Schema::new(vec![
        field("anchor", DataType::UInt32),
        field("positive", DataType::UInt32),
        field("negative", DataType::UInt32),
        field("rank", DataType::UInt32),
        field("positive_distance", T::TYPE),
        field("negative_distance", T::TYPE),
        field("reaches", DataType::Boolean),
    ]))
}

fn batch<T: Distances>(schema: &Arc<Schema>, records: &[Record<T>]) -> Result<RecordBatch> {
    let numbers = |of: fn(&Record<T>) -> u32| -> ArrayRef {
        Arc::new(UInt32Array::from(records.iter().map(of).collect::<Vec<_>>()))
    };
    let distances = |of: fn(&Record<T>) -> T| T::column(records.iter().map(of).collect());
    let reaches = BooleanArray::from(records.iter().map(|record| record.reaches).collect::<Vec<_>>());
    let columns = vec![
        numbers(|record| record.anchor),
        numbers(|record| record.positive),
        numbers(|record| record.negative),
        numbers(|record| record.rank),
        distances(|record| record.near),
        distances(|record| record.far),
        Arc::new(reaches),
    ];
    Ok(RecordBatch::try_new(schema.clone(), columns)?)
}

fn parquet<T: Distances>(
    settings: &str,
    records: impl Iterator<Item = Result<Record<T>>>,
    out: &mut (dyn Write + Send),
) -> Result<()> {
    let schema = schema::<T>();
    let properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_max_row_group_row_count(Some(GROUP))
        .set_created_by(concat!("triplet ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_key_value_metadata(Some(vec![KeyValue::new(SETTINGS.to_owned(), settings.to_owned())]))
        .build();
    let mut writer = ArrowWriter::try_new(out, schema.clone(), Some(properties))?;
    each_run(records, |records| Ok(writer.write(&batch(&schema, records)?)?))?;
    writer.close()?;
    Ok(())
}

fn npy<T: Distances>(
    count: u64,
    records: impl Iterator<Item = Result<Record<T>>>,
    out: &mut (dyn Write + Send),
) -> Result<()> {
    npy_header(count, out)?;
    let mut bytes = Vec::new();
    each_run(records, |records| {
        bytes.clear();
        for &Record { anchor, positive, negative, .. } in records {
            bytes.extend([anchor, positive, negative].iter().flat_map(|&row| i64::from(row).to_le_bytes()));
        }
        Ok(out.write_all(&bytes)?)
    })
}

/// Writes what an npy file of so many triplets begins with.
pub(super) fn npy_header(count: u64, out: &mut (dyn Write + Send)) -> Result<()> {
    let shape = vec![usize::try_from(count)?, 3];
    let header = Header { type_descriptor: Value::String("<i8".into()), layout: Layout::Standard, shape };
    Ok(out.write_all(&header.to_bytes().map_err(|error| anyhow!("{error}"))?)?)
}

/// Gives records in runs of one length, whatever pieces they come in.
fn each_run<T: Distances>(
    records: impl Iterator<Item = Result<Record<T>>>,
    mut take: impl FnMut(&[Record<T>]) -> Result<()>,
) -> Result<()> {
    let mut run = Vec::with_capacity(BATCH);
    for record in records {
        run.push(record?);
        if run.len() == BATCH {
            take(&run)?;
            run.clear();
        }
    }
    if run.is_empty() { Ok(()) } else { take(&run) }
}
