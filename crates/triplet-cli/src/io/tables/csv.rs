//! Text tables: every field is read as text, and becomes a number when its column is used.

use super::{
    cell::{Cell, kind, trim},
    lines::{Lines, Places, clean, is_separator_line, sample},
    separator::{self, SAMPLE, fields},
};
use crate::io::{limits::Budget, source::shorten};
use anyhow::{Context, Result, bail, ensure};
use arrow_array::{Array, RecordBatch, cast::AsArray};
use arrow_csv::ReaderBuilder;
use arrow_schema::{DataType, Field, Schema};
use std::{borrow::Cow, rc::Rc, sync::Arc};

/// More columns than any table of embeddings.
const MOST_COLUMNS: usize = 1 << 20;
/// Fields of a batch of rows.
const BATCH: usize = 1 << 18;
/// Bytes that the description of a column takes.
const COLUMN: usize = 256;

/// The records of a text file, with the first line among them.
#[derive(Debug)]
pub(super) struct Raw {
    batches: Vec<RecordBatch>,
    pub(super) columns: usize,
    pub(super) records: usize,
    pub(super) separator: u8,
    /// The last comment before the first record.
    pub(super) comment: Option<String>,
    places: Places,
}

impl Raw {
    /// Cuts text into fields. `tabs` says that the file's name promises tabs.
    pub(super) fn read(bytes: &[u8], tabs: bool, separator: Option<u8>, budget: &Budget) -> Result<Self> {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let text = str::from_utf8(bytes).map_err(|error| {
            let line = bytes[..error.valid_up_to()].iter().filter(|&&byte| byte == b'\n').count() + 1;
            anyhow::anyhow!(
                "line {line} is not UTF-8: convert the file (iconv -f LATIN1 -t UTF-8, if it is Latin-1)"
            )
        })?;
        let separator = separator.or_else(|| stated_separator(text));
        let named = with_row_names(text, separator);
        let text = named.as_ref();
        let lines = sample(text, SAMPLE);
        let Some(first) = lines.first() else {
            ensure!(text.trim().is_empty(), "holds no rows: all its lines begin with #");
            return Ok(Self {
                batches: Vec::new(),
                columns: 1,
                records: 0,
                separator: b',',
                comment: None,
                places: Places::default(),
            });
        };
        let separator = separator.map_or_else(|| separator::find(&lines, tabs), Ok)?;
        let columns = fields(first, separator).len();
        ensure!(columns <= MOST_COLUMNS, "line 1 has {columns} fields: at most {MOST_COLUMNS} can be read");
        budget.take_elements(columns, COLUMN)?;
        let copied = text.len() as u64;
        budget.take(copied)?;
        let lines = clean(text, separator, columns)?;
        let batches = batches(&lines, separator, columns, budget)?;
        budget.give(copied);
        let records = batches.iter().map(RecordBatch::num_rows).sum();
        Ok(Self { batches, columns, records, separator, comment: lines.comment, places: lines.places })
    }

    /// The fields of a column, without the space around them.
    pub(super) fn cells(&self, column: usize) -> impl Iterator<Item = &str> {
        self.batches.iter().flat_map(move |batch| {
            let texts = batch.column(column).as_string::<i32>();
            (0..texts.len()).map(|row| trim(texts.value(row)))
        })
    }
}

/// The separator that Excel's first line `sep=;` states.
fn stated_separator(text: &str) -> Option<u8> {
    let first = text.lines().next()?;
    is_separator_line(first).then(|| first.trim_end_matches('\r').as_bytes()[4])
}

/// R's write.table gives no name to the first column, that of the row names, not even an
/// empty one. It gets an empty one here.
fn with_row_names(text: &str, separator: Option<u8>) -> Cow<'_, str> {
    let lines = sample(text, SAMPLE);
    let Some(separator) = separator::one_name_less(&lines, separator) else { return Cow::Borrowed(text) };
    let start = lines[0].as_ptr() as usize - text.as_ptr() as usize;
    Cow::Owned(format!("{}\"\"{}{}", &text[..start], char::from(separator), &text[start..]))
}

fn batches(lines: &Lines<'_>, separator: u8, columns: usize, budget: &Budget) -> Result<Vec<RecordBatch>> {
    let names: Vec<Field> = (0..columns).map(|i| Field::new(i.to_string(), DataType::Utf8, true)).collect();
    let reader = ReaderBuilder::new(Arc::new(Schema::new(names)))
        .with_header(false)
        .with_delimiter(separator)
        .with_batch_size((BATCH / columns).clamp(1, 8192))
        .build_buffered(lines.text.as_bytes())
        .context("text table")?;
    let mut batches = Vec::new();
    for batch in reader {
        let batch = batch.map_err(|error| ragged(lines, separator, columns, &error.to_string()))?;
        budget.take(batch.get_array_memory_size() as u64)?;
        batches.push(batch);
    }
    Ok(batches)
}

