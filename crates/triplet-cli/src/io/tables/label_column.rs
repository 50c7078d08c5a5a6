//! Which column has the labels.

use super::{
    column::Type,
    names::is_label,
    pick::list,
    roles::{FEWEST_COUNTED_ANYWHERE, Sorting},
};
use anyhow::{Result, bail};

/// The label by its name; columns of such a name go if labels come from elsewhere.
pub(super) fn named_label(
    sorting: &mut Sorting,
    keep: &[usize],
    labels_elsewhere: bool,
) -> Result<Option<usize>> {
    let mut called = sorting.indices(|column| is_label(&column.name));
    called.retain(|column| !keep.contains(column));
    let name = |column: usize| sorting.columns[column].as_ref().map_or("", |column| column.name.as_str());
    let beside_x =
        sorting.left().any(|(_, column)| column.name.eq_ignore_ascii_case("x") && column.width() == 1);
    // `y` beside `x` is a coordinate, whatever else there is.
    if beside_x {
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
            "no column is called label, labels, class, target or y{}: give --label-column with one of {}, or --labels FILE",
            if beside_x { " (y beside x is a coordinate)" } else { "" },
            list(&sorting.not_excluded())
        ),
    }
}

/// Without names: the last column, unless the first may as well be the label.
pub(super) fn unnamed_label(sorting: &Sorting, rows: usize, keep: &[usize]) -> Result<usize> {
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
    if rows >= FEWEST_COUNTED_ANYWHERE && column(last).is_some_and(|c| c.counts_rows().is_some()) {
        bail!(
            "the last column, which would be the label, counts the rows: give --drop {last}, or --label-column with \
             another"
        );
    }
    match (plausible(first), plausible(last)) {
        (true, false) if is_text(first) && !is_text(last) => Ok(first),
        (true, true) if is_text(last) && !is_text(first) => Ok(last),
        (true, _) => bail!(
            "the label may be column {first} or column {last}, the last: give --label-column {first} or --label-column {last}"
        ),
        (false, _) => Ok(last),
    }
}
