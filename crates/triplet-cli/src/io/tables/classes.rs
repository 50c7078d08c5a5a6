//! A column as labels, never through floats.

use super::{
    cell::{self, Cell},
    column::{Cells, Column, Type, Values},
    csv::Written,
};
use crate::io::{arrays::Kind, labels::Labels, source::shorten};
use anyhow::{Result, bail};
use std::{borrow::Cow, collections::HashMap};

impl Column {
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
                Values::Singles { .. } | Values::Doubles { .. } | Values::Spilled(_) => {
                    bail!("{} holds arrays: labels are one value a row", self.shown())
                }
            },
            Cells::Other(problem) => bail!("{} {problem}", self.shown()),
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
