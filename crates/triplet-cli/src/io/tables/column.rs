//! One column: what it holds, and its values as numbers.

use super::{cell, csv::Written, number::Number, separator::has_decimal_comma, spill::Spilled};
use crate::io::{arrays::Kind, merged, source::shorten};
use anyhow::{Result, bail};
use std::rc::Rc;
use triplet_dataset::FileRows;

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
    /// What can be neither feature nor label, and why: `has type Struct, ...`.
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
    /// The same in a file.
    Spilled(Rc<Spilled>),
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

/// The first of some values if each is one more than the one before, or each one less.
pub(crate) fn counts(values: &mut dyn Iterator<Item = Option<i64>>) -> Option<i64> {
    let (first, second) = (values.next()??, values.next()??);
    let step = second.checked_sub(first).filter(|step| [1, -1].contains(step))?;
    let mut last = second;
    for value in values {
        if value.is_none() || value != last.checked_add(step) {
            return None;
        }
        last += step;
    }
    Some(first)
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
                Values::Spilled(rows) => Type::Vectors { double: rows.double },
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
            Cells::Typed { values: Values::Spilled(rows), .. } => rows.width,
            _ => 1,
        }
    }

    /// The first of its values if they are integers, of any type, of which each is one more
    /// than the one before, or each one less.
    pub(crate) fn counts_rows(&self) -> Option<i64> {
        let whole = |value: f64| (value.fract() == 0.0 && value.abs() < 9e15).then_some(value as i64);
        match &self.cells {
            Cells::Written(written) => counts(&mut written.cells().map(|cell| cell::integer(cell).ok())),
            Cells::Typed { missing: Some(_), .. } => None,
            Cells::Typed { values, .. } => match values {
                Values::I64(values) => counts(&mut values.iter().copied().map(Some)),
                Values::F32(values, _) => counts(&mut values.iter().map(|&value| whole(value.into()))),
                Values::F64(values) => counts(&mut values.iter().map(|&value| whole(value))),
                _ => None,
            },
            Cells::Other(_) => None,
        }
    }

    /// Refuses decimal numbers of text that f32 does not tell from each other.
    pub(crate) fn refuse_merging(&self) -> Result<()> {
        let Cells::Written(written) = &self.cells else { return Ok(()) };
        if self.kind() != Type::Singles {
            return Ok(());
        }
        let values = || written.cells().map(|cell| cell.parse().unwrap_or(f64::NAN));
        if let Some([(low, _), (high, _)]) = merged(values) {
            let shown = |row| shorten(written.cells().nth(row).unwrap_or_default(), 40);
            bail!(
                "{}: {} is the same f32 as {} of line {}: subtract what all values of the column have in common, or \
                 leave it out with --drop",
                self.place(high),
                shown(high),
                shown(low),
                written.line(low)
            );
        }
        Ok(())
    }

    /// Refuses a row without a value.
    fn refuse_missing(&self) -> Result<()> {
        match &self.cells {
            Cells::Typed { missing: Some(row), .. } => bail!(
                "{} is missing (null): fill it in, or leave the column out with --drop",
                self.place(*row)
            ),
            _ => Ok(()),
        }
    }

    /// The rows of a column of arrays that are in a file.
    pub(crate) fn spilled(&self) -> Option<Result<FileRows>> {
        let Cells::Typed { values: Values::Spilled(rows), .. } = &self.cells else { return None };
        Some(self.refuse_missing().and_then(|()| Ok(rows.rows()?)))
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
            Cells::Typed { values, .. } => {
                self.refuse_missing()?;
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
                    Values::Spilled(_) => bail!("{} is in a file and not in memory", self.shown()),
                }
                Ok(())
            }
            Cells::Other(problem) => bail!("{} {problem}", self.shown()),
        }
    }
}