/// Names the first record that has another number of fields.
fn ragged(lines: &Lines<'_>, separator: u8, columns: usize, error: &str) -> anyhow::Error {
    let records = lines.text.split(['\n', '\r']).filter(|line| !line.is_empty());
    let counts = records.map(|line| fields(line, separator).len()).enumerate();
    let plural = |count: usize| if count == 1 { "field" } else { "fields" };
    match { counts }.find(|&(_, count)| count != columns) {
        Some((record, count)) => anyhow::anyhow!(
            "line {} has {count} {} where the first has {columns}, separated by {}: every row needs as many \
             (--separator names another separator)",
            lines.places.line(record),
            plural(count),
            separator::name(separator)
        ),
        None => anyhow::anyhow!("{}", shorten(error, 160)),
    }
}

/// A column of a text table.
#[derive(Debug, Clone)]
pub(crate) struct Written {
    pub(super) raw: Rc<Raw>,
    pub(super) column: usize,
    /// 1 if the first record has the names.
    pub(super) skip: usize,
    pub(super) summary: Summary,
}

impl Written {
    pub(super) fn cells(&self) -> impl Iterator<Item = &str> {
        self.raw.cells(self.column).skip(self.skip)
    }

    /// The line of the file that a row begins on.
    pub(super) fn line(&self, row: usize) -> usize {
        self.raw.places.line(row + self.skip)
    }

    /// Where a row stands in the file.
    pub(super) fn place(&self, row: usize) -> String {
        format!("line {}, field {}", self.line(row), self.column + 1)
    }

    /// The values as numbers of a type, in order.
    pub(super) fn numbers<T>(
        &self,
        parse: impl Fn(&str) -> Option<T>,
        mut each: impl FnMut(T),
    ) -> Result<()> {
        for (row, cell) in self.cells().enumerate() {
            let Some(value) = parse(cell) else {
                let place = self.place(row);
                match kind(cell) {
                    Cell::Empty => bail!("{place} is empty: fill it in, or leave the column out with --drop"),
                    _ if cell.contains(',') => {
                        bail!(
                            "{place}: {:?} is not a number: write decimal commas as points",
                            shorten(cell, 40)
                        )
                    }
                    _ => bail!("{place}: {:?} is not a number", shorten(cell, 40)),
                }
            };
            each(value);
        }
        Ok(())
    }
}

/// How many fields of each kind a column has.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Summary {
    pub(super) rows: usize,
    pub(super) empty: usize,
    pub(super) integers: usize,
    pub(super) numbers: usize,
    pub(super) bools: usize,
    pub(super) times: usize,
    pub(super) texts: usize,
    /// Whether every field is an integer larger than the one before.
    pub(super) increases: bool,
}

impl Summary {
    pub(super) fn of<'a>(cells: impl Iterator<Item = &'a str>) -> Self {
        let mut summary = Self { increases: true, ..Self::default() };
        let mut last = i64::MIN;
        for cell in cells {
            summary.rows += 1;
            let count = match kind(cell) {
                Cell::Empty => &mut summary.empty,
                Cell::Integer => &mut summary.integers,
                Cell::Number => &mut summary.numbers,
                Cell::Bool => &mut summary.bools,
                Cell::Time => &mut summary.times,
                Cell::Text => &mut summary.texts,
            };
            *count += 1;
            let value = cell.parse().unwrap_or(i64::MIN);
            summary.increases &= value > last;
            last = value;
        }
        summary
    }

    /// The same with one more field in front.
    pub(super) fn with(mut self, cell: Cell) -> Self {
        self.rows += 1;
        *match cell {
            Cell::Empty => &mut self.empty,
            Cell::Integer => &mut self.integers,
            Cell::Number => &mut self.numbers,
            Cell::Bool => &mut self.bools,
            Cell::Time => &mut self.times,
            Cell::Text => &mut self.texts,
        } += 1;
        self
    }

    /// Whether all fields are numbers or missing, and some are there.
    pub(super) const fn is_numeric(&self) -> bool {
        let numeric = self.integers + self.numbers;
        numeric > 0 && numeric + self.empty == self.rows
    }
}
