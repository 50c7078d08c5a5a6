//! One input file: read, then turned into embeddings, labels or weights.

use super::{
    arrays::{Array, Data, Role, shape_text},
    content::{Content, content},
    convert,
    first_lines::Rows,
    inputs::{Embeddings, Request, Weights},
    labels::Labels,
    limits::Budget,
    options::ReadArgs,
    source::Source,
    tables::{self, Column, Parts, Picked, Table},
    understood::{LabelSummary, Understood},
};
use anyhow::{Context, Result, bail, ensure};
use std::path::Path;

/// One file, before it is known how many rows the others have.
pub(super) struct File {
    /// As the command line named it.
    shown: String,
    content: Content,
}

impl File {
    /// Reads a file for a role.
    pub(super) fn read(
        path: &Path,
        role: Role,
        with_labels: bool,
        args: &ReadArgs,
        budget: &Budget,
    ) -> Result<Self> {
        let source = Source::read(path, budget)?;
        let shown = source.shown.clone();
        let content = content(source, role, with_labels, args, budget).with_context(|| shown.clone())?;
        Ok(Self { shown, content })
    }

    /// Its rows, as far as they are known.
    pub(super) fn rows(&self, flag: &'static str) -> Rows<'_> {
        match &self.content {
            Content::Arrays(array, _) => array.shape.first().map_or(Rows::Any, |&rows| Rows::Known(rows)),
            Content::Text(reading) => Rows::Text(reading, &self.shown, flag),
            Content::Table(table) => Rows::Known(table.rows),
        }
    }

    /// The file as embeddings, and the labels that it carries. `names` says whether the first
    /// line of text has names.
    pub(super) fn embeddings(
        self,
        names: bool,
        request: Request<'_>,
        budget: &Budget,
    ) -> Result<(Embeddings, Option<Labels>, Understood, Vec<Column>)> {
        let Self { shown, content } = self;
        let context = || shown.clone();
        let mut about = Understood::of(&shown);
        let elsewhere = request.labels.is_some();
        let table = match content {
            Content::Arrays(array, None) if as_table(&array, request) => {
                convert::array_as_table(array).with_context(context)?
            }
            Content::Arrays(array, labels) => {
                let args = request.args;
                ensure!(
                    args.drop.is_empty()
                        && (args.keep.is_empty() || array.shape.len() == 2)
                        && (elsewhere || args.label_column.is_none()),
                    "{shown}: is an array whose labels are another array: --drop, --keep and --label-column are for \
                     columns of tables"
                );
                if let Some(column) = convert::row_number_column(&array)
                    && !request.args.keep.contains(&column.to_string())
                {
                    let drop = match labels {
                        None => format!("--drop {column}"),
                        Some(_) => format!(
                            "the array without it ({})",
                            if column == 0 { "x[:, 1:]" } else { "x[:, :-1]" }
                        ),
                    };
                    bail!(
                        "{shown}: column {column} counts the rows: give {drop} if it is a row number, --keep {column} if \
                         it is a feature"
                    );
                }
                about.rows = array.shape.first().copied().unwrap_or(1);
                about.features = array.shape.get(1).copied();
                about.dtype = array.kind.name();
                let labels = labels.map(|(name, array)| {
                    let labels = convert::array_labels(array).with_context(|| format!("array {name:?}"))?;
                    about.labels = Some(LabelSummary::of(&labels, Some(format!("array {name:?}"))));
                    Ok::<_, anyhow::Error>(labels)
                });
                let labels = labels.transpose().with_context(context)?;
                ensure!(
                    elsewhere || labels.is_some(),
                    "{shown}: has no labels: give --labels FILE, or --label-column if a column has them"
                );
                return Ok((
                    convert::array_embeddings(array).with_context(context)?,
                    labels,
                    about,
                    Vec::new(),
                ));
            }
            Content::Text(reading) => {
                let table = reading.table(names).with_context(context)?;
                about.separator = reading.separator();
                about.header = Some(table.named);
                ensure!(
                    !reading.has_doubtful_comment() || elsewhere || request.args.label_column.is_some(),
                    "{shown}: the comment above its first row may name the columns or be a sentence: give --label-column \
                     with the number of the column that has the labels"
                );
                ensure!(
                    table.named || elsewhere || request.last_column || request.args.label_column.is_some(),
                    "{shown}: has no header that names the labels: give --labels FILE or --label-column"
                );
                table
            }
            Content::Table(table) => table,
        };
        let rows = table.rows;
        let Parts { features, labels, ids, .. } =
            about.parts(table, request.args, elsewhere).with_context(context)?;
        let embeddings = convert::matrix_of(&features, rows, budget).with_context(context)?;
        about.dtype = match embeddings {
            Embeddings::Single(_) => "f32".into(),
            Embeddings::Double(_) => "f64".into(),
        };
        let labels = labels.map(|(labels, _)| labels);
        Ok((embeddings, labels, about, ids))
    }

    /// The file as labels, `[B]` or `[B, 1]`.
    pub(super) fn labels(self, names: bool, args: &ReadArgs) -> Result<(Labels, Understood, Vec<Column>)> {
        let Self { shown, content } = self;
        let context = || shown.clone();
        let mut about = Understood::of(&shown);
        let (labels, source, ids) = match content {
            Content::Arrays(array, _) => {
                ensure!(
                    matches!(array.shape.as_slice(), [_] | [_, 1]),
                    "{shown}: labels have shape {}: expected [batch_size] or [batch_size, 1]",
                    shape_text(&array.shape)
                );
                ensure!(
                    args.label_column.is_none(),
                    "{shown}: is an array: --label-column is for columns of tables"
                );
                about.dtype = array.kind.name();
                (convert::array_labels(array).with_context(context)?, None, Vec::new())
            }
            content => {
                let table = about.table(content, names).with_context(context)?;
                let asked = args.label_column.as_ref();
                let Picked { column, count, dropped, ids } =
                    tables::only_column(table, asked, false).with_context(context)?;
                about.dropped = dropped;
                let labels = column.labels().with_context(context)?;
                about.dtype = if labels.are_text() { "text".into() } else { "integers".into() };
                (labels, (count > 1).then(|| column.shown()), ids)
            }
        };
        about.rows = labels.len();
        about.labels = Some(LabelSummary::of(&labels, source));
        Ok((labels, about, ids))
    }

    /// The file as weights and their shape.
    pub(super) fn weights(self, names: bool, args: &ReadArgs) -> Result<(Weights, Understood)> {
        let Self { shown, content } = self;
        let context = || shown.clone();
        let mut about = Understood::of(&shown);
        let (values, shape) = match content {
            Content::Arrays(array, _) => {
                about.dtype = array.kind.name();
                let values = match array.data {
                    Data::F32(values) => values.into_iter().map(f64::from).collect(),
                    Data::F64(values) => values,
                    Data::I64(values) => values.into_iter().map(|value| value as f64).collect(),
                    Data::Text(_) => bail!("{shown}: holds text: weights are numbers"),
                };
                (values, array.shape)
            }
            content => {
                let mut table = about.table(content, names).with_context(context)?;
                let dropped = |column: &Column| args.drop.contains(&column.name);
                table.columns.retain(|column| !dropped(column));
                let Picked { column, dropped, .. } =
                    tables::only_column(table, None, true).with_context(context)?;
                about.dropped = dropped;
                about.dtype = "f64".into();
                let mut values = Vec::new();
                column.numbers(|value: f64| values.push(value)).with_context(context)?;
                // One weight for all rows.
                let shape = if values.len() == 1 { Vec::new() } else { vec![values.len(), 1] };
                (values, shape)
            }
        };
        about.rows = shape.first().copied().unwrap_or(1);
        Ok((Weights { values, shape }, about))
    }
}

impl Understood {
    /// Of a file of which nothing is known yet.
    pub(super) fn of(shown: &str) -> Self {
        Self {
            file: shown.to_owned(),
            rows: 0,
            features: None,
            columns: Vec::new(),
            dtype: String::new(),
            header: None,
            separator: None,
            labels: None,
            dropped: Vec::new(),
        }
    }

