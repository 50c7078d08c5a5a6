//! csv and its like, and JSON lines.

use super::Separator;
use crate::files::table::{Labels, Table};
use std::fmt::Write;

/// Text holds f32, and labels that no reader takes for numbers, dates or missing values.
pub(super) fn text(table: &Table, separator: Separator, end: &str, quoted: bool) -> Option<Vec<u8>> {
    if table.double {
        return None;
    }
    let separator = match separator {
        Separator::Comma => ',',
        Separator::Semicolon => ';',
        Separator::Tab => '\t',
        Separator::Pipe => '|',
    };
    let label = |row: usize| match &table.labels {
        Labels::Integers(labels) => Some(labels[row].to_string()),
        Labels::Names(names) => {
            let name = &names[row];
            let needs = quoted || name.contains(|c: char| !c.is_alphanumeric());
            is_word(name)
                .then(|| if needs { format!("\"{}\"", name.replace('"', "\"\"")) } else { name.clone() })
        }
    };
    let mut text = String::new();
    for name in table.names() {
        write!(text, "{name}{separator}").expect("a string grows");
    }
    write!(text, "label{end}").expect("a string grows");
    for row in 0..table.rows {
        for feature in 0..table.features {
            // `{:?}` keeps the sign of zero and the point of what is no integer label.
            write!(text, "{:?}{separator}", table.single(row, feature)).expect("a string grows");
        }
        write!(text, "{}{end}", label(row)?).expect("a string grows");
    }
    Some(text.into_bytes())
}

/// Whether text is surely a class: no number, bool, date or missing value, without space about it.
fn is_word(name: &str) -> bool {
    const OTHERS: [&str; 12] =
        ["nan", "inf", "infinity", "true", "false", "none", "null", "nil", "na", "nat", "missing", "sep="];
    let inner = |c: char| c.is_alphanumeric() || " _;,|'\"".contains(c);
    name.trim() == name
        && name.starts_with(char::is_alphabetic)
        && name.chars().all(inner)
        && !OTHERS.iter().any(|other| name.eq_ignore_ascii_case(other))
}

/// JSON has neither NaN nor infinity.
pub(super) fn json(table: &Table) -> Option<Vec<u8>> {
    if table.values.iter().any(|value| !value.is_finite()) {
        return None;
    }
    let mut text = String::new();
    for row in 0..table.rows {
        text.push('{');
        for (feature, name) in table.names().iter().enumerate() {
            let value = table.values[row * table.features + feature];
            write!(text, "\"{name}\": {value:?}, ").expect("a string grows");
        }
        let label = match &table.labels {
            Labels::Integers(labels) => labels[row].to_string(),
            Labels::Names(names) => serde_json::to_string(&names[row]).expect("text is JSON"),
        };
        writeln!(text, "\"label\": {label}}}").expect("a string grows");
    }
    Some(text.into_bytes())
}
