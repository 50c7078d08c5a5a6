//! Columns of arrays of numbers, a row at a time: as many numbers in each.

use super::{Cells, Values, chunks::cast_all};
use anyhow::Result;
use arrow_array::{
    Array, ArrayRef,
    cast::AsArray,
    types::{Float32Type, Float64Type, Int64Type, UInt64Type},
};
use arrow_schema::DataType;

/// The type of the numbers, if a column has an array of them in each row.
fn element(kind: &DataType) -> Option<&DataType> {
    match kind {
        DataType::List(field) | DataType::LargeList(field) | DataType::FixedSizeList(field, _) => {
            Some(field.data_type()).filter(|element| element.is_numeric())
        }
        _ => None,
    }
}

/// Whether a column has an array of numbers in each row.
pub(super) fn are(kind: &DataType) -> bool {
    element(kind).is_some()
}

/// The numbers of one row, in the type that the column is computed in.
pub(super) enum Numbers<'a> {
    Single(&'a [f32]),
    Double(&'a [f64]),
}

/// What is known of a column after the rows that were read.
pub(super) struct Vectors {
    pub(super) double: bool,
    pub(super) width: Option<usize>,
    /// Rows so far.
    pub(super) rows: usize,
    /// The first row without an array, or with a number missing in it.
    missing: Option<usize>,
    /// Why it is no column of embeddings.
    problem: Option<String>,
}

impl Vectors {
    /// A column of a type for which [`are`] holds.
    pub(super) fn of(kind: &DataType) -> Self {
        let single = matches!(element(kind), Some(DataType::Float16 | DataType::Float32));
        Self { double: !single, width: None, rows: 0, missing: None, problem: None }
    }

    /// Gives the rows of a chunk one by one, without those that have none, up to the first with a problem.
    pub(super) fn read(
        &mut self,
        chunk: &ArrayRef,
        take: &mut dyn FnMut(Numbers<'_>) -> Result<()>,
    ) -> Result<()> {
        if self.problem.is_some() {
            return Ok(());
        }
        for index in 0..chunk.len() {
            let row = self.rows;
            self.rows += 1;
            if chunk.is_null(index) {
                self.missing = self.missing.or(Some(row));
                continue;
            }
            let list = match chunk.data_type() {
                DataType::List(_) => chunk.as_list::<i32>().value(index),
                DataType::LargeList(_) => chunk.as_list::<i64>().value(index),
                _ => chunk.as_fixed_size_list().value(index),
            };
            let expected = *self.width.get_or_insert(list.len());
            if list.len() != expected {
                let count = list.len();
                self.problem = Some(format!(
                    "has {count} numbers in row {row} and {expected} before: every row needs as many"
                ));
                return Ok(());
            }
            if list.null_count() > 0 {
                self.missing = self.missing.or(Some(row));
            }
            if let Some(value) = inexact(&list) {
                self.problem = Some(format!("holds {value} in row {row}, an integer that f64 cannot hold"));
                return Ok(());
            }
            if self.double {
                let list = cast_all(&[list], &DataType::Float64)?.remove(0);
                take(Numbers::Double(list.as_primitive::<Float64Type>().values()))?;
            } else {
                let list = cast_all(&[list], &DataType::Float32)?.remove(0);
                take(Numbers::Single(list.as_primitive::<Float32Type>().values()))?;
            }
        }
        Ok(())
    }

    /// The column, given where its numbers are.
    pub(super) fn cells(self, values: Values) -> Cells {
        match self.problem {
            Some(problem) => Cells::Other(problem),
            None => Cells::Typed { values, missing: self.missing },
        }
    }
}

/// The first integer that f64 does not hold.
fn inexact(list: &ArrayRef) -> Option<i128> {
    let is_inexact = |value: &i128| (*value as f64) as i128 != *value;
    match list.data_type() {
        DataType::Int64 => list.as_primitive::<Int64Type>().iter().flatten().map(i128::from).find(is_inexact),
        DataType::UInt64 => {
            list.as_primitive::<UInt64Type>().iter().flatten().map(i128::from).find(is_inexact)
        }
        _ => None,
    }
}
