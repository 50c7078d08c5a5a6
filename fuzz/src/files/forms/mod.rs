//! Tables written in every format that is read, by the libraries that other programs write them
//! with.

mod arrays;
mod columns;
mod text;

use super::table::Table;
use arbitrary::Arbitrary;
use arrays::{npy, npy_labels, npz, tensors};
use columns::{arrow, parquet};
use std::io::Write;
use text::{json, text};

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
