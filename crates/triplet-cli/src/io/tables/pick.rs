//! Columns by name or number, and the one column of a file of labels.

use super::{
    Column, Table,
    names::{WEIGHTS, is_id, is_label, is_label_again, is_one_of, is_pandas_index},
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
    bail!("has no column {:?}: it has {}", shorten(wanted, 40), list(&names_of(columns)))
}

/// How `--drop`, `--keep` and `--label-column` can name a column: by its name, or by its number
/// where it has none or one that cannot be given.
pub(super) fn address(columns: &[Column], index: usize) -> String {
    let column = &columns[index];
    let plain =
        |name: &str| name.chars().count() <= 60 && !name.contains(',') && !name.contains(char::is_control);
    if !column.unnamed && plain(&column.name) {
        let quote = column.name.contains(|c: char| !c.is_alphanumeric() && !"_-.:/+%@=".contains(c));
        return if quote { format!("'{}'", column.name) } else { column.name.clone() };
    }
    let number = index.to_string();
    if columns.iter().any(|column| !column.unnamed && column.name == number) {
        format!("-{}", columns.len() - index)
    } else {
        number
    }
}

fn names_of(columns: &[Column]) -> Vec<String> {
    columns.iter().map(|column| column.name.clone()).collect()
}

/// Names of columns for a message.
pub(super) fn list(names: &[String]) -> String {
    let names: Vec<String> = names.iter().map(|name| shorten(name, 32)).collect();
    if names.len() > 10 {
        format!("{}, … {} ({} in all)", names[..8].join(", "), names[names.len() - 1], names.len())
    } else {
        names.join(", ")
    }
}

/// One column of a file of labels or weights.
pub(crate) struct Picked {
    pub(crate) column: Column,
    /// Columns of the file.
    pub(crate) count: usize,
    pub(crate) dropped: Vec<Dropped>,
    /// Columns left out that are ids by their names.
    pub(crate) ids: Vec<Column>,
}

/// The one column of a file of labels or weights, beside ids, and what was left out.
pub(crate) fn only_column(table: Table, asked: Option<&String>, weights: bool) -> Result<Picked> {
    let Table { columns, named, index, .. } = table;
    let count = columns.len();
    let beside_x = columns.iter().any(|column| column.name.eq_ignore_ascii_case("x"));
    let is_wanted = |name: &str| match weights {
        true => is_one_of(name, &WEIGHTS),
        // `y` beside `x` is a coordinate.
        false => is_label(name) && !(beside_x && name.eq_ignore_ascii_case("y")),
    };
    let has_label = columns.iter().any(|column| is_wanted(&column.name));
    let unnamed = columns.iter().take_while(|column| column.unnamed).count();
    let position = if let Some(asked) = asked {
        find(&columns, asked).context("--label-column")?
    } else if count == 1 {
        0
    } else {
        let is_other = |at: usize, column: &Column| {
            index.contains(&column.name) && !is_wanted(&column.name)
                || is_pandas_index(&column.name)
                || named && (is_id(&column.name) || at < unnamed)
                || !weights && named && has_label && is_label_again(&column.name)
                || !weights && named && is_one_of(&column.name, &WEIGHTS)
        };
        let candidates: Vec<usize> = (0..count).filter(|&at| !is_other(at, &columns[at])).collect();
        let called: Vec<usize> =
            candidates.iter().copied().filter(|&at| named && is_wanted(&columns[at].name)).collect();
        match (called.as_slice(), candidates.as_slice()) {
            ([one], _) | ([], [one]) => *one,
            _ => bail!(
                "has {count} columns ({}): one is expected{}",
                list(&names_of(&columns)),
                if weights { "" } else { "; give --label-column" }
            ),
        }
    };
    let mut dropped = Vec::new();
    let (mut wanted, mut ids) = (None, Vec::new());
    for (at, column) in columns.into_iter().enumerate() {
        if at == position {
            wanted = Some(column);
        } else {
            dropped.push(Dropped { name: column.name.clone(), why: "not asked for" });
            if named && is_id(&column.name) {
                ids.push(column);
            }
        }
    }
    Ok(Picked { column: wanted.context("has no columns")?, count, dropped, ids })
}
