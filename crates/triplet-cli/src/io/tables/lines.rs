//! The lines of a text table: comments taken out, runs of spaces made one, and where each
//! record began.

use super::{
    cell::{kind, trim},
    separator::fields,
};
use crate::io::source::shorten;
use anyhow::{Result, bail};
use std::borrow::Cow;

/// Text whose lines are records.
#[derive(Debug)]
pub(super) struct Lines<'a> {
    pub(super) text: Cow<'a, str>,
    pub(super) places: Places,
    /// The last comment before the first record, without its sign.
    pub(super) comment: Option<String>,
}

/// The line of the file that each record began on.
#[derive(Debug, Default)]
pub(super) struct Places {
    /// Records from which on the line is another than that of the record before plus one.
    jumps: Vec<(usize, usize)>,
}

impl Places {
    /// The line, from 1, of a record, from 0.
    pub(super) fn line(&self, record: usize) -> usize {
        let after = self.jumps.partition_point(|jump| jump.0 <= record);
        match after.checked_sub(1).map(|at| self.jumps[at]) {
            Some((first, line)) => line + record - first,
            None => record + 1,
        }
    }
}

/// The first lines that are no comments and not blank.
pub(super) fn sample(text: &str, most: usize) -> Vec<&str> {
    let is_row = |line: &&str| !line.trim().is_empty() && !is_comment(line);
    let lines: Vec<&str> = text.split(['\n', '\r']).filter(is_row).take(most).collect();
    if lines.iter().all(|line| line.matches('"').count() % 2 == 0) {
        return lines;
    }
    // A quoted field with a line break in it: as quotes go, unless one is never closed.
    let (mut records, mut rest) = (Vec::new(), text);
    while !rest.is_empty() && records.len() < most {
        let (record, lines_taken, after) = one_record(rest, 0);
        let Some(record) = record.filter(|_| lines_taken <= MOST_LINES) else { return lines };
        records.push(record);
        rest = after;
    }
    records.retain(is_row);
    records
}

/// Lines that one record of a sample may take.
const MOST_LINES: usize = 100;

fn is_comment(line: &str) -> bool {
    line.trim_start().starts_with('#') || is_separator_line(line)
}

/// Whether a line states the separator, as Excel's do.
pub(super) fn is_separator_line(line: &str) -> bool {
    let line = line.trim_end_matches('\r').as_bytes();
    line.len() == 5 && line[..4].eq_ignore_ascii_case(b"sep=") && line[4].is_ascii()
}

/// Takes comments out and notes where records begin. `columns` is the number of fields.
pub(super) fn clean(text: &str, separator: u8, columns: usize) -> Result<Lines<'_>> {
    let mut places = Places::default();
    let (mut record, mut expected, mut line) = (0, 1, 0);
    let mut comment = None;
    // Text is copied only where lines go or change.
    let is_to_go = |line: &str| is_comment(line) || !line.is_empty() && line.trim().is_empty();
    let changed = separator == b' ' || text.split(['\n', '\r']).any(is_to_go);
    let mut kept = String::new();
    let mut rest = text;
    while !rest.is_empty() {
        line += 1;
        let (whole, lines, after) = one_record(rest, separator);
        let Some(whole) = whole else { bail!("line {line}: a quote is opened there and not closed") };
        rest = after;
        if whole.trim().is_empty() {
            line += lines - 1;
            continue;
        }
        if is_comment(whole) {
            let body = whole.trim_start().trim_start_matches('#').trim();
            let cells = fields(body, separator);
            let like_a_row = cells.len() == columns
                && (record > 0 || columns > 1 && cells[1..].iter().any(|cell| kind(trim(cell)).is_numeric()));
            if like_a_row {
                bail!(
                    "line {line} begins with # and has {columns} field(s) like a row ({:?}): remove it if it is a comment, \
                     quote its first field if it is a row",
                    shorten(whole, 40)
                );
            }
            if record == 0 {
                comment = Some(body.to_owned());
            }
            line += lines - 1;
            continue;
        }
        if line != expected {
            places.jumps.push((record, line));
        }
        if changed {
            if separator == b' ' {
                kept.extend(fields(whole, separator).into_iter().flat_map(|field| [field, " "]));
                kept.truncate(kept.trim_end_matches(' ').len());
            } else {
                kept.push_str(whole);
            }
            kept.push('\n');
        }
        record += 1;
        expected = line + 1;
        line += lines - 1;
    }
    let text = if changed { Cow::Owned(kept) } else { Cow::Borrowed(text) };
    Ok(Lines { text, places, comment })
}

/// Splits off a record: its text without the line end (`None` if a quote stays open), the
/// lines that it takes, and what follows.
fn one_record(text: &str, separator: u8) -> (Option<&str>, usize, &str) {
    let bytes = text.as_bytes();
    let (mut quoted, mut at_start, mut lines) = (false, true, 1);
    let mut at = 0;
    while at < bytes.len() {
        let byte = bytes[at];
        match byte {
            b'"' if quoted || at_start => {
                quoted = !quoted;
                at_start = false;
            }
            b'\n' | b'\r' => {
                let width = if byte == b'\r' && bytes.get(at + 1) == Some(&b'\n') { 2 } else { 1 };
                if !quoted {
                    return (Some(&text[..at]), lines, &text[at + width..]);
                }
                lines += 1;
                at += width - 1;
            }
            // 0 stands for any separator.
            _ if separator == 0 => at_start = b",;\t| ".contains(&byte),
            _ => at_start = byte == separator || byte == b' ' && at_start,
        }
        at += 1;
    }
    ((!quoted).then_some(text), lines, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_know_the_lines_that_they_came_from() {
        let text = "# made by hand\r\n# a b\r\n\r\n 1   2\r\n3 4\r\n\r\n\"x\r\ny\" 5\r\n6 7";
        let lines = clean(text, b' ', 2).unwrap();
        assert_eq!(lines.text, "1 2\n3 4\n\"x\r\ny\" 5\n6 7\n");
        assert_eq!(lines.comment.as_deref(), Some("a b"));
        assert_eq!((0..4).map(|record| lines.places.line(record)).collect::<Vec<_>>(), [4, 5, 7, 9]);
        let plain = clean("1,2\n3,4\n", b',', 2).unwrap();
        assert!(matches!(plain.text, Cow::Borrowed(_)));
        assert_eq!(plain.places.line(1), 2);
    }

    #[test]
    fn a_row_is_not_taken_for_a_comment() {
        for text in ["#cat,1\ndog,2\n", "cat,1\n#dog,2\n"] {
            let error = clean(text, b',', 2).unwrap_err().to_string();
            assert!(error.contains("begins with #"), "{error}");
        }
        assert!(clean("#a,b\n1,2\n# the end\n", b',', 2).is_ok());
        assert!(clean("1,\"2\n3,4\n", b',', 2).unwrap_err().to_string().contains("line 1: a quote"));
    }
}
