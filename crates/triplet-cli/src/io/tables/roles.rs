//! Which columns are features, which one is the label, and which are neither.

use super::{
    Column, Origin, Table,
    column::Type,
    label_column::{named_label, unnamed_label},
    names::{EMBEDDINGS, SAMPLE_WEIGHTS, is_id, is_label, is_label_again, is_one_of, is_pandas_index},
    pick::{address, find, list},
};
use crate::io::{labels::Labels, options::ReadArgs};
use anyhow::{Context, Result, bail};

/// Rows from which on a first column without a name that counts them from 0 or 1 is a row number.
const FEWEST_COUNTED: usize = 3;
/// The same for any column, from any number on.
pub(super) const FEWEST_COUNTED_ANYWHERE: usize = 8;

/// Why a column of an id is left out.
const AN_ID: &str = "an id by its name";

/// A column that is not used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Dropped {
    pub(crate) name: String,
    pub(crate) why: &'static str,
}

/// A table, sorted by use.
#[derive(Debug)]
pub(crate) struct Parts {
    /// Columns of features; not empty.
    pub(crate) features: Vec<Column>,
    /// The labels and the name of their column.
    pub(crate) labels: Option<(Labels, String)>,
    pub(crate) dropped: Vec<Dropped>,
    /// Columns that are ids by their names.
    pub(crate) ids: Vec<Column>,
}

/// Columns left, in order, and what was taken out.
pub(super) struct Sorting {
    pub(super) columns: Vec<Option<Column>>,
    dropped: Vec<Dropped>,
    ids: Vec<Column>,
    /// How flags name each column.
    addresses: Vec<String>,
    /// Whether columns have names.
    named: bool,
}

impl Sorting {
    pub(super) fn take_out(&mut self, index: usize, why: &'static str) {
        if let Some(column) = self.columns[index].take() {
            self.dropped.push(Dropped { name: column.name.clone(), why });
            if why == AN_ID {
                self.ids.push(column);
            }
        }
    }

    pub(super) fn left(&self) -> impl Iterator<Item = (usize, &Column)> {
        self.columns.iter().enumerate().filter_map(|(index, column)| Some((index, column.as_ref()?)))
    }

    /// Names of the columns that may be the label: those left, and those that look like ids.
    pub(super) fn not_excluded(&self) -> Vec<String> {
        let left = self.left().map(|(_, column)| column.name.clone());
        let ids =
            self.dropped.iter().filter(|dropped| dropped.why == AN_ID).map(|dropped| dropped.name.clone());
        left.chain(ids).collect()
    }

    pub(super) fn indices(&self, choose: impl Fn(&Column) -> bool) -> Vec<usize> {
        self.left().filter(|(_, column)| choose(column)).map(|(index, _)| index).collect()
    }
}

/// Sorts a table into features and, unless labels come from elsewhere, the label.
pub(crate) fn features_and_label(table: Table, args: &ReadArgs, labels_elsewhere: bool) -> Result<Parts> {
    let Table { columns, rows, named, origin, index } = table;
    let chosen = match &args.label_column {
        Some(wanted) if !labels_elsewhere => Some(find(&columns, wanted).context("--label-column")?),
        _ => None,
    };
    let all = |wanted: &[String], flag| {
        wanted.iter().map(|name| find(&columns, name).context(flag)).collect::<Result<Vec<usize>>>()
    };
    let (to_drop, keep) = (all(&args.drop, "--drop")?, all(&args.keep, "--keep")?);
    let addresses: Vec<String> = (0..columns.len()).map(|index| address(&columns, index)).collect();
    for (asked, flag) in [(&keep, "--keep"), (&chosen.into_iter().collect(), "--label-column")] {
        if let Some(&column) = asked.iter().find(|column| to_drop.contains(column)) {
            bail!("{} is in --drop and in {flag}: give one", columns[column].shown());
        }
    }
    let is_index: Vec<bool> = columns.iter().map(|column| index.contains(&column.name)).collect();
    // An index of several levels without names is several columns without names.
    let unnamed = columns.iter().take_while(|column| named && column.unnamed).count();
    let columns = columns.into_iter().map(Some).collect();
    let mut sorting = Sorting { columns, dropped: Vec::new(), ids: Vec::new(), addresses, named };
    for column in to_drop {
        sorting.take_out(column, "--drop");
    }
    for (column, is_index) in is_index.into_iter().enumerate() {
        if keep.contains(&column) || chosen == Some(column) {
            continue;
        }
        let Some(left) = &sorting.columns[column] else { continue };
        let kind = left.kind();
        let first_unnamed = column < unnamed;
        if first_unnamed && kind == Type::Singles {
            let address = &sorting.addresses[column];
            let which =
                if column == 0 { "its first column".to_owned() } else { format!("its column {column}") };
            bail!(
                "{which} has no name and may be an index of pandas or a feature: give --drop {address} or --keep {address}"
            );
        }
        // An index called as a label is one.
        if is_index && !is_label(&left.name) || first_unnamed || is_pandas_index(&left.name) {
            sorting.take_out(column, "pandas index");
        } else if kind == Type::Empty && left.unnamed && rows > 0 {
            sorting.take_out(column, "empty");
        } else if named && is_id(&left.name) {
            sorting.take_out(column, AN_ID);
        } else if named && is_one_of(&left.name, &SAMPLE_WEIGHTS) {
            sorting.take_out(column, "weights by its name");
        }
    }
    let label = match chosen {
        Some(column) => Some(column),
        None if named => named_label(&mut sorting, &keep, labels_elsewhere)?,
        None if labels_elsewhere => None,
        None => Some(unnamed_label(&sorting, rows, &keep)?),
    };
    let others: Vec<usize> = sorting
        .indices(|column| named && (is_label(&column.name) || is_label_again(&column.name)))
        .into_iter()
        .filter(|column| Some(*column) != label && !keep.contains(column))
        .collect();
    for column in others {
        // `y` beside `x` is a coordinate.
        let name = sorting.columns[column].as_ref().map(|column| column.name.to_lowercase());
        let beside_x = sorting.left().any(|(_, column)| column.name.eq_ignore_ascii_case("x"));
        if !(name.as_deref() == Some("y") && beside_x) {
            sorting.take_out(column, "another label");
        }
    }
    let label = label.and_then(|column| sorting.columns[column].take());
    let labels = label.map(|column| Ok::<_, anyhow::Error>((column.labels()?, column.name))).transpose()?;
    choose_vectors(&mut sorting)?;
    refuse_row_numbers(&sorting, rows, origin, &keep)?;
    for (index, column) in sorting.left() {
        refuse_words(column, &sorting.addresses[index])?;
    }
    let features: Vec<Column> = sorting.columns.into_iter().flatten().collect();
    if features.is_empty() {
        let dropped = sorting.dropped.iter().map(|dropped| format!("{} ({})", dropped.name, dropped.why));
        let dropped: Vec<String> = dropped.collect();
        let (left_out, list) =
            if dropped.is_empty() { ("", String::new()) } else { ("; left out: ", list(&dropped)) };
        bail!("has no column left for features: a table needs at least one beside the label{left_out}{list}");
    }
    Ok(Parts { features, labels, dropped: sorting.dropped, ids: sorting.ids })
}

