//! One column, and what it can become: features, labels, weights.

use super::{
    cell::{self, Cell},
    csv::Written,
    separator::has_decimal_comma,
};
use crate::io::{arrays::Kind, labels::Labels, source::shorten};
use anyhow::{Result, bail};
use std::{borrow::Cow, collections::HashMap};

/// A column with its name.
#[derive(Debug, Clone)]
pub(crate) struct Column {
    /// Its name, or `column 3`.
    pub(crate) name: String,
    /// Whether the file gives it no name.
    pub(crate) unnamed: bool,
    pub(crate) cells: Cells,
}

/// What a column holds.
#[derive(Debug, Clone)]
pub(crate) enum Cells {
    /// Text of a text table.
    Written(Written),
    /// Values, and the first row without one.
    Typed { values: Values, missing: Option<usize> },
    /// A type that can be neither feature nor label.
    Other(String),
}

/// Values of one type. Where one is missing any value stands.
#[derive(Debug, Clone)]
pub(crate) enum Values {
    I64(Vec<i64>),
    F32(Vec<f32>, Kind),
    F64(Vec<f64>),
    Bool(Vec<bool>),
    Text(Vec<String>),
    /// Dates and times, as text.
    Times(Vec<String>),
    /// Rows of one width, one after the other.
    Singles {
        width: usize,
        values: Vec<f32>,
    },
    /// The same in f64.
    Doubles {
        width: usize,
        values: Vec<f64>,
    },
}

/// A column's type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Type {
    Empty,
    Integers,
    Singles,
    Doubles,
    Bools,
    Times,
    Text,
    /// Arrays of numbers; whether they are f64.
    Vectors {
        double: bool,
    },
    Other(String),
}

/// A number type that features and weights are computed in.
pub(crate) trait Number: Copy {
    fn from_text(text: &str) -> Option<Self>;
    /// `None` if the type does not hold the integer.
    fn from_integer(value: i64) -> Option<Self>;
    fn from_single(value: f32) -> Self;
    fn from_double(value: f64) -> Self;
    const NAME: &str;
}

impl Number for f32 {
    fn from_text(text: &str) -> Option<Self> {
        text.parse().ok()
    }
    fn from_integer(value: i64) -> Option<Self> {
        // Back through i128: the largest i64 rounds up to 2^63.
        (value as Self as i128 == i128::from(value)).then_some(value as Self)
    }
    fn from_single(value: f32) -> Self {
        value
    }
    fn from_double(value: f64) -> Self {
        value as Self
    }
    const NAME: &str = "f32";
}

impl Number for f64 {
    fn from_text(text: &str) -> Option<Self> {
        text.parse().ok()
    }
    fn from_integer(value: i64) -> Option<Self> {
        (value as Self as i128 == i128::from(value)).then_some(value as Self)
    }
    fn from_single(value: f32) -> Self {
        value.into()
    }
    fn from_double(value: f64) -> Self {
        value
    }
    const NAME: &str = "f64";
}

impl Column {
    /// The column in messages.
    pub(crate) fn shown(&self) -> String {
        if self.unnamed { self.name.clone() } else { format!("column {:?}", shorten(&self.name, 40)) }
    }

    /// What it holds.
    pub(crate) fn kind(&self) -> Type {
        match &self.cells {
            Cells::Written(written) => {
                let s = &written.summary;
                let filled = s.rows - s.empty;
                match filled {
                    0 if s.rows > 0 => Type::Empty,
                    // A few words among numbers are mistakes in a column of numbers.
                    _ if s.integers == filled => Type::Integers,
                    _ if s.integers + s.numbers == filled => Type::Singles,
                    _ if s.bools == filled => Type::Bools,
                    _ if s.times == filled => Type::Times,
                    _ => Type::Text,
                }
            }
            Cells::Typed { values, .. } => match values {
                Values::I64(_) => Type::Integers,
                Values::F32(..) => Type::Singles,
                Values::F64(_) => Type::Doubles,
                Values::Bool(_) => Type::Bools,
                Values::Text(_) => Type::Text,
                Values::Times(_) => Type::Times,
                Values::Singles { .. } => Type::Vectors { double: false },
                Values::Doubles { .. } => Type::Vectors { double: true },
            },
            Cells::Other(name) => Type::Other(name.clone()),
        }
    }

