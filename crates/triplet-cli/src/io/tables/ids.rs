//! Ids in two inputs: they tell whether rows stand in one order.

use super::{Cells, Column, Values};
use crate::io::source::shorten;
use anyhow::{Result, bail};
use std::borrow::Cow;

/// Refuses inputs of as many rows whose ids of one name differ. Ids that are neither text nor
/// integers are not looked at.
pub(crate) fn same_rows(data: &[Column], other: &[Column]) -> Result<()> {
    for column in data {
        let same = |candidate: &&Column| candidate.name.trim().eq_ignore_ascii_case(column.name.trim());
        let Some(pair) = other.iter().find(same) else { continue };
        let (Some(left), Some(right)) = (values(column), values(pair)) else { continue };
        if left.len() != right.len() {
            continue;
        }
        // `007` and 7 are one id in two types.
        let differ = |(a, b): (&Cow<'_, str>, &Cow<'_, str>)| {
            a != b && !matches!((a.parse::<i64>(), b.parse::<i64>()), (Ok(a), Ok(b)) if a == b)
        };
        if let Some(row) = left.iter().zip(&right).position(differ) {
            bail!(
                "row {row} has {} {:?} in the data and {:?} in the labels: their rows are in another order: sort both \
                 by it, or give --drop {} if it says nothing",
                column.shown(),
                shorten(&left[row], 40),
                shorten(&right[row], 40),
                shorten(&column.name, 40)
            );
        }
    }
    Ok(())
}

fn values(column: &Column) -> Option<Vec<Cow<'_, str>>> {
    match &column.cells {
        Cells::Written(written) => Some(written.cells().map(Cow::Borrowed).collect()),
        Cells::Typed { values: Values::Text(values), missing: None } => {
            Some(values.iter().map(|text| Cow::Borrowed(text.as_str())).collect())
        }
        Cells::Typed { values: Values::I64(values), missing: None } => {
            Some(values.iter().map(|value| Cow::Owned(value.to_string())).collect())
        }
        _ => None,
    }
}
