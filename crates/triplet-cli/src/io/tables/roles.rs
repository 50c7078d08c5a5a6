//! Which columns are features, which one is the label, and which are neither.

use super::{
    Column, Origin, Table,
    column::Type,
    names::{EMBEDDINGS, SAMPLE_WEIGHTS, is_id, is_label, is_one_of, is_pandas_index},
    pick::{find, list},
};
use crate::io::{labels::Labels, options::ReadArgs, source::shorten};
use anyhow::{Context, Result, bail, ensure};

/// Rows from which on a first column without a name that counts them is a row number.
const FEWEST_COUNTED: usize = 3;
/// The same for any column with a name.
const FEWEST_COUNTED_NAMED: usize = 8;

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
}

/// Columns left, in order, and what was taken out.
struct Sorting {
    columns: Vec<Option<Column>>,
    dropped: Vec<Dropped>,
}

impl Sorting {
    fn take_out(&mut self, index: usize, why: &'static str) {
        if let Some(column) = self.columns[index].take() {
            self.dropped.push(Dropped { name: column.name, why });
        }
    }

    fn left(&self) -> impl Iterator<Item = (usize, &Column)> {
        self.columns.iter().enumerate().filter_map(|(index, column)| Some((index, column.as_ref()?)))
    }

    fn indices(&self, choose: impl Fn(&Column) -> bool) -> Vec<usize> {
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
    let is_index: Vec<bool> = columns.iter().map(|column| index.contains(&column.name)).collect();
    let mut sorting = Sorting { columns: columns.into_iter().map(Some).collect(), dropped: Vec::new() };
    for column in to_drop {
        sorting.take_out(column, "--drop");
    }
    for (column, is_index) in is_index.into_iter().enumerate() {
        if keep.contains(&column) || chosen == Some(column) {
            continue;
        }
        let Some(left) = &sorting.columns[column] else { continue };
        let kind = left.kind();
        let first_unnamed = named && left.unnamed && column == 0;
        ensure!(
            !(first_unnamed && kind == Type::Singles),
            "its first column has no name and may be an index of pandas or a feature: give --drop 0 or --keep 0"
        );
        if is_index || first_unnamed || is_pandas_index(&left.name) {
            sorting.take_out(column, "pandas index");
        } else if kind == Type::Empty && left.unnamed && rows > 0 {
            sorting.take_out(column, "empty");
        } else if named && is_id(&left.name) {
            sorting.take_out(column, "an id by its name");
        } else if named && is_one_of(&left.name, &SAMPLE_WEIGHTS) {
            sorting.take_out(column, "weights by its name");
        }
    }
    let label = match chosen {
        Some(column) => Some(column),
        None if named => named_label(&mut sorting, &keep, labels_elsewhere)?,
        None if labels_elsewhere => None,
        None => Some(unnamed_label(&sorting, &keep)?),
    };
    let others: Vec<usize> = sorting
        .indices(|column| named && is_label(&column.name))
        .into_iter()
        .filter(|column| label.is_some() && Some(*column) != label && !keep.contains(column))
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
    refuse_row_numbers(&sorting, rows, named, origin, &keep)?;
    let features: Vec<Column> = sorting.columns.into_iter().flatten().collect();
    ensure!(
        !features.is_empty(),
        "has no column left for features: a table needs at least one beside the label"
    );
    for column in &features {
        refuse_words(column)?;
    }
    Ok(Parts { features, labels, dropped: sorting.dropped })
}

/// The label by its name; columns of such a name go if labels come from elsewhere.
fn named_label(sorting: &mut Sorting, keep: &[usize], labels_elsewhere: bool) -> Result<Option<usize>> {
    let mut called = sorting.indices(|column| is_label(&column.name));
    called.retain(|column| !keep.contains(column));
    let name = |column: usize| sorting.columns[column].as_ref().map_or("", |column| column.name.as_str());
    let beside_x =
        sorting.left().any(|(_, column)| column.name.eq_ignore_ascii_case("x") && column.width() == 1);
    // `x,y,label`: coordinates. `x,y` and labels in a file of their own: coordinates too.
    if beside_x && (labels_elsewhere || called.len() > 1) {
        called.retain(|&column| !name(column).eq_ignore_ascii_case("y"));
    }
    if labels_elsewhere {
        for column in called {
            sorting.take_out(column, "labels come from --labels");
        }
        return Ok(None);
    }
    match called.as_slice() {
        [column] => Ok(Some(*column)),
        [first, second, ..] => bail!(
            "columns {:?} and {:?} may both be the label: give --label-column {}, which leaves the other out",
            name(*first),
            name(*second),
            name(*first)
        ),
        [] => bail!(
            "no column is called label, labels, class, target or y: give --label-column with one of {}, or --labels FILE",
            list(sorting.left().map(|(_, column)| column))
        ),
    }
}

/// Without names: the last column, unless the first may as well be the label.
fn unnamed_label(sorting: &Sorting, keep: &[usize]) -> Result<usize> {
    let mut left: Vec<usize> = sorting.left().map(|(index, _)| index).collect();
    left.retain(|column| !keep.contains(column));
    let (Some(&first), Some(&last)) = (left.first(), left.last()) else { bail!("has no columns") };
    if first == last {
        if sorting.left().count() > 1 {
            return Ok(last);
        }
        bail!("has one column: a table needs at least one feature and, last, the label");
    }
    let column = |index: usize| sorting.columns[index].as_ref();
    let is_text = |index: usize| column(index).is_some_and(|c| matches!(c.kind(), Type::Text | Type::Times));
    let plausible = |index: usize| {
        let labels = column(index).and_then(|column| column.labels().ok());
        labels.is_some_and(|labels| (2..labels.len()).contains(&labels.counts().len()))
    };
    match (plausible(first), plausible(last)) {
        (true, false) if is_text(first) && !is_text(last) => Ok(first),
        (true, true) if is_text(last) && !is_text(first) => Ok(last),
        (true, _) => bail!(
            "the label may be column {first} or column {last}, the last: give --label-column {first} or --label-column {last}"
        ),
        (false, _) => Ok(last),
    }
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
fn refuse_row_numbers(
    sorting: &Sorting,
    rows: usize,
    named: bool,
    origin: Origin,
    keep: &[usize],
) -> Result<()> {
    let mut left = sorting.left();
    if origin == Origin::Array || sorting.left().count() < 2 {
        return Ok(());
    }
    let counted = left.find(|(index, column)| {
        let enough = if named { rows >= FEWEST_COUNTED_NAMED } else { *index == 0 && rows >= FEWEST_COUNTED };
        enough && !keep.contains(index) && column.counts_rows()
    });
    if let Some((index, column)) = counted {
        let flag = if named { shorten(&column.name, 40) } else { index.to_string() };
        bail!(
            "{} counts the rows: give --drop {flag} if it is a row number, --keep {flag} if it is a feature, or \
             --label-column",
            column.shown()
        );
    }
    Ok(())
}

fn refuse_words(column: &Column) -> Result<()> {
    let what = match column.kind() {
        // The field that is no number is named when it is read.
        Type::Text if column.is_mostly_numbers() => return Ok(()),
        Type::Text if column.has_decimal_commas() => {
            bail!("{} holds numbers with decimal commas: write them with points", column.shown())
        }
        Type::Text => "text",
        Type::Times => "dates or times",
        Type::Empty => "no values",
        Type::Other(problem) => bail!("{} {problem}; or leave it out with --drop", column.shown()),
        _ => return Ok(()),
    };
    let name = if column.unnamed { column.name.replace("column ", "") } else { shorten(&column.name, 40) };
    bail!(
        "{} holds {what}, which is no feature: give --drop {name}, or --label-column {name} if it has the classes",
        column.shown()
    )
}
