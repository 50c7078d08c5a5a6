//! Arrays and columns as embeddings and labels.

use super::{
    arrays::{Array, Data, Kind, shape_text},
    inputs::Embeddings,
    labels::Labels,
    limits::Budget,
    tables::{Cells, Column, Number, Origin, Table, Type, Values, counts},
};
use anyhow::{Context, Result, anyhow, bail, ensure};
use ndarray::ArrayD;
use std::borrow::Cow;

/// An array as embeddings of any shape, which the batch checks.
pub(super) fn array_embeddings(array: Array) -> Result<Embeddings> {
    let Array { shape, data, kind } = array;
    Ok(match data {
        Data::F32(values) => Embeddings::Single(ArrayD::from_shape_vec(shape, values)?),
        Data::F64(values) => Embeddings::Double(ArrayD::from_shape_vec(shape, values)?),
        Data::I64(values) => {
            let width = shape.get(1..).map_or(1, |rest| rest.iter().product::<usize>()).max(1);
            let single = |(index, value): (usize, &i64)| {
                f32::from_integer(*value).with_context(|| {
                    format!(
                        "row {}, column {}: {value} is an integer that f32 cannot hold",
                        index / width,
                        index % width
                    )
                })
            };
            let values = values.iter().enumerate().map(single).collect::<Result<Vec<f32>>>()?;
            Embeddings::Single(ArrayD::from_shape_vec(shape, values)?)
        }
        Data::Text(_) => bail!("holds text ({}): embeddings are numbers", kind.name()),
    })
}

/// An array `[rows]` or `[rows, 1]` as labels.
pub(super) fn array_labels(array: Array) -> Result<Labels> {
    let Array { shape, data, kind } = array;
    ensure!(
        matches!(shape.as_slice(), [_] | [_, 1]),
        "labels have shape {}: expected [batch_size] or [batch_size, 1]",
        shape_text(&shape)
    );
    let place = |row: usize| format!("row {row}");
    let limit = kind.exact_below().unwrap_or(f64::INFINITY);
    match data {
        Data::I64(values) if kind == Kind::Bool => {
            Ok(Labels::bools(values.into_iter().map(|value| value != 0)))
        }
        Data::I64(values) => Ok(Labels::integers(values)),
        Data::Text(values) => Labels::texts(values.iter().map(|text| Cow::Borrowed(text.as_str())), place),
        Data::F32(values) => Labels::floats(values.into_iter().map(f64::from), limit, &kind.name(), place),
        Data::F64(values) => Labels::floats(values.into_iter(), limit, &kind.name(), place),
    }
}

/// An array of two dimensions as a table without names.
pub(super) fn array_as_table(array: Array) -> Result<Table> {
    let Array { shape, data, kind } = array;
    let &[rows, width] = shape.as_slice() else {
        bail!("has shape {}: expected a table of two dimensions, [rows, columns]", shape_text(&shape))
    };
    ensure!(width >= 1, "has no columns: a table needs at least one feature");
    fn column<T: Clone>(values: &[T], start: usize, width: usize) -> Vec<T> {
        values.iter().skip(start).step_by(width).cloned().collect()
    }
    let columns = (0..width).map(|index| Column {
        name: format!("column {index}"),
        unnamed: true,
        cells: Cells::Typed {
            values: match &data {
                Data::F32(values) => Values::F32(column(values, index, width), kind),
                Data::F64(values) => Values::F64(column(values, index, width)),
                Data::I64(values) => Values::I64(column(values, index, width)),
                Data::Text(values) => Values::Text(column(values, index, width)),
            },
            missing: None,
        },
    });
    Ok(Table { columns: columns.collect(), rows, named: false, origin: Origin::Array, index: Vec::new() })
}

/// Rows from which on a column that counts them is a row number.
const FEWEST_COUNTED: usize = 8;

/// The first or last column of an array of several if it counts the rows.
pub(super) fn row_number_column(array: &Array) -> Option<usize> {
    let &[rows, width] = array.shape.as_slice() else { return None };
    if rows < FEWEST_COUNTED || width < 2 {
        return None;
    }
    let whole = |value: f64| (value.fract() == 0.0 && value.abs() < 9e15).then_some(value as i64);
    let value = |at: usize| match &array.data {
        Data::F32(values) => whole(values[at].into()),
        Data::F64(values) => whole(values[at]),
        Data::I64(values) => Some(values[at]),
        Data::Text(_) => None,
    };
    let is_counted =
        |&column: &usize| counts(&mut (0..rows).map(|row| value(row * width + column))).is_some();
    [0, width - 1].into_iter().find(is_counted)
}

/// Columns beside each other, in f64 if one of them is.
pub(super) fn matrix_of(features: &[Column], rows: usize, budget: &Budget) -> Result<Embeddings> {
    let is_double = |column: &Column| matches!(column.kind(), Type::Doubles | Type::Vectors { double: true });
    Ok(if features.iter().any(is_double) {
        Embeddings::Double(matrix(features, rows, budget)?)
    } else {
        Embeddings::Single(matrix(features, rows, budget)?)
    })
}

fn matrix<T: Number + Default>(features: &[Column], rows: usize, budget: &Budget) -> Result<ArrayD<T>> {
    let width: usize = features.iter().map(Column::width).sum();
    let count = rows.checked_mul(width).context("more values than there can be")?;
    budget.take_elements(count, size_of::<T>())?;
    let mut values = vec![T::default(); count];
    let mut offset = 0;
    for column in features {
        let own = column.width();
        let mut index = 0;
        // f64 of a file of numbers in f64 is kept.
        if size_of::<T>() == 4 {
            column.refuse_merging()?;
        }
        column.numbers(|value: T| {
            if own > 0 && index < rows * own {
                values[index / own * width + offset + index % own] = value;
            }
            index += 1;
        })?;
        ensure!(index == rows * own, "{} has {index} values for {rows} rows", column.shown());
        offset += own;
    }
    ArrayD::from_shape_vec(vec![rows, width], values).map_err(|error| anyhow!("{error}"))
}