    /// Whether most fields are numbers and a few are words or missing.
    pub(crate) fn is_mostly_numbers(&self) -> bool {
        let Cells::Written(written) = &self.cells else { return false };
        2 * (written.summary.integers + written.summary.numbers) > written.summary.rows
    }

    /// Whether its first field is a number with a decimal comma.
    pub(crate) fn has_decimal_commas(&self) -> bool {
        let Cells::Written(written) = &self.cells else { return false };
        written.cells().next().is_some_and(has_decimal_comma)
    }

    /// Where a row of this column stands.
    pub(crate) fn place(&self, row: usize) -> String {
        match &self.cells {
            Cells::Written(written) => format!("{} ({})", written.place(row), self.shown()),
            _ => format!("row {row} of {}", self.shown()),
        }
    }

    /// Numbers a row, for a column of arrays; 1 for others.
    pub(crate) fn width(&self) -> usize {
        match &self.cells {
            Cells::Typed {
                values: Values::Singles { width, .. } | Values::Doubles { width, .. }, ..
            } => *width,
            _ => 1,
        }
    }

    /// Whether it holds 0, 1, 2, ... or 1, 2, 3, ...
    pub(crate) fn counts_rows(&self) -> bool {
        let counts = |values: &mut dyn Iterator<Item = Option<i64>>| {
            let first = values.next().flatten();
            let Some(first) = first.filter(|first| [0, 1].contains(first)) else { return false };
            values.zip(first + 1..).all(|(value, expected)| value == Some(expected))
        };
        match &self.cells {
            Cells::Written(written) => counts(&mut written.cells().map(|cell| cell.parse().ok())),
            Cells::Typed { values: Values::I64(values), .. } => counts(&mut values.iter().copied().map(Some)),
            _ => false,
        }
    }

    /// The values as numbers, in order; of a column of arrays, those of one row after those
    /// of the one before.
    pub(crate) fn numbers<T: Number>(&self, mut each: impl FnMut(T)) -> Result<()> {
        let inexact = |row: usize, value: i64| {
            anyhow::anyhow!(
                "{}: {value} is an integer that {} cannot hold: leave the column out with --drop, or write it with a \
                 decimal point if it may be rounded",
                self.place(row),
                T::NAME
            )
        };
        match &self.cells {
            Cells::Written(written) if self.kind() == Type::Bools => {
                written.numbers(|cell| T::from_integer(i64::from(cell.eq_ignore_ascii_case("true"))), each)
            }
            Cells::Written(written) if self.kind() == Type::Integers => {
                let mut failed = None;
                let mut row = 0;
                written.numbers(
                    |cell| cell.parse::<i64>().ok(),
                    |value| {
                        match T::from_integer(value) {
                            Some(number) => each(number),
                            None => failed = failed.or(Some((row, value))),
                        }
                        row += 1;
                    },
                )?;
                failed.map_or(Ok(()), |(row, value)| Err(inexact(row, value)))
            }
            Cells::Written(written) => written.numbers(T::from_text, each),
            Cells::Typed { missing: Some(row), .. } => {
                bail!(
                    "{} is missing (null): fill it in, or leave the column out with --drop",
                    self.place(*row)
                )
            }
            Cells::Typed { values, .. } => {
                match values {
                    Values::I64(values) => {
                        for (row, &value) in values.iter().enumerate() {
                            each(T::from_integer(value).ok_or_else(|| inexact(row, value))?);
                        }
                    }
                    Values::F32(values, _) | Values::Singles { values, .. } => {
                        values.iter().for_each(|&value| each(T::from_single(value)));
                    }
                    Values::F64(values) | Values::Doubles { values, .. } => {
                        values.iter().for_each(|&value| each(T::from_double(value)));
                    }
                    Values::Bool(values) => {
                        for &value in values {
                            each(T::from_single(f32::from(u8::from(value))));
                        }
                    }
                    Values::Text(_) | Values::Times(_) => bail!("{} holds text", self.shown()),
                }
                Ok(())
            }
            Cells::Other(name) => bail!("{} has type {}: expected numbers", self.shown(), shorten(name, 60)),
        }
    }

