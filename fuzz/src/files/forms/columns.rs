//! Parquet and Arrow.

use super::Codec;
use crate::files::table::{Labels, Table};
use arrow_array::{ArrayRef, Float32Array, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow_ipc::{
    CompressionType,
    writer::{FileWriter, IpcWriteOptions, StreamWriter},
};
use parquet::{
    arrow::ArrowWriter,
    basic::{Compression, ZstdLevel},
    file::properties::{WriterProperties, WriterVersion},
};
use std::sync::Arc;

fn record_batch(table: &Table) -> RecordBatch {
    let column = |feature| -> ArrayRef {
        if table.double {
            Arc::new(Float64Array::from_iter_values(table.column(feature)))
        } else {
            Arc::new(Float32Array::from_iter_values(table.column(feature).map(|x| x as f32)))
        }
    };
    let labels: ArrayRef = match &table.labels {
        Labels::Integers(labels) => Arc::new(Int64Array::from_iter_values(labels.iter().copied())),
        Labels::Names(names) => Arc::new(StringArray::from_iter_values(names)),
    };
    let columns = table.names().into_iter().enumerate().map(|(feature, name)| (name, column(feature)));
    RecordBatch::try_from_iter(columns.chain([("label".to_owned(), labels)])).expect("columns of one length")
}

pub(super) fn parquet(
    table: &Table,
    codec: Codec,
    groups: bool,
    version2: bool,
    dictionary: bool,
) -> Vec<u8> {
    let codec = match codec {
        Codec::None => Compression::UNCOMPRESSED,
        Codec::Lz4 => Compression::LZ4_RAW,
        Codec::Zstd => Compression::ZSTD(ZstdLevel::default()),
        Codec::Snappy => Compression::SNAPPY,
        Codec::Gzip => Compression::GZIP(Default::default()),
    };
    let version = if version2 { WriterVersion::PARQUET_2_0 } else { WriterVersion::PARQUET_1_0 };
    let properties = WriterProperties::builder()
        .set_compression(codec)
        .set_writer_version(version)
        .set_dictionary_enabled(dictionary)
        .set_max_row_group_row_count(groups.then_some(7))
        .build();
    let batch = record_batch(table);
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), Some(properties))
        .expect("a schema of plain columns");
    writer.write(&batch).expect("a vector grows");
    writer.close().expect("a vector grows");
    bytes
}

pub(super) fn arrow(table: &Table, stream: bool, codec: Codec) -> Vec<u8> {
    let codec = match codec {
        Codec::Lz4 => Some(CompressionType::LZ4_FRAME),
        Codec::Zstd => Some(CompressionType::ZSTD),
        _ => None,
    };
    let batch = record_batch(table);
    let options = IpcWriteOptions::default().try_with_compression(codec).expect("a codec of Arrow");
    let whole = "a vector grows";
    if stream {
        let mut writer =
            StreamWriter::try_new_with_options(Vec::new(), &batch.schema(), options).expect(whole);
        writer.write(&batch).expect(whole);
        writer.into_inner().expect(whole)
    } else {
        let mut writer = FileWriter::try_new_with_options(Vec::new(), &batch.schema(), options).expect(whole);
        writer.write(&batch).expect(whole);
        writer.into_inner().expect(whole)
    }
}
