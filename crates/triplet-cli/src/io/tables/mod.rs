//! Tables: columns with names, from text, Parquet, Arrow and JSON lines.

mod arrow;
mod cell;
mod chunks;
mod classes;
mod column;
mod comment;
mod csv;
mod header;
mod ids;
mod json;
mod label_column;
mod lines;
mod messages;
mod names;
mod number;
mod pick;
mod roles;
mod separator;
mod spill;
mod vectors;

pub(crate) use arrow::{read_file, read_parquet, read_stream, spill_parquet};
pub(crate) use cell::is_word;
pub(crate) use column::{Cells, Column, Type, Values, counts};
pub(crate) use header::{FirstLine, Reading};
pub(crate) use ids::same_rows;
pub(crate) use json::read as read_json;
pub(crate) use number::Number;
pub(crate) use pick::{Picked, only_column};
pub(crate) use roles::{Dropped, Parts, features_and_label};

/// Columns of one length.
#[derive(Debug)]
pub(crate) struct Table {
    /// The columns, in the order of the file.
    pub(crate) columns: Vec<Column>,
    /// Their length.
    pub(crate) rows: usize,
    /// Whether the columns have names of their own.
    pub(crate) named: bool,
    /// Whether this was text, or numbers of one array.
    pub(crate) origin: Origin,
    /// Columns that pandas says are an index.
    pub(crate) index: Vec<String>,
}

/// What a table was made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A text file: a first column of row numbers is likely.
    Text,
    /// Parquet, Arrow or JSON, whose columns always have names.
    Typed,
    /// One array of numbers.
    Array,
}