    /// The values as labels.
    pub(crate) fn labels(&self) -> Result<Labels> {
        let place = |row| self.place(row);
        match &self.cells {
            Cells::Written(written) => self.written_labels(written),
            Cells::Typed { missing: Some(row), .. } => {
                bail!("{}: the label is missing (null)", self.place(*row))
            }
            Cells::Typed { values, .. } => match values {
                Values::I64(values) => Ok(Labels::integers(values.clone())),
                Values::Bool(values) => Ok(Labels::bools(values.iter().copied())),
                Values::Text(values) | Values::Times(values) => {
                    Labels::texts(values.iter().map(|text| Cow::Borrowed(text.as_str())), place)
                }
                Values::F32(values, kind) => Labels::floats(
                    values.iter().map(|&value| value.into()),
                    kind.exact_below().unwrap_or(0.0),
                    &kind.name(),
                    place,
                ),
                Values::F64(values) => Labels::floats(
                    values.iter().copied(),
                    Kind::F64.exact_below().unwrap_or(0.0),
                    "f64",
                    place,
                ),
                Values::Singles { .. } | Values::Doubles { .. } => {
                    bail!("{} holds arrays: labels are one value a row", self.shown())
                }
            },
            Cells::Other(name) => {
                bail!("{} has type {}: labels are integers or text", self.shown(), shorten(name, 60))
            }
        }
    }

    /// Labels from text, never through floats.
    fn written_labels(&self, written: &Written) -> Result<Labels> {
        let place = |row| self.place(row);
        if let Some(row) = written.cells().position(str::is_empty) {
            bail!("{}: the label is empty", self.place(row));
        }
        match self.kind() {
            Type::Bools => Ok(Labels::bools(written.cells().map(|cell| cell.eq_ignore_ascii_case("true")))),
            // `007` is a name, not the number 7.
            Type::Integers if written.cells().all(is_canonical) => {
                Ok(Labels::integers(written.cells().filter_map(|cell| cell.parse().ok()).collect()))
            }
            Type::Singles => {
                let class = |(row, text): (usize, &str)| match cell::integer(text) {
                    Ok(class) => Ok(class),
                    Err(true) => bail!(
                        "the label at {} is {}: integers must be below 2^63",
                        place(row),
                        shorten(text, 40)
                    ),
                    Err(false) if text.to_ascii_lowercase().contains("nan") => {
                        bail!("the label at {} is {text}, a missing value", place(row))
                    }
                    Err(false) => {
                        bail!(
                            "the label at {} is {}: labels must be integers or text",
                            place(row),
                            shorten(text, 40)
                        )
                    }
                };
                Ok(Labels::integers(written.cells().enumerate().map(class).collect::<Result<_>>()?))
            }
            _ => {
                refuse_two_spellings(written.cells(), place)?;
                Labels::texts(written.cells().map(Cow::Borrowed), place)
            }
        }
    }
}

fn is_canonical(cell: &str) -> bool {
    let digits = cell.strip_prefix('-').unwrap_or(cell);
    digits == "0" && cell == "0" || digits.starts_with(|first: char| ('1'..='9').contains(&first))
}

/// One number written in two ways, among labels that are text, may be one class or two.
fn refuse_two_spellings<'a>(
    cells: impl Iterator<Item = &'a str>,
    place: impl Fn(usize) -> String,
) -> Result<()> {
    let mut spellings: HashMap<i64, &str> = HashMap::new();
    for (row, text) in cells.enumerate() {
        if matches!(cell::kind(text), Cell::Integer | Cell::Number)
            && let Ok(value) = cell::integer(text)
            && let before = *spellings.entry(value).or_insert(text)
            && before != text
        {
            bail!(
                "{}: the label {:?} is the number that an earlier label writes as {:?}: write it in one way",
                place(row),
                shorten(text, 40),
                shorten(before, 40)
            );
        }
    }
    Ok(())
}