/// If one column holds the embeddings, as arrays, nothing else is a feature.
fn choose_vectors(sorting: &mut Sorting) -> Result<()> {
    let vectors = sorting.indices(|column| matches!(column.kind(), Type::Vectors { .. }));
    let name = |column: usize| sorting.columns[column].as_ref().map_or("", |column| column.name.as_str());
    let chosen = match vectors.as_slice() {
        [] => return Ok(()),
        [only] => *only,
        several => {
            let called: Vec<usize> =
                several.iter().copied().filter(|&column| is_one_of(name(column), &EMBEDDINGS)).collect();
            match called.as_slice() {
                [column] => *column,
                _ => bail!(
                    "columns {:?} and {:?} both hold arrays of numbers: leave one out with --drop",
                    name(several[0]),
                    name(several[1])
                ),
            }
        }
    };
    for column in sorting.indices(|_| true) {
        if column != chosen {
            sorting.take_out(column, "not the embeddings");
        }
    }
    Ok(())
}

/// A column that counts the rows is no feature, and says so only to who looks.
fn refuse_row_numbers(sorting: &Sorting, rows: usize, origin: Origin, keep: &[usize]) -> Result<()> {
    let mut left = sorting.left();
    if sorting.left().count() < 2 {
        return Ok(());
    }
    let last = sorting.columns.len() - 1;
    let counted = left.find(|(index, column)| {
        // Of an array, what somebody put before or behind the features.
        let looked_at = origin != Origin::Array || [0, last].contains(index);
        let is_first = *index == 0 && !sorting.named && origin != Origin::Array;
        let fewest = if is_first { FEWEST_COUNTED } else { FEWEST_COUNTED_ANYWHERE };
        let enough = |first: i64| rows >= FEWEST_COUNTED_ANYWHERE || [0, 1].contains(&first);
        looked_at && rows >= fewest && !keep.contains(index) && column.counts_rows().is_some_and(enough)
    });
    if let Some((index, column)) = counted {
        let flag = &sorting.addresses[index];
        bail!(
            "{} counts the rows: give --drop {flag} if it is a row number, --keep {flag} if it is a feature, or \
             --label-column",
            column.shown()
        );
    }
    Ok(())
}

fn refuse_words(column: &Column, address: &str) -> Result<()> {
    let what = match column.kind() {
        // The field that is no number is named when it is read.
        Type::Text if column.is_mostly_numbers() => return Ok(()),
        Type::Text if column.has_decimal_commas() => {
            bail!("{} holds numbers with decimal commas: write them with points", column.shown())
        }
        Type::Text => "text",
        Type::Times => "dates or times",
        Type::Empty => "no values",
        Type::Other(problem) => bail!("{} {problem}; or leave it out with --drop {address}", column.shown()),
        _ => return Ok(()),
    };
    bail!(
        "{} holds {what}, which is no feature: give --drop {address}, or --label-column {address} if it has the classes",
        column.shown()
    )
}