    /// A table sorted by use, with what is used noted.
    pub(super) fn parts(&mut self, table: Table, args: &ReadArgs, elsewhere: bool) -> Result<Parts> {
        self.rows = table.rows;
        let mut parts = tables::features_and_label(table, args, elsewhere)?;
        self.dropped = std::mem::take(&mut parts.dropped);
        self.features = Some(parts.features.iter().map(Column::width).sum());
        self.columns = parts.features.iter().map(Column::shown).collect();
        self.labels = parts
            .labels
            .as_ref()
            .map(|(labels, column)| LabelSummary::of(labels, Some(format!("column {column:?}"))));
        Ok(parts)
    }

    /// The table of a file that is no array, with how it was cut noted.
    fn table(&mut self, content: Content, names: bool) -> Result<Table> {
        match content {
            Content::Text(reading) => {
                let table = reading.table(names)?;
                self.separator = reading.separator();
                self.header = Some(table.named);
                Ok(table)
            }
            Content::Table(table) => Ok(table),
            Content::Arrays(..) => bail!("holds arrays, no table"),
        }
    }
}

/// Whether an array without labels of its own is to be cut into columns.
fn as_table(array: &Array, request: Request<'_>) -> bool {
    let Request { labels, last_column, args, .. } = request;
    let cut = !args.drop.is_empty() || !args.keep.is_empty();
    array.shape.len() == 2 && cut || labels.is_none() && (last_column || args.label_column.is_some())
}
