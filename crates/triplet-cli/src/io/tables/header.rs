//! Whether the first line of a text table has names or is a row.

use super::{
    Origin, Table,
    cell::{Cell, kind},
    column::{Cells, Column},
    comment::{comment, comment_names},
    csv::{Raw, Summary, Written},
    names, separator,
};
use crate::io::{arrays::Role, limits::Budget, missing::is_missing, source::shorten};
use anyhow::{Result, bail, ensure};
use std::{collections::HashMap, rc::Rc};

/// What the first line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FirstLine {
    Names,
    Row,
    /// Both can be; `likely` is what it is unless the numbers of rows say otherwise.
    Open {
        likely: Option<bool>,
    },
    /// Both can be, and taking the line for names would lose a label.
    OpenLabel,
}

/// A text table whose first line is still to be judged.
#[derive(Debug)]
pub(crate) struct Reading {
    raw: Rc<Raw>,
    below: Vec<Summary>,
    pub(crate) first_line: FirstLine,
}

impl Reading {
    /// Reads text. `asked` is what a flag says about the first line.
    pub(crate) fn new(
        bytes: &[u8],
        tabs: bool,
        separator: Option<u8>,
        asked: Option<bool>,
        role: Role,
        budget: &Budget,
    ) -> Result<Self> {
        let raw = Raw::read(bytes, tabs, separator, budget)?;
        let below: Vec<Summary> =
            (0..raw.columns).map(|column| Summary::of(raw.cells(column).skip(1))).collect();
        let first_line = match asked {
            Some(true) => FirstLine::Names,
            Some(false) => FirstLine::Row,
            None if comment_names(&raw).is_some() => FirstLine::Row,
            None => judge(&raw, &below, role),
        };
        Ok(Self { raw: Rc::new(raw), below, first_line })
    }

    /// Number of rows if the first line has names, or is one.
    pub(crate) fn rows(&self, names: bool) -> usize {
        self.raw.records.saturating_sub(usize::from(names))
    }

    /// The error for a first line that may be both.
    pub(crate) fn undecided(&self, flag: &str) -> anyhow::Error {
        let first: Vec<&str> =
            (0..self.raw.columns.min(4)).filter_map(|c| self.raw.cells(c).next()).collect();
        anyhow::anyhow!(
            "its first line ({}{}) may be names of the columns ({} rows follow) or a row ({} rows in all): \
             give --header{flag} or --no-header{flag}",
            shorten(&first.join(", "), 60),
            if self.raw.columns > 4 { ", …" } else { "" },
            self.rows(true),
            self.rows(false)
        )
    }

    /// The table, with its first line as names or as a row.
    pub(crate) fn table(&self, names: bool) -> Result<Table> {
        let columns = self.raw.columns;
        let first: Vec<String> =
            (0..columns).map(|c| self.raw.cells(c).next().unwrap_or_default().to_owned()).collect();
        let commented = if names { None } else { comment_names(&self.raw) };
        let named = names || commented.is_some();
        let given = if names { Some(first.clone()) } else { commented };
        let given = given.unwrap_or_else(|| vec![String::new(); columns]);
        let mut seen = HashMap::new();
        for (index, name) in given.iter().enumerate().filter(|(_, name)| !name.is_empty()) {
            if let Some(before) = seen.insert(name, index) {
                bail!("columns {before} and {index} are both called {:?}: rename one", shorten(name, 40));
            }
        }
        let has_row = !names && self.raw.records > 0;
        let columns = given.into_iter().enumerate().map(|(index, name)| {
            let below = self.below[index];
            let summary = if has_row { below.with(kind(&first[index])) } else { below };
            let cells =
                Written { raw: Rc::clone(&self.raw), column: index, skip: usize::from(names), summary };
            Column {
                unnamed: name.is_empty(),
                name: if name.is_empty() { format!("column {index}") } else { one_line(name) },
                cells: Cells::Written(cells),
            }
        });
        let columns: Vec<Column> = columns.collect();
        ensure!(!columns.is_empty(), "holds no columns");
        ensure!(self.rows(names) > 0, "holds no rows");
        Ok(Table { columns, rows: self.rows(names), named, origin: Origin::Text, index: Vec::new() })
    }

    /// Whether a comment may name the columns, with a label or an id among them, or be prose.
    pub(crate) fn has_doubtful_comment(&self) -> bool {
        self.first_line == FirstLine::Row && matches!(comment(&self.raw), Some((_, true)))
    }

    /// What separates the fields, if that needs saying.
    pub(crate) fn separator(&self) -> Option<String> {
        (self.raw.columns > 1 && self.raw.separator != b',').then(|| separator::name(self.raw.separator))
    }
}

/// A name without the line breaks that a quoted one may have.
fn one_line(name: String) -> String {
    if name.contains(['\n', '\r']) { name.split_whitespace().collect::<Vec<_>>().join(" ") } else { name }
}

