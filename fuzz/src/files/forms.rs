//! Tables written in every format that is read, by the libraries that other programs write them
//! with.

use super::table::{Labels, Table};
use arbitrary::Arbitrary;
use arrow_array::{ArrayRef, Float32Array, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow_ipc::{
    CompressionType,
    writer::{FileWriter, IpcWriteOptions, StreamWriter},
};
use ndarray::{Array2, ShapeBuilder, arr1};
use ndarray_npy::{NpzWriter, WriteNpyExt};
use parquet::{
    arrow::ArrowWriter,
    basic::{Compression, ZstdLevel},
    file::properties::{WriterProperties, WriterVersion},
};
use safetensors::{Dtype, tensor::TensorView};
use std::{
    collections::HashMap,
    fmt::Write as _,
    io::{Cursor, Write as _},
    sync::Arc,
};

/// A format and how it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Arbitrary)]
pub(crate) enum Form {
    Text { separator: Separator, gz: bool, crlf: bool, quoted: bool },
    Json { gz: bool },
    Npy { column_major: bool },
    Npz { compressed: bool },
    Safetensors,
    Parquet { codec: Codec, groups: bool, version2: bool, dictionary: bool },
    Arrow { stream: bool, codec: Codec },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Arbitrary)]
pub(crate) enum Separator {
    Comma,
    Semicolon,
    Tab,
    Pipe,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Arbitrary)]
pub(crate) enum Codec {
    None,
    Lz4,
    Zstd,
    Snappy,
    Gzip,
}

/// One way to write each format, for what was read of another.
pub(crate) const FORMS: [Form; 9] = [
    Form::Npy { column_major: false },
    Form::Text { separator: Separator::Comma, gz: false, crlf: false, quoted: false },
    Form::Json { gz: false },
    Form::Npz { compressed: false },
    Form::Parquet { codec: Codec::None, groups: false, version2: false, dictionary: true },
    Form::Safetensors,
    Form::Arrow { stream: false, codec: Codec::None },
    Form::Text { separator: Separator::Semicolon, gz: false, crlf: true, quoted: true },
    Form::Arrow { stream: true, codec: Codec::None },
];

