//! Columns by name or number, and the one column of a file of labels.

use super::{
    Column, Table,
    names::{WEIGHTS, is_id, is_label, is_one_of},
    roles::Dropped,
};
use crate::io::source::shorten;
use anyhow::{Context, Result, bail};

/// Finds a column by name, or by number from 0 or, negative, from the end.
pub(super) fn find(columns: &[Column], wanted: &str) -> Result<usize> {
    if let Some(index) = columns.iter().position(|column| column.name == wanted) {
        return Ok(index);
    }
    let same: Vec<usize> =
        (0..columns.len()).filter(|&i| columns[i].name.eq_ignore_ascii_case(wanted)).collect();
    if let [index] = same.as_slice() {
        return Ok(*index);
    }
    if let Ok(number) = wanted.trim().parse::<i64>() {
        let from_end = if number < 0 { number + columns.len() as i64 } else { number };
        if let Some(index) = usize::try_from(from_end).ok().filter(|&index| index < columns.len()) {
            return Ok(index);
        }
    }
    bail!("has no column {:?}: it has {}", shorten(wanted, 40), list(columns.iter()))
}

/// Names of columns for a message.
pub(super) fn list<'a>(columns: impl Iterator<Item = &'a Column>) -> String {
    let names: Vec<String> = columns.map(|column| shorten(&column.name, 24)).collect();
    if names.len() > 10 {
        format!("{}, … {} ({} in all)", names[..8].join(", "), names[names.len() - 1], names.len())
    } else {
        names.join(", ")
    }
}

/// The one column of a file of labels or weights, beside ids, and what was left out.
pub(crate) fn only_column(
    table: Table,
    asked: Option<&String>,
    weights: bool,
) -> Result<(Column, usize, Vec<Dropped>)> {
    let Table { columns, named, index, .. } = table;
    let count = columns.len();
    let is_wanted = |name: &str| if weights { is_one_of(name, &WEIGHTS) } else { is_label(name) };
    let position = if let Some(asked) = asked {
        find(&columns, asked).context("--label-column")?
    } else if count == 1 {
        0
    } else {
        let is_other = |at: usize, column: &Column| {
            index.contains(&column.name)
                || named && (is_id(&column.name) || at == 0 && column.unnamed)
                || !weights && named && is_one_of(&column.name, &WEIGHTS)
        };
        let candidates: Vec<usize> = (0..count).filter(|&at| !is_other(at, &columns[at])).collect();
        let called: Vec<usize> =
            candidates.iter().copied().filter(|&at| named && is_wanted(&columns[at].name)).collect();
        match (called.as_slice(), candidates.as_slice()) {
            ([one], _) | ([], [one]) => *one,
            _ => bail!(
                "has {count} columns ({}): one is expected{}",
                list(columns.iter()),
                if weights { "" } else { "; give --label-column" }
            ),
        }
    };
    let mut dropped = Vec::new();
    let mut wanted = None;
    for (at, column) in columns.into_iter().enumerate() {
        if at == position {
            wanted = Some(column);
        } else {
            dropped.push(Dropped { name: column.name, why: "not asked for" });
        }
    }
    Ok((wanted.context("has no columns")?, count, dropped))
}