fn judge(raw: &Raw, below: &[Summary], role: Role) -> FirstLine {
    let first: Vec<&str> = (0..raw.columns).filter_map(|column| raw.cells(column).next()).collect();
    let kinds: Vec<Cell> = first.iter().map(|cell| kind(cell)).collect();
    if first.is_empty() {
        return FirstLine::Row;
    }
    let single_label = raw.columns == 1 && role == Role::Labels;
    let known = first.iter().any(|name| names::is_known(name));
    let numbers: Vec<&str> =
        first.iter().zip(&kinds).filter(|(_, k)| k.is_numeric()).map(|(c, _)| *c).collect();
    let (counts, from_zero) = counting(&numbers);
    let words = |kind: &Cell| matches!(kind, Cell::Text | Cell::Bool | Cell::Time);
    if raw.records == 1 {
        return match (kinds.iter().all(words), single_label) {
            (true, true) if known => FirstLine::Open { likely: Some(true) },
            (true, true) => FirstLine::OpenLabel,
            (all_words, _) => {
                if all_words {
                    FirstLine::Names
                } else {
                    FirstLine::Row
                }
            }
        };
    }
    let word_over_numbers = kinds.iter().zip(below).any(|(kind, below)| words(kind) && below.is_numeric());
    let empty_over_values =
        kinds.iter().zip(below).any(|(kind, below)| *kind == Cell::Empty && below.empty < below.rows);
    // A value that is missing is no name.
    if !numbers.is_empty() && first.iter().any(|cell| !cell.is_empty() && is_missing(cell)) {
        return FirstLine::Row;
    }
    if word_over_numbers || empty_over_values && (numbers.len() < first.len()) {
        return match (numbers.is_empty() || counts || known, single_label) {
            (true, false) => FirstLine::Names,
            (true, true) if known => FirstLine::Names,
            (true, true) => FirstLine::OpenLabel,
            // A name over numbers beside numbers that are no names.
            (false, _) => FirstLine::Open { likely: None },
        };
    }
    if numbers.is_empty() {
        return words_over_words(raw, &first, single_label, known, role);
    }
    if numbers.len() < first.len() {
        return words_beside_numbers(raw, below, &kinds, known, counts, from_zero);
    }
    if !counts {
        return FirstLine::Row;
    }
    numbers_over_values(raw, below, from_zero)
}

/// Numbers, and words over columns that are no numbers: `0,1,label` over `0.5,0.25,cat` has
/// names, `0.5,0.25,cat` over `1.5,2.5,cat` is a row.
fn words_beside_numbers(
    raw: &Raw,
    below: &[Summary],
    kinds: &[Cell],
    known: bool,
    counts: bool,
    from_zero: bool,
) -> FirstLine {
    // A date over dates is a value.
    let is_value = |column: usize| match kinds[column] {
        Cell::Time => below[column].times > 0,
        Cell::Bool => below[column].bools > 0,
        _ => false,
    };
    let is_word =
        |&column: &usize| matches!(kinds[column], Cell::Text | Cell::Bool | Cell::Time) && !is_value(column);
    let words: Vec<usize> = (0..raw.columns).filter(is_word).collect();
    if words.is_empty() {
        return FirstLine::Row;
    }
    // A name is no class; what comes again is one.
    let again = words.iter().any(|&column| {
        let mut cells = raw.cells(column);
        let first = cells.next();
        cells.any(|cell| Some(cell) == first)
    });
    if again {
        return FirstLine::Row;
    }
    let is_number = |&column: &usize| kinds[column].is_numeric();
    let over: Vec<&Summary> = (0..raw.columns).filter(is_number).map(|column| &below[column]).collect();
    let plain = over.iter().all(|column| column.integers == column.rows);
    // Integers that count up may be the first row of integers, the fewer the likelier.
    if known || counts && (!plain || from_zero && over.len() > 2) {
        return FirstLine::Names;
    }
    FirstLine::Open { likely: None }
}

/// Whether integers count up, and whether from 0.
fn counting(numbers: &[&str]) -> (bool, bool) {
    let values: Option<Vec<i64>> = numbers.iter().map(|cell| cell.parse().ok()).collect();
    let Some(values) = values else { return (false, false) };
    let from = values.first().copied().unwrap_or(0);
    let counts = values.iter().zip(from..).all(|(&value, expected)| value == expected);
    (counts && (from == 0 || from == 1 && values.len() > 1), from == 0)
}

fn words_over_words(raw: &Raw, first: &[&str], single_label: bool, known: bool, role: Role) -> FirstLine {
    if !single_label {
        let open = raw.columns > 1 && role == Role::Labels && !known;
        return if open { FirstLine::Open { likely: None } } else { FirstLine::Names };
    }
    // A name is no class; what comes again is one.
    if raw.cells(0).skip(1).any(|cell| cell == first[0]) {
        return FirstLine::Row;
    }
    if known { FirstLine::Open { likely: Some(true) } } else { FirstLine::OpenLabel }
}

/// `0,1,2` over rows is what pandas writes where columns have no names.
fn numbers_over_values(raw: &Raw, below: &[Summary], from_zero: bool) -> FirstLine {
    let plain = below.iter().all(|column| column.integers == column.rows);
    if raw.columns == 1 {
        // Larger and larger integers go on from a 0.
        let goes_on = plain && below[0].increases && raw.cells(0).nth(1) != Some("0");
        return FirstLine::Open { likely: goes_on.then_some(false) };
    }
    let second: Vec<&str> = (0..raw.columns).filter_map(|column| raw.cells(column).nth(1)).collect();
    let values: Option<Vec<i64>> = second.iter().map(|cell| cell.parse().ok()).collect();
    let continues = values.is_some_and(|values| values.windows(2).all(|pair| pair[1] == pair[0] + 1));
    match (continues, plain) {
        (true, true) => FirstLine::Row,
        (_, false) if raw.columns > 2 => FirstLine::Names,
        (false, true) if raw.columns > 2 && from_zero => FirstLine::Names,
        _ => {
            // A word among integers is a mistake in a row.
            let others = below.iter().any(|column| column.numbers > 0 || column.integers == 0);
            FirstLine::Open { likely: others.then_some(true) }
        }
    }
}