/// The files of a table: names and bytes. The first has the features, a second the labels.
pub(crate) type Files = Vec<(&'static str, Vec<u8>)>;

impl Form {
    /// The table's files; `None` if the format does not hold it.
    pub(crate) fn write(self, table: &Table) -> Option<Files> {
        if table.rows == 0 || table.features == 0 {
            return None;
        }
        Some(match self {
            Self::Text { separator, gz, crlf, quoted } => {
                let text = text(table, separator, if crlf { "\r\n" } else { "\n" }, quoted)?;
                let tabs = separator == Separator::Tab;
                match (gz, tabs) {
                    (true, _) => vec![("t.csv.gz", gzip(&text))],
                    (_, true) => vec![("t.tsv", text)],
                    _ => vec![("t.csv", text)],
                }
            }
            Self::Json { gz: true } => vec![("t.jsonl.gz", gzip(&json(table)?))],
            Self::Json { gz: false } => vec![("t.jsonl", json(table)?)],
            Self::Npy { column_major } => {
                vec![("t.npy", npy(table, column_major)), ("labels.npy", npy_labels(table)?)]
            }
            Self::Npz { compressed } => vec![("t.npz", npz(table, compressed)?)],
            Self::Safetensors => vec![("t.safetensors", tensors(table)?)],
            Self::Parquet { codec, groups, version2, dictionary } => {
                vec![("t.parquet", parquet(table, codec, groups, version2, dictionary))]
            }
            Self::Arrow { stream, codec } => {
                vec![(if stream { "t.arrows" } else { "t.feather" }, arrow(table, stream, codec))]
            }
        })
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).expect("a vector grows");
    encoder.finish().expect("a vector grows")
}

/// Text holds f32, and labels that no reader takes for numbers, dates or missing values.
fn text(table: &Table, separator: Separator, end: &str, quoted: bool) -> Option<Vec<u8>> {
    if table.double {
        return None;
    }
    let separator = match separator {
        Separator::Comma => ',',
        Separator::Semicolon => ';',
        Separator::Tab => '\t',
        Separator::Pipe => '|',
    };
    let label = |row: usize| match &table.labels {
        Labels::Integers(labels) => Some(labels[row].to_string()),
        Labels::Names(names) => {
            let name = &names[row];
            let needs = quoted || name.contains(|c: char| !c.is_alphanumeric());
            is_word(name)
                .then(|| if needs { format!("\"{}\"", name.replace('"', "\"\"")) } else { name.clone() })
        }
    };
    let mut text = String::new();
    for name in table.names() {
        write!(text, "{name}{separator}").expect("a string grows");
    }
    write!(text, "label{end}").expect("a string grows");
    for row in 0..table.rows {
        for feature in 0..table.features {
            // `{:?}` keeps the sign of zero and the point of what is no integer label.
            write!(text, "{:?}{separator}", table.single(row, feature)).expect("a string grows");
        }
        write!(text, "{}{end}", label(row)?).expect("a string grows");
    }
    Some(text.into_bytes())
}

/// Whether text is surely a class: no number, bool, date or missing value, without space about it.
fn is_word(name: &str) -> bool {
    const OTHERS: [&str; 12] =
        ["nan", "inf", "infinity", "true", "false", "none", "null", "nil", "na", "nat", "missing", "sep="];
    let inner = |c: char| c.is_alphanumeric() || " _;,|'\"".contains(c);
    name.trim() == name
        && name.starts_with(char::is_alphabetic)
        && name.chars().all(inner)
        && !OTHERS.iter().any(|other| name.eq_ignore_ascii_case(other))
}

/// JSON has neither NaN nor infinity.
fn json(table: &Table) -> Option<Vec<u8>> {
    if table.values.iter().any(|value| !value.is_finite()) {
        return None;
    }
    let mut text = String::new();
    for row in 0..table.rows {
        text.push('{');
        for (feature, name) in table.names().iter().enumerate() {
            let value = table.values[row * table.features + feature];
            write!(text, "\"{name}\": {value:?}, ").expect("a string grows");
        }
        let label = match &table.labels {
            Labels::Integers(labels) => labels[row].to_string(),
            Labels::Names(names) => serde_json::to_string(&names[row]).expect("text is JSON"),
        };
        writeln!(text, "\"label\": {label}}}").expect("a string grows");
    }
    Some(text.into_bytes())
}

fn singles(table: &Table) -> Array2<f32> {
    Array2::from_shape_fn((table.rows, table.features), |(row, feature)| table.single(row, feature))
}

fn doubles(table: &Table) -> Array2<f64> {
    Array2::from_shape_vec((table.rows, table.features), table.values.clone()).expect("rows times features")
}

fn npy(table: &Table, column_major: bool) -> Vec<u8> {
    fn write<T: ndarray_npy::WritableElement + Clone>(array: Array2<T>, column_major: bool) -> Vec<u8> {
        let mut bytes = Vec::new();
        let array = if column_major {
            let columns: Vec<T> = array.t().iter().cloned().collect();
            Array2::from_shape_vec(array.raw_dim().f(), columns).expect("as many elements")
        } else {
            array
        };
        array.write_npy(&mut bytes).expect("a vector grows");
        bytes
    }
    if table.double { write(doubles(table), column_major) } else { write(singles(table), column_major) }
}

fn npy_labels(table: &Table) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    match &table.labels {
        Labels::Integers(labels) => arr1(labels).write_npy(&mut bytes).expect("a vector grows"),
        Labels::Names(names) => {
            // NumPy's text is of one width, in characters of four bytes, and ends with zeros.
            let width = names.iter().map(|name| name.chars().count()).max().unwrap_or(1).max(1);
            let header =
                format!("{{'descr': '<U{width}', 'fortran_order': False, 'shape': ({},), }}\n", names.len());
            bytes.extend(b"\x93NUMPY\x01\0");
            bytes.extend(u16::try_from(header.len()).ok()?.to_le_bytes());
            bytes.extend(header.bytes());
            for name in names {
                let padding = std::iter::repeat_n('\0', width - name.chars().count());
                bytes.extend(name.chars().chain(padding).flat_map(|c| u32::from(c).to_le_bytes()));
            }
        }
    }
    Some(bytes)
}

fn npz(table: &Table, compressed: bool) -> Option<Vec<u8>> {
    let Labels::Integers(labels) = &table.labels else { return None };
    let bytes = Cursor::new(Vec::new());
    let mut npz = if compressed { NpzWriter::new_compressed(bytes) } else { NpzWriter::new(bytes) };
    if table.double {
        npz.add_array("embeddings", &doubles(table)).expect("a vector grows");
    } else {
        npz.add_array("embeddings", &singles(table)).expect("a vector grows");
    }
    npz.add_array("labels", &arr1(labels)).expect("a vector grows");
    Some(npz.finish().expect("a vector grows").into_inner())
}

fn tensors(table: &Table) -> Option<Vec<u8>> {
    let Labels::Integers(labels) = &table.labels else { return None };
    let (dtype, bytes): (Dtype, Vec<u8>) = if table.double {
        (Dtype::F64, table.values.iter().flat_map(|x| x.to_le_bytes()).collect())
    } else {
        (Dtype::F32, singles(table).iter().flat_map(|x| x.to_le_bytes()).collect())
    };
    let labels: Vec<u8> = labels.iter().flat_map(|label| label.to_le_bytes()).collect();
    let tensors = HashMap::from([
        ("x", TensorView::new(dtype, vec![table.rows, table.features], &bytes).ok()?),
        ("y", TensorView::new(Dtype::I64, vec![table.rows], &labels).ok()?),
    ]);
    safetensors::serialize(tensors, None).ok()
}

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

fn parquet(table: &Table, codec: Codec, groups: bool, version2: bool, dictionary: bool) -> Vec<u8> {
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

fn arrow(table: &Table, stream: bool, codec: Codec) -> Vec<u8> {
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
